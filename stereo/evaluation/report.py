"""Reports of evaluations as files: written, read back with every check, and set side by side."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from stereo.errors import DataError
from stereo.output import atomic_output

if TYPE_CHECKING:  # it needs PyTorch, which comparing reports does not
    from stereo.evaluation.tally import EvaluationResult

# Columns of the table: key in the report, title, format.
_COLUMNS = (
    ("images", "images", "d"),
    ("epe", "EPE, px", ".2f"),
    ("bad_1", "bad-1, %", ".1f"),
    ("bad_2", "bad-2, %", ".1f"),
    ("bad_3", "bad-3, %", ".1f"),
    ("d1", "D1, %", ".1f"),
    ("seconds_per_pair", "s/pair", ".2f"),
)
_WORDS = ("data", "method", "protocol", "region")
_AGAIN = "name a report.json that evaluate.py wrote"


@dataclass(frozen=True)
class Report:
    """One report that was read.

    results: one for each data set, method, protocol and region, keys and units as evaluate.py writes them.
    settings: what tells this report's method from another of that name; `weights` is the beginning of their SHA-256.
    data: the settings of each data set by its FAMILY[:PATH], with dots where they are nested.
    """

    path: Path
    results: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, Any]
    data: Mapping[str, Mapping[str, Any]]


def write_report(path: str | Path, results: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
    """Write `report.json`, at once or not at all.

    Args:
        path: The file.
        results: One entry each, as :meth:`stereo.evaluation.evaluator.EvaluationResult.to_dict` gives them.
        run: Where they come from, as :func:`stereo.evaluation.provenance.describe_run` says it.

    Raises: OutputError.
    """
    text = json.dumps({"results": list(results), **run}, indent=2, allow_nan=False) + "\n"
    with atomic_output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_report(path: str | Path) -> Report:
    """Read a report back. Raises: DataError that names the file, the entry and the value that is wrong."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; {_AGAIN}") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path}: is not a JSON file; {_AGAIN}") from None
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list) or not results:
        raise DataError(f"{path}: has no results; {_AGAIN}")
    for number, result in enumerate(results, 1):
        _check(result, f"{path}: result {number}")
    settings = content.get("settings")
    if not isinstance(settings, dict):  # in reports of earlier versions
        settings = {"checkpoint": content.get("checkpoint")}
    settings = {**settings, "weights": str(content.get("checkpoint_sha256"))[:8]}
    data = content.get("data")
    data = {spec: _flat(values) for spec, values in data.items()} if isinstance(data, dict) else {}
    return Report(path, tuple({"region": "all", **result} for result in results), settings, data)


def _check(result: Any, where: str) -> None:
    if not isinstance(result, dict):
        raise DataError(f"{where} is {_quote(result)}, expected the values of one evaluation; {_AGAIN}")
    for key in _WORDS:
        value = result.get(key, "all" if key == "region" else None)
        if not isinstance(value, str):
            raise DataError(f"{where}: '{key}' is {_quote(value)}, expected a name; {_AGAIN}")
    for key, _, style in _COLUMNS:
        if key not in result:
            raise DataError(f"{where}: has no '{key}'; {_AGAIN}")
        value, whole = result[key], style == "d"
        if value is None and not whole:
            continue
        kind = int if whole else int | float
        if isinstance(value, kind) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
            continue
        expected = "a whole number" if whole else "a number or null"
        raise DataError(f"{where}: '{key}' is {_quote(value)}, expected {expected}; {_AGAIN}")


def _flat(values: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        flat |= {f"{key}.{name}": part for name, part in value.items()} if isinstance(value, dict) else {key: value}
    return flat


def _quote(value: Any) -> str:
    return ascii(value)[:40]


# --------------------------------------------------------------------------------------------------- side by side


def markdown_table(reports: Sequence[Report]) -> list[str]:
    """Return the lines of a Markdown table, in the reports' order, with rows that can be compared next to one another.

    The family stands for the data set, since paths are of one machine.

    Raises: DataError where the reports have no protocol in common.
    """
    shared = set.intersection(*({result["protocol"] for result in report.results} for report in reports))
    if not shared:
        names = sorted({result["protocol"] for report in reports for result in report.results})
        raise DataError(f"the reports are of different protocols ({', '.join(names)}): not comparable")
    rows = [
        (report, label, result)
        for report, label in zip(reports, _labels(reports), strict=True)
        for result in report.results
    ]
    titles = ["data", "method", "protocol", *(title for _, title, _ in _COLUMNS)]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for group in dict.fromkeys(_comparable(result) for _, _, result in rows):
        for report, label, result in rows:
            if _comparable(result) == group:
                lines.append("| " + " | ".join(_cells(result, label, _data_label(report, result, reports))) + " |")
    return lines


def _comparable(result: Mapping[str, Any]) -> tuple[str, ...]:
    return (result["data"], result["protocol"], result["region"])


def _cells(result: Mapping[str, Any], label: str, data_label: str) -> list[str]:
    numbers = ["–" if result[key] is None else format(result[key], style) for key, _, style in _COLUMNS]
    protocol = result["protocol"] + ("" if result["region"] == "all" else f", {result['region']}")
    return [result["data"].partition(":")[0] + data_label, result["method"] + label, protocol, *numbers]


def _data_label(report: Report, result: Mapping[str, Any], reports: Sequence[Report]) -> str:
    """Return the settings of a result's data set that are others in another report, as its split may be."""
    spec = result["data"]
    others = [other.data[spec] for other in reports if spec in other.data]
    words = [
        f"{key} {value}"
        for key, value in report.data.get(spec, {}).items()
        if any(other.get(key) != value for other in others)
    ]
    return f" ({', '.join(words)})" if words else ""


def _labels(reports: Sequence[Report]) -> list[str]:
    """Return what tells each report's method from that of the others: its checkpoint, and settings that differ."""
    labels = []
    for report in reports:
        rivals = [other.settings for other in reports if _methods(other) == _methods(report)]
        words = []
        checkpoint = report.settings.get("checkpoint")
        if checkpoint is not None:
            words.append(_short_name(str(checkpoint), [str(other.get("checkpoint")) for other in rivals]))
        for key, value in report.settings.items():
            # Weights are named where a file of the same path has held others.
            others = [other for other in rivals if key != "weights" or other.get("checkpoint") == checkpoint]
            if key != "checkpoint" and any(other.get(key) != value for other in others):
                words.append(f"{key} {value}")
        labels.append(f" ({', '.join(words)})" if words else "")
    return labels


def _methods(report: Report) -> set[str]:
    return {result["method"] for result in report.results}


def _short_name(path: str, others: Sequence[str]) -> str:
    """Return as much of the end of a path, without its suffix, as tells it from the other paths."""

    def tail(path: str, count: int) -> str:
        parts = PurePath(path).parts[-count:]
        return "/".join([*parts[:-1], PurePath(parts[-1]).stem]) if parts else "no name"

    count = 1
    while count < len(PurePath(path).parts) and any(
        other != path and tail(other, count) == tail(path, count) for other in others
    ):
        count += 1
    return tail(path, count)


# ----------------------------------------------------------------------------------------------------- on a terminal

# Key in the report, title, width, format.
_TERMINAL = (
    ("images", "images", 6, "d"),
    ("epe", "EPE", 7, ".3f"),
    ("epe_image_mean", "im. mean", 8, ".3f"),
    ("bad_1", "bad-1", 6, ".2f"),
    ("bad_2", "bad-2", 6, ".2f"),
    ("bad_3", "bad-3", 6, ".2f"),
    ("d1", "D1", 6, ".2f"),
    ("share", "share", 6, ".1f"),
    ("seconds_per_pair", "s/pair", 7, ".3f"),
)


class TextTable:
    """The table on the screen, a line at a time.

    Args:
        words: The names that the first columns have to hold: data, method, protocol and region.
    """

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self._widths = {key: max(len(key), *map(len, values)) for key, values in words.items()}

    def header(self) -> str:
        """Return the titles."""
        titles = [f"{title:>{width}}" for _, title, width, _ in _TERMINAL]
        return "  ".join([*(f"{key:<{width}}" for key, width in self._widths.items()), *titles])

    def row(self, result: Mapping[str, Any]) -> str:
        """Return one entry of a report."""
        words = [f"{result[key]:<{width}}" for key, width in self._widths.items()]
        for key, _, width, style in _TERMINAL:
            words.append(f"{'–' if result[key] is None else format(result[key], style):>{width}}")
        return "  ".join(words)


def remarks(results: "Sequence[EvaluationResult]") -> list[str]:
    """Return what has to be said beside the numbers of one method on one data set.

    Nothing scored, images left out, regions without a pixel, disparities beyond the method's range, what the notes say,
    items failed.
    """
    data = results[0].data
    lines = []
    notes: dict[str, dict[str, list[str]]] = {}
    empty = dict.fromkeys(result.region for result in results if not result.notes and result.region != "all")
    for result in results:
        where = f"{data}, protocol {result.protocol}"
        if result.region == "all":
            skipped = f"{result.skipped} image{'s' * (result.skipped != 1)}"
            if result.images == 0:
                lines.append(f"{where}: nothing was scored, none of {skipped} has a pixel that counts")
            elif result.skipped:
                lines.append(f"{where}: left out {skipped}")
        elif result.region == "beyond_range" and result.pixels:
            lines.append(
                f"{where}: {result.share:.2g} % of the pixels lie beyond the range of {result.method}; their EPE is "
                f"{result.metrics['epe']:.2f} px"
            )
        if result.images:
            empty.pop(result.region, None)
        for note in result.notes:
            notes.setdefault(note, {}).setdefault(result.protocol, []).append(result.region)
    empty.pop("beyond_range", None)  # as it should be
    if empty:
        lines.append(f"{data}: no pixel lies in {', '.join(empty)}")
    for note, places in notes.items():
        of = "; ".join(name if own == ["all"] else f"{name}: {', '.join(own)}" for name, own in places.items())
        lines.append(f"{data}: {note} ({of})")
    failures = dict.fromkeys(message for result in results for message in result.failed)
    return lines + [f"failed: {message}" for message in failures]
