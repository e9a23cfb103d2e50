"""The examples of docs/extending.md run as they stand there."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from helpers import REPOSITORY
from helpers.pages import blocks

from stereo.config import FOLDER_FAMILIES
from stereo.data.datasets import BUILDERS
from stereo.evaluation.metrics import METRICS
from stereo.model.attention import KINDS
from stereo.model.features.build import FEATURES
from stereo.training.losses import LOSSES

PAGE = REPOSITORY / "docs" / "extending.md"
# Of each section the dictionary that its example adds an entry to.
EXTENDED: dict[str, dict[Any, Any]] = {
    "A data set": BUILDERS,
    "An attention kind": KINDS,
    "A loss": LOSSES,
    "A metric": METRICS,
    "A backbone": FEATURES,
}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Take the examples' entries out of the dictionaries again."""
    with ExitStack() as stack:
        for dictionary in EXTENDED.values():
            stack.enter_context(mock.patch.dict(dictionary))
        yield


def test_every_section_has_an_example_and_a_patch() -> None:
    assert list(blocks(PAGE, "python")) == list(blocks(PAGE, "diff")) == list(EXTENDED)


@pytest.mark.parametrize("section", EXTENDED)
def test_the_example_adds_one_choice_and_runs(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = len(EXTENDED[section])
    exec(compile(blocks(PAGE, "python")[section], PAGE, "exec"), {"__name__": "extending"})
    assert len(EXTENDED[section]) == before + 1


@pytest.mark.parametrize("section", EXTENDED)
def test_the_patch_fits_the_files(section: str) -> None:
    lines: list[str] = []
    for line in blocks(PAGE, "diff")[section].splitlines():
        if line.startswith("--- "):
            lines = (REPOSITORY / line.removeprefix("--- ")).read_text(encoding="utf-8").splitlines()
        elif line.startswith((" ", "-")):
            assert line[1:] in lines


def test_the_page_shows_the_newest_data_set_as_it_stands() -> None:
    newest = FOLDER_FAMILIES[-1]
    module = REPOSITORY / "stereo" / "data" / "families" / f"{newest}.py"
    assert f"```python\n{module.read_text(encoding='utf-8')}```\n" in PAGE.read_text(encoding="utf-8")
    assert f'+    "{newest}",' in blocks(PAGE, "diff")["A data set"]


def test_the_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`((?:stereo|tests|data)/[\w/]+(?:\.py|\.md|/))`", PAGE.read_text(encoding="utf-8")))
    assert len(named) > 10
    assert {path for path in named if not (REPOSITORY / path).exists()} == {"stereo/data/families/lab_rig.py"}
