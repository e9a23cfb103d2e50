"""The scale of ground truth, estimated from the images: what their own matches say of the values that were read.

Small windows of the left view are looked for in the same rows of the right one, over its whole width, so that any
scale and either sign is found. What is measured is then explained by the values that were read in the simplest way that
fits: as disparity of some scale, as disparity beside an offset, or as depth.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import GroundTruth, Image, Mask, StereoSample
from stereo.data.warping import SWAPPED

Values = NDArray[np.float64]

# Views are searched at most so wide, for so many windows of so many px; fewer matches than that tell nothing.
_WIDTH, _WINDOWS, _RADIUS, _FEWEST = 640, 120, 5, 15
# A match counts if its correlation is so high, and its distance from 1 so much less than that of the next best.
_CORRELATION, _RATIO = 0.8, 0.6
# Ground truth counts where it changes by no more than this share over the window's middle.
_SMOOTH = 0.05
# px of the searched views: how far a match may lie from what explains it, and how wrong all of them may be together.
_TOLERANCE, _BIAS = 1.5, 0.1
# The share of the matches that an explanation must cover, and how much less it must leave than the one of scale alone.
_COVERED, _CLEARLY = 0.5, 0.7
# A scale is wrong where it is farther from 1 than this, and than three times its uncertainty.
_SCALE_ERROR = 0.02

Kind = Literal["scale", "offset", "depth"]


@dataclass(frozen=True)
class ScaleEstimate:
    """How the values that were read become the disparities that the views show.

    kind: scale, disparity = factor × value; offset, value + factor (px); depth, factor (px × unit of depth) / value.
    error: the uncertainty of the factor, one standard deviation. matches: the number of points that agree.
    """

    kind: Kind
    factor: float
    error: float
    matches: int

    @property
    def confirmed(self) -> bool:
        """Return whether the values are disparities as they are, as far as the views tell."""
        return self.kind == "scale" and abs(self.factor - 1) <= max(_SCALE_ERROR, 3 * self.error) < 0.5

    @property
    def problem(self) -> str | None:
        """Return in words what is wrong with the values; None if nothing is, or if the views tell too little."""
        shown = f"{self.factor:.4g} ± {self.error:.1g}"
        if self.kind == "depth":
            return (
                "the values seem to be depth, not disparity: the views match at a disparity of F / value, with F = "
                f"{shown} (focal length in px × baseline, in the unit of the depth); convert them"
            )
        if self.kind == "offset":
            return (
                f"the views match at the values that were read + {shown} px: they seem to be cropped at different "
                "columns, or to have principal points that differ; add that to the values"
            )
        if abs(self.factor - 1) <= max(_SCALE_ERROR, 3 * self.error):
            return None
        if abs(self.factor + 1) <= max(_SCALE_ERROR, 3 * self.error):
            return SWAPPED
        whole = round(1 / self.factor)
        ratio = f", about 1/{whole}," if whole > 1 and abs(self.factor * whole - 1) <= max(0.01, self.error) else ""
        swapped = ", with the views or the sign exchanged" if self.factor < 0 else ""
        return (
            f"the disparity's scale seems to be wrong: the views match at {shown}{ratio} × the values that were "
            f"read{swapped}"
        )


def estimate_scale(sample: StereoSample) -> ScaleEstimate | None:
    """Return what the views say of the values of a sample's ground truth; None where they say too little."""
    if sample.truth is None:
        return None
    shrink = min(1.0, _WIDTH / sample.width)
    value, usable = _values(sample.truth, shrink)
    left, right = _searched(sample.left, shrink), _searched(sample.right, shrink)
    at, disparity = _match(left, right, usable)
    if len(disparity) < _FEWEST:
        return None
    read, seen = value[at[:, 1], at[:, 0]].astype(np.float64), disparity / shrink
    return _explain(read, seen, _TOLERANCE / shrink, _BIAS / shrink)


def _values(truth: GroundTruth, shrink: float) -> tuple[NDArray[np.float32], Mask]:
    """Return the values at each pixel of the searched view, and where they are known, smooth and not 0."""
    height, width = truth.disparity.shape
    rows = np.minimum(((np.arange(round(height * shrink)) + 0.5) / shrink).astype(int), height - 1)
    columns = np.minimum(((np.arange(round(width * shrink)) + 0.5) / shrink).astype(int), width - 1)
    value, usable = truth.disparity[np.ix_(rows, columns)], truth.valid[np.ix_(rows, columns)]
    if truth.occluded is not None:
        usable = usable & ~truth.occluded[np.ix_(rows, columns)]
    window = np.ones((_RADIUS, _RADIUS), np.uint8)
    highest = cv2.dilate(np.where(usable, value, np.float32(-np.inf)), window)
    lowest = cv2.erode(np.where(usable, value, np.float32(np.inf)), window)
    with np.errstate(invalid="ignore", over="ignore"):
        smooth = highest - lowest <= _SMOOTH * np.abs(value)
    return value, usable & smooth & (value != 0)


def _searched(image: Image, shrink: float) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    if shrink < 1:
        size = round(image.shape[1] * shrink), round(image.shape[0] * shrink)
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8)


def _match(left: NDArray[np.uint8], right: NDArray[np.uint8], usable: Mask) -> tuple[NDArray[np.int64], Values]:
    """Return points of the left view, x and y, [N, 2], and their disparities, px, [N], of either sign."""
    inside = np.zeros_like(usable)
    inside[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = usable[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
    corners = cv2.goodFeaturesToTrack(left, _WINDOWS, 0.005, 2 * _RADIUS, mask=inside.astype(np.uint8))
    points = np.zeros((0, 2), int) if corners is None else corners.reshape(-1, 2).astype(int)
    side, area = 2 * _RADIUS + 1, (2 * _RADIUS + 1) ** 2
    sharp = right.astype(np.float32)
    mean = cv2.boxFilter(sharp, cv2.CV_32F, (side, side))
    power = area * (cv2.sqrBoxFilter(sharp, cv2.CV_32F, (side, side)) - mean**2)
    kept, found = [], []
    for x, y in points.tolist():
        rows = slice(y - _RADIUS, y + _RADIUS + 1)
        window = left[rows, x - _RADIUS : x + _RADIUS + 1].astype(np.float32)
        window -= window.mean()
        products = _correlate(sharp[rows], window)
        flat = float((window**2).sum()) * power[y, _RADIUS:-_RADIUS]
        scores = products / np.sqrt(np.maximum(flat, area**2))  # of a window without texture: about 0
        best = int(scores.argmax())
        others = np.concatenate([scores[: max(best - 3, 0)], scores[best + 4 :], [-1.0]])
        if scores[best] < _CORRELATION or 1 - scores[best] > _RATIO * (1 - others.max()):
            continue
        kept.append((x, y))
        found.append(x - _RADIUS - best - _subpixel(scores, best))
    return np.array(kept, int).reshape(-1, 2), np.array(found)


def _correlate(strip: NDArray[np.float32], window: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of products of a window, [rows, K], with a strip, [rows, W], at each column: [W − K + 1].

    A matrix product and the sums of its diagonals: many times faster than OpenCV's matchTemplate on such strips.
    """
    products = window.T @ strip  # [K, W]
    down, along = products.strides
    shape = len(products), products.shape[1] - len(products) + 1
    return np.lib.stride_tricks.as_strided(products, shape, (down + along, along)).sum(0)


def _subpixel(scores: Values, best: int) -> float:
    """Return where between the neighbors of the best score the maximum of a parabola lies, −½ … ½."""
    if not 0 < best < len(scores) - 1:
        return 0.0
    before, here, after = scores[best - 1 : best + 2].tolist()
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


class _Fit(NamedTuple):
    factor: float
    error: float
    residual: float
    matches: int


def _explain(read: Values, seen: Values, tolerance: float, bias: float) -> ScaleEstimate | None:
    """Return the simplest explanation of the disparities that were seen by the values that were read."""
    fits: dict[Kind, _Fit] = {
        "scale": _fit(read, seen, tolerance, bias),
        "offset": _fit(np.ones_like(read), seen - read, tolerance, bias),
        "depth": _fit(1 / read, seen, tolerance, bias),
    }
    kind: Kind = min(fits, key=lambda name: fits[name].residual)
    if fits[kind].residual > _CLEARLY * fits["scale"].residual:
        kind = "scale"
    fit = fits[kind]
    if fit.matches < max(_FEWEST, _COVERED * len(seen)):
        return None
    return ScaleEstimate(kind, fit.factor, fit.error, fit.matches)


def _fit(terms: Values, seen: Values, tolerance: float, bias: float) -> _Fit:
    """Return the factor by which factor · terms is what was seen, wherever it comes near that.

    It is the median of the ratios, which fewer than half of the matches cannot move far, and then the least squares of
    those that agree.
    """
    factor = float(np.median(seen / terms))
    agree = np.abs(seen - factor * terms) <= tolerance
    for _ in range(5):
        if not agree.any():
            break
        factor = float(terms[agree] @ seen[agree] / (terms[agree] @ terms[agree]))
        agree = np.abs(seen - factor * terms) <= tolerance
    rest = np.abs(seen - factor * terms)
    count = int(agree.sum())
    size = np.sqrt((terms[agree] ** 2).mean()) if count else 0.0
    spread = np.sqrt((rest[agree] ** 2).mean() / count) if count else np.inf
    return _Fit(factor, float(np.hypot(spread, bias) / size) if size else np.inf, float(np.median(rest)), count)
