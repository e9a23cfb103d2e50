"""The report of an evaluation: written once, read by scripts/compare.py."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stereo.evaluation.evaluator import EvaluationResult
from stereo.output import atomic_output


def write_report(
    path: str | Path,
    results: Sequence[EvaluationResult],
    checkpoint: str | Path | None,
    config: Mapping[str, Any] | None,
) -> None:
    """Write `report.json`, at once or not at all.

    Args:
        path: the file.
        results: one entry each.
        checkpoint: the weights' file; None for a method without any.
        config: the settings of the method.

    Raises: OutputError.
    """
    report = {
        "results": [result.to_dict() for result in results],
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "config": config,
    }
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    with atomic_output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
