"""docs/extending.md: its examples run, one for each dictionary, and the files that it names hold what it says."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from helpers import REPOSITORY

from stereo.data.datasets import BUILDERS
from stereo.evaluation.metrics import METRICS
from stereo.model.attention import KINDS
from stereo.model.features import FEATURES
from stereo.training.losses import LOSSES

PAGE = REPOSITORY / "docs" / "extending.md"
# By heading: the dictionary that the section's example adds to.
DICTIONARIES: dict[str, dict[Any, Any]] = {
    "A data set": BUILDERS,
    "An attention kind": KINDS,
    "A loss": LOSSES,
    "A metric": METRICS,
    "A backbone": FEATURES,
}


def sections() -> dict[str, str]:
    """The text of each section of the page by its heading."""
    _, *parts = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_section_is_tested() -> None:
    assert list(sections()) == list(DICTIONARIES)


@pytest.mark.parametrize("heading", DICTIONARIES)
def test_the_example_runs_and_adds_one_entry(heading: str) -> None:
    dictionary = DICTIONARIES[heading]
    (example,) = re.findall(r"^```python\n(.*?)^```", sections()[heading], flags=re.MULTILINE | re.DOTALL)
    before = set(dictionary)
    with patch.dict(dictionary):  # puts it back as it was
        exec(compile(example, f"{PAGE}: {heading}", "exec"), {"__name__": "example"})
        assert len(set(dictionary) - before) == 1
    assert set(dictionary) == before


@pytest.mark.parametrize("heading", DICTIONARIES)
def test_the_files_hold_what_the_table_says(heading: str) -> None:
    rows = re.findall(r"^\| \d \| `([^`]+)` \| (.*) \|$", sections()[heading], flags=re.MULTILINE)
    assert rows
    for name, what in rows:
        path = REPOSITORY / name
        assert path.exists(), f"{name} is not there"
        if name.startswith("stereo/") and path.is_file():
            text = path.read_text(encoding="utf-8")
            for identifier in re.findall(r"`(\w+)(?:\.(\w+))?`", what):
                assert all(word in text for word in identifier), f"{name} has no {'.'.join(identifier)}"
