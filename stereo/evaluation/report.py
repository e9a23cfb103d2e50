"""Reports of evaluations: written, as a file and on a terminal. stereo/evaluation/compare reads them."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stereo.output import atomic_output

if TYPE_CHECKING:  # it needs PyTorch
    from stereo.evaluation.tally import EvaluationResult


# Of a path that is no UTF-8, Python keeps the bytes as halves of surrogate pairs, which no file can hold.
_HALF = "[\ud800-\udfff]"


def as_reported(text: str) -> str:
    """Return a name as a report has it: what is no UTF-8 is written out, as \\udcf6."""
    return re.sub(_HALF, lambda half: f"\\u{ord(half[0]):04x}", text)


def write_report(path: str | Path, results: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
    """Write `report.json`, at once or not at all.

    Args:
        path: The file.
        results: One entry each, as :meth:`stereo.evaluation.evaluator.EvaluationResult.to_dict` gives them.
        run: Where they come from, as :func:`stereo.evaluation.provenance.describe_run` says it.

    Raises: OutputError.
    """
    text = json.dumps({"results": list(results), **run}, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    text = re.sub(_HALF, lambda half: f"\\\\u{ord(half[0]):04x}", text)
    with atomic_output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
            if result.images == 0 and result.skipped:
                lines.append(f"{where}: nothing was scored, none of {skipped} has a pixel that counts")
            elif result.skipped:
                lines.append(f"{where}: left out {skipped}")
            elif result.images == 0 and not result.failed:
                lines.append(f"{where}: no pair of it belongs to this shard")
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
    if empty and any(result.images for result in results):
        lines.append(f"{data}: no pixel lies in {', '.join(empty)}")
    for note, places in notes.items():
        of = "; ".join(name if own == ["all"] else f"{name}: {', '.join(own)}" for name, own in places.items())
        lines.append(f"{data}: {note} ({of})")
    failures = dict.fromkeys(message for result in results for message in result.failed)
    return lines + [f"failed: {message}" for message in failures]
