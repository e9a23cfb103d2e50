"""The scores of a run as they are kept in the repository: one small file for each run, written from its evaluation.

Runs and evaluations lie on the machine that made them and go with it; these files stay, so that rows from several
machines stand in one table, and a row that has its scores is not trained again elsewhere.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stereo.ablation.rows import Row
from stereo.errors import DataError, FormatError
from stereo.evaluation.compare.reading import read_images, read_report
from stereo.files import read_file
from stereo.output import atomic_output, make_output_folder

METRICS = {"epe": "EPE", "bad_1": "bad-1", "bad_2": "bad-2"}
# The procedural scenes, which are scored last: a report without them is of an evaluation that goes on.
SCENES = "synthetic"
_PROTOCOL = "all"
_DIGITS = 4  # significant, of each error
_MAX_BYTES = 16 << 20  # 100 pairs in five regions have 20 kB

# Errors in the order of METRICS by pair, by region and family. A pair: FOLDER/NAME of a real one, NAME of a scene.
Errors = dict[tuple[str, str], dict[str, tuple[float, ...]]]


@dataclass(frozen=True)
class RunScores:
    """What one run scored.

    row: a digest of the row's settings, by which scores of an earlier form of the row are known. weights: SHA-256 of
    the scored checkpoint. origin: by what program and machine it was scored.
    """

    row: str
    weights: str
    origin: str
    errors: Errors

    def has(self, data: str) -> bool:
        """Return whether pairs of FAMILY[:PATH] are among the scored ones, by the name of its folder."""
        family, _, path = data.partition(":")
        begin = f"{Path(path).name}/" if path else ""
        return any(pair.startswith(begin) for pair in self.errors.get(("all", family), ()))


def digest(row: Row) -> str:
    """Return a digest of what a row's file sets; its comments do not count. Raises: DataError."""
    try:
        settings = yaml.safe_load(_text(row.path))
    except yaml.YAMLError:
        raise DataError(f"{row.path}: is not YAML") from None
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def can_go_on(evaluation: Path, weights: str, data: Iterable[str]) -> bool:
    """Return whether a folder has a report of these weights (SHA-256) on some of these data sets, and on no others."""
    with suppress(DataError):
        report = read_report(evaluation)
        known = {result["data"] for result in report.results}
        return report.run.get("checkpoint_sha256") == weights and known <= set(data)
    return False


def collect(evaluation: Path, row: Row) -> RunScores | None:
    """Return the scores in the folder of an evaluation; None where it is not complete. Raises: DataError."""
    if not os.path.exists(evaluation / "report.json"):
        return None
    report = read_report(evaluation)
    if SCENES not in {result["data"] for result in report.results}:
        return None
    keys = {
        (result["data"], result["method"], result["protocol"], result["region"])
        for result in report.results
        if result["protocol"] == _PROTOCOL
    }
    errors: Errors = {}
    for (data, _, _, region), images in sorted(read_images(report, keys, list(METRICS)).items()):
        family, _, path = data.partition(":")
        own = errors.setdefault((region, family), {})
        for name, score in images.items():
            pair = f"{Path(path).name}/{name}" if path else name
            if pair in own:
                raise DataError(f"{evaluation}: two data sets of '{family}' have a pair {pair}; rename one's folder")
            own[pair] = tuple(map(_rounded, score.values))
    origin = f"revision {str(report.run.get('revision'))[:12]}, {report.run.get('machine')}"
    return RunScores(digest(row), str(report.run.get("checkpoint_sha256")), origin, errors)


def write_run(path: Path, run: RunScores) -> None:
    """Write a run's scores, a line for each region and family. Raises: OutputError."""
    head = {"row": run.row, "weights": run.weights, "origin": run.origin, "metrics": list(METRICS)}
    lines = [
        json.dumps([region, family, pairs], ensure_ascii=False, separators=(",", ":"))
        for (region, family), pairs in run.errors.items()
    ]
    make_output_folder(path.parent)
    with atomic_output(path) as temporary:
        temporary.write_text("\n".join([json.dumps(head, ensure_ascii=False), *lines, ""]), encoding="utf-8")


def read_run(path: Path) -> RunScores:
    """Return the scores that `write_run` wrote. Raises: DataError for a file that is broken or cannot be read."""
    head, *lines = _text(path).splitlines() or [""]
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        values: Mapping[str, Any] = json.loads(head)
        if values["metrics"] != list(METRICS):
            raise ValueError
        errors: Errors = {}
        for line in lines:
            region, family, pairs = json.loads(line)
            errors[str(region), str(family)] = {pair: _errors(own) for pair, own in pairs.items()}
        if not errors:
            raise ValueError
        return RunScores(str(values["row"]), str(values["weights"]), str(values["origin"]), errors)
    raise DataError(f"{path}: holds no scores of a run; remove it and evaluate the run again")


def _text(path: Path) -> str:
    try:
        return read_file(path, _MAX_BYTES).decode("utf-8")
    except (FormatError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _errors(values: list[float]) -> tuple[float, ...]:
    errors = tuple(map(float, values))
    if len(errors) != len(METRICS) or not all(0 <= error < float("inf") for error in errors):
        raise ValueError
    return errors


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
