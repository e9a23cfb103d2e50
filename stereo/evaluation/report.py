"""Reports of evaluations: written, as a file and on a terminal. Reading them is in stereo/evaluation/reading.py."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stereo.output import atomic_output

if TYPE_CHECKING:  # it needs PyTorch
    from stereo.evaluation.evaluator import EvaluationResult


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
    ("seconds_per_pair", "s/pair", 7, ".3f"),
)


def text_header(data_width: int) -> str:
    """Return the titles of :func:`text_row`."""
    titles = [f"{title:>{width}}" for _, title, width, _ in _TERMINAL]
    return "  ".join([f"{'data':<{data_width}}", f"{'method':<17}", f"{'protocol':<8}", *titles])


def text_row(result: Mapping[str, Any], data_width: int) -> str:
    """Return one entry of a report as a line of a table, whose first column is so wide."""
    words = [f"{result['data']:<{data_width}}", f"{result['method']:<17}", f"{result['protocol']:<8}"]
    for key, _, width, style in _TERMINAL:
        words.append(f"{'–' if result[key] is None else format(result[key], style):>{width}}")
    return "  ".join(words)


def remarks(results: "Sequence[EvaluationResult]") -> list[str]:
    """Return what has to be said beside the numbers of one data set: nothing scored, images left out, items failed."""
    lines = []
    for result in results:
        where = f"{result.data}, protocol {result.protocol}"
        skipped = f"{result.skipped} image{'s' * (result.skipped != 1)}"
        if result.images == 0:
            lines.append(f"{where}: nothing was scored, none of {skipped} has a pixel that counts")
        elif result.skipped:
            lines.append(f"{where}: left out {skipped}")
    failures = dict.fromkeys(message for result in results for message in result.failed)
    return lines + [f"failed: {message}" for message in failures]
