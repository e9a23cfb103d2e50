"""The rows of the ablation, one YAML file each, and where their runs and scores lie.

A row's head says its letter and title in a line such as `# row (a): no attention`; the letter may be left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from stereo.errors import ConfigError

# The rows that the others are compared with, by name: no attention, gates alone, and the preset `slim`.
REFERENCES = ("none", "gate", "volume_efficient")
REFERENCE = REFERENCES[0]

# Parts of the images that are scored by themselves too: docs/evaluation.md.
REGIONS = ("visible", "occluded", "textureless", "edges")

_HEAD = re.compile(r"^# row(?: \(([a-z])\))?: (\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One configuration. name: that of its file. letter: of the plan; empty for a row that was added."""

    name: str
    letter: str
    title: str
    path: Path

    @property
    def label(self) -> str:
        """Return title and name, as a table shows them."""
        return f"{f'({self.letter}) ' if self.letter else ''}{self.title}, `{self.name}`"


@dataclass(frozen=True)
class Place:
    """Where things lie.

    runs: a folder ROW_SEED for each training run. results: one for each evaluation. scores: a file ROW_SEED.jsonl for
    each run that was scored; these alone are kept in the repository.
    """

    runs: Path
    results: Path
    scores: Path

    def run(self, row: Row, seed: int) -> Path:
        """Return the folder of a training run."""
        return self.runs / f"{row.name}_{seed}"

    def result(self, row: Row, seed: int) -> Path:
        """Return the folder of a run's evaluation."""
        return self.results / f"{row.name}_{seed}"

    def score(self, row: Row, seed: int) -> Path:
        """Return the file of a run's scores."""
        return self.scores / f"{row.name}_{seed}.jsonl"


def read_rows(folder: Path, names: Sequence[str] = ()) -> list[Row]:
    """Return the rows of a folder, by letter, those without one last.

    Args:
        names: Only these, in the folder's order. Empty: all.

    Raises: ConfigError for a folder without rows, an unknown name, or a letter that two rows have.
    """
    rows = sorted((_row(path) for path in folder.glob("*.yaml")), key=lambda row: (row.letter or "~", row.name))
    if not rows:
        raise ConfigError(f"{folder}: holds no rows, expected YAML files; see configs/ablation")
    for one, other in pairwise(rows):
        if one.letter and one.letter == other.letter:
            raise ConfigError(f"{other.path}: is row ({other.letter}) as {one.path} is; give it another letter or none")
    known = [row.name for row in rows]
    for name in names:
        if name not in known:
            raise ConfigError(f"'{name}' is no row of {folder}, expected one of {', '.join(known)}")
    return [row for row in rows if not names or row.name in names]


def _row(path: Path) -> Row:
    try:
        found = _HEAD.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None
    return Row(path.stem, (found[1] or "") if found else "", found[2] if found else path.stem, path)


def seeds_in(folder: Path, row: Row, ending: str = "") -> list[int]:
    """Return the seeds of which a folder holds something of a row, of the name ROW_SEED and an ending, in order."""
    name = re.compile(rf"{re.escape(row.name)}_(\d+){re.escape(ending)}")
    found = (name.fullmatch(path.name) for path in folder.glob(f"{row.name}_*"))
    return sorted(int(match[1]) for match in found if match)
