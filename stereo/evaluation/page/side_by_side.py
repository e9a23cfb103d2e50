"""Writes a page that shows several methods on the same pairs, side by side, as scripts/demo.py leaves it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stereo.data.sample import StereoSample
from stereo.evaluation.compare.reading import read_report
from stereo.evaluation.metrics import image_sums, select_pixels
from stereo.evaluation.page.colors import gradients
from stereo.evaluation.page.pictures import View, draw_views
from stereo.methods.stored import StoredPredictions
from stereo.output import atomic_output

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Column:
    """One method.

    title, what: Its name on the page, and a sentence about it. report, predictions: The folders that `evaluate.py
    --output … --save-predictions …` left.
    """

    title: str
    what: str
    report: Path
    predictions: Path


@dataclass(frozen=True)
class _Cell:
    """What a method says of one pair: its disparity, its error, and the metrics by name."""

    disparity: View
    error: View
    metrics: dict[str, float]


def write_side_by_side(
    path: str | Path, samples: Iterable[StereoSample], columns: Sequence[Column], commands: Sequence[str]
) -> None:
    """Write the page: one file, which asks the browser to load nothing and has no script.

    Args:
        path: Of the HTML file.
        samples: The pairs, with ground truth.
        columns: The methods, each evaluated on all of the pairs.
        commands: What made all this, as a shell takes it.

    Raises: DataError where a report or a prediction is missing or broken; OutputError.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    stored = [StoredPredictions(column.predictions) for column in columns]
    rows = [_row(sample, stored) for sample in samples]
    page = environment.get_template("side_by_side.html").render(
        columns=columns,
        scores=[_score(column.report) for column in columns],
        rows=rows,
        commands=commands,
        gradients=gradients(),
    )
    with atomic_output(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")


def _score(report: Path) -> Mapping[str, Any]:
    """Return the entry of a report that is of the whole images, by its first protocol."""
    return next(result for result in read_report(report).results if result["region"] == "all")


def _row(sample: StereoSample, stored: Sequence[StoredPredictions]) -> dict[str, Any]:
    """Return one pair as the template takes it."""
    truth = sample.require_truth("a page that compares with it")
    cells = []
    for method in stored:
        prediction = method.predict_sample(sample)
        left, disparity, true, error = draw_views(sample, prediction)[:4]
        pixels = select_pixels(prediction.disparity, truth.disparity, truth.valid)
        cells.append(_Cell(disparity, error, image_sums(pixels).metrics()))
    return {"name": sample.name, "left": left, "truth": true, "cells": cells}
