"""The pairs that a report's page shows: the worst and the median ones, drawn while the evaluation runs."""

import base64
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from stereo.data.sample import Image, Map, Mask, StereoSample
from stereo.evaluation.page.colors import ERROR_END, color_confidence, color_signed_error
from stereo.methods.method import Prediction
from stereo.processes import Processes
from stereo.visualize import color_disparity, color_limit

# px: the longer side of an embedded picture is at most so long.
LONGEST_SIDE = 480
_WEBP_QUALITY = 65

T = TypeVar("T", np.uint8, np.float32)


@dataclass(frozen=True)
class View:
    """One view of a pair, drawn.

    title: What it shows. image: a data URI. width, height: px, of that image.
    ramp: The colors' name in the style sheet, with what its two ends stand for; empty: the view has no scale.
    """

    title: str
    image: str
    width: int
    height: int
    ramp: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Picture:
    """A pair on the page.

    label: "worst 1", "median 3". metrics: of this pair, by name. width, height: px, of the pair itself.
    views: left view, prediction, ground truth, signed error and, where the method gives it, confidence.
    """

    data: str
    method: str
    label: str
    name: str
    metrics: Mapping[str, float]
    width: int
    height: int
    views: tuple[View, ...]


class PagePictures:
    """Keeps the worst pairs of one data set and method, and finds the median ones; memory does not grow with images.

    What is kept of every pair is its place, its name and its metrics.

    Args:
        data, method: As in the report.
        count: How many of the worst are wanted, and how many of the median ones.
    """

    def __init__(self, data: str, method: str, count: int = 10) -> None:
        self.data, self.method, self.count = data, method, count
        self._seen: dict[int, tuple[str, Mapping[str, float]]] = {}
        self._drawn: dict[int, Picture] = {}

    def observe(
        self,
        name: str,
        index: int,
        metrics: Mapping[str, float],
        sample: StereoSample | None = None,
        prediction: Prediction | None = None,
    ) -> None:
        """Take note of a scored pair.

        Args:
            name, index: In the data set.
            metrics: By name; a pair without a finite `epe` is passed over.
            sample, prediction: None where they are not at hand, such as of a pair that an earlier run has scored.
        """
        if not math.isfinite(metrics.get("epe", math.nan)):
            return
        self._seen[index] = name, dict(metrics)
        if sample is None or prediction is None or self.count == 0:
            return
        if len(self._drawn) == self.count:
            mildest = max(self._drawn, key=self._rank)
            if self._rank(index) > self._rank(mildest):
                return
            del self._drawn[mildest]
        self._drawn[index] = self._draw(index, sample, prediction)

    def gather(self, processes: Processes) -> None:
        """Exchange what was kept, so that every process has the same. All of them must call it."""
        if processes.size > 1:
            for seen, drawn in processes.gather((self._seen, self._drawn)):
                self._seen.update(seen)
                self._drawn.update(drawn)

    def pictures(self, reload: Callable[[int], tuple[StereoSample, Prediction]]) -> list[Picture]:
        """Return the worst pairs, worst first, then those nearest to the median EPE, nearest first; none twice.

        Args:
            reload: From an index to the sample and its prediction, for pairs that were not kept.
        """
        ranked = sorted(self._seen, key=self._rank)
        worst = ranked[: self.count]
        middle = (len(ranked) - 1) / 2
        others = sorted(range(len(worst), len(ranked)), key=lambda place: abs(place - middle))
        median = [ranked[place] for place in others[: self.count]]
        chosen = [("worst", rank, index) for rank, index in enumerate(worst, 1)]
        chosen += [("median", rank, index) for rank, index in enumerate(median, 1)]
        pictures = []
        for word, rank, index in chosen:
            picture = self._drawn[index] if index in self._drawn else self._draw(index, *reload(index))
            pictures.append(replace(picture, label=f"{word} {rank}"))
        return pictures

    def _rank(self, index: int) -> tuple[float, int]:
        return -self._seen[index][1]["epe"], index

    def _draw(self, index: int, sample: StereoSample, prediction: Prediction) -> Picture:
        name, metrics = self._seen[index]
        return Picture(
            self.data, self.method, "", name, metrics, sample.width, sample.height, draw_views(sample, prediction)
        )


def draw_views(sample: StereoSample, prediction: Prediction) -> tuple[View, ...]:
    """Draw a pair: left view, prediction, ground truth, signed error and, where there is one, confidence.

    Each is reduced to `LONGEST_SIDE`: a pixel shows the mean of the known pixels that it covers. Prediction and ground
    truth have one scale.
    """
    truth = sample.require_truth("a picture of the report")
    disparity, valid = truth.disparity, truth.valid
    predicted = np.isfinite(prediction.disparity)
    end = color_limit(disparity, valid)
    scale = {"ramp": "disparity", "low": "0", "high": f"{end:.0f} px"}
    error = np.where(valid & predicted, prediction.disparity, 0) - np.where(valid & predicted, disparity, 0)
    shrunk, known = _shrink(disparity, valid)
    views = [
        _view("left view", _resize(sample.left)),
        _view("prediction", _draw_disparity(*_shrink(prediction.disparity, predicted), end), **scale),
        _view("ground truth", _draw_disparity(shrunk, known, end), **scale),
        _view(
            "signed error",
            color_signed_error(*_shrink(error, valid & predicted)),
            ramp="error",
            low=f"−{ERROR_END:.0f}",
            high=f"{ERROR_END:.0f} px",
        ),
    ]
    if prediction.confidence is not None:
        shrunk, known = _shrink(prediction.confidence, np.isfinite(prediction.confidence))
        views.append(_view("confidence", color_confidence(shrunk, known), ramp="confidence", low="0", high="1"))
    return tuple(views)


def _draw_disparity(disparity: Map, known: Mask, end: float) -> Image:
    return color_disparity(disparity, end, valid=known)


def _shrink(values: Map, known: Mask) -> tuple[Map, Mask]:
    """Return a map reduced to the page's size, and where it is known: sparse ground truth does not fade."""
    weight = _resize(known.astype(np.float32))
    total = _resize(np.where(known, values, 0).astype(np.float32, copy=False))
    there = weight > 1e-6
    return np.where(there, total / np.where(there, weight, 1), 0).astype(np.float32, copy=False), there


def _resize(array: NDArray[T]) -> NDArray[T]:
    height, width = array.shape[:2]
    ratio = LONGEST_SIDE / max(height, width)
    if ratio >= 1:
        return array
    size = (max(round(width * ratio), 1), max(round(height * ratio), 1))
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), array.dtype)


def _view(title: str, image: Image, **scale: str) -> View:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "WEBP", quality=_WEBP_QUALITY)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return View(title, f"data:image/webp;base64,{content}", image.shape[1], image.shape[0], **scale)
