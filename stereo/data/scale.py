"""The scale of ground truth, estimated from the images: what their own matches say of the values that were read.

Small windows of the left view are looked for in the same rows of the right one, over its whole width, so that any
scale and either sign is found. What is measured is then explained by the values that were read in the simplest way that
fits: as disparity of some scale, as disparity beside an offset, or as depth.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stereo.data.sample import GroundTruth, Image, Mask, StereoSample
from stereo.data.warping import SWAPPED

Values = NDArray[np.float64]
Matches = tuple[Values, Values]
# Parts of a view, one around each of some rows: [bands, side, W].
Bands = NDArray[np.float32]

# Views are searched at most so wide. A turn takes so many rows, and of the stretches that each is divided into the
# windows of most contrast, so many a row. There are so many turns, as long as matches are not enough; fewer than the
# least tell nothing.
_WIDTH, _ROWS, _STRETCHES, _WINDOWS = 640, 10, 20, 7.5
_TURNS, _ENOUGH, _FEWEST = 3, 45, 15
# The first turn begins with every third of its rows: enough for a pair that is as it should be, as most are, if so
# large a share of the matches agrees.
_GLANCE, _AGREED = 3, 0.8
# A window reaches so far from its middle, px, and ground truth is looked at so far from it.
_RADIUS, _MIDDLE = 5, 2
_SIDE = 2 * _RADIUS + 1
# Windows in one matrix product: of more, it would start threads, which costs more than they do.
_AT_ONCE = 10
# A match counts if its correlation is so high, and its distance from 1 so much less than that of the next best.
_CORRELATION, _RATIO = 0.8, 0.6
# Ground truth counts where it changes by no more than this share over the window's middle.
_SMOOTH = 0.05
# px of the searched views: how far a match may lie from what explains it; how wrong all of them may be together, at
# least; and how close to half of them a scale must come for no other explanation to be looked for.
_TOLERANCE, _BIAS, _CLOSE = 1.5, 0.1, 0.5
# The share of the matches that an explanation must cover, and how much less it must leave than the one of scale alone.
_COVERED, _CLEARLY = 0.4, 0.7
# A scale is wrong where it is farther from 1 than this, and than three times its uncertainty.
_SCALE_ERROR = 0.02

Kind = Literal["scale", "offset", "depth"]


@dataclass(frozen=True)
class ScaleEstimate:
    """How the values that were read become the disparities that the views show.

    kind: scale, disparity = factor × value; offset, value + factor (px); depth, factor (px × unit of depth) / value.
    error: the uncertainty of the factor, one standard deviation. matches: the number of points that agree. share: how
    much that is of all that were matched, 0 … 1.
    """

    kind: Kind
    factor: float
    error: float
    matches: int
    share: float

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
    rows = _rows(sample.truth.valid, shrink)
    read, seen = np.zeros(0), np.zeros(0)
    # Each turn takes rows from the whole height; most pairs need a part of one turn.
    first = rows[::_TURNS]
    glance = first[::_GLANCE]
    for part in (glance, np.setdiff1d(first, glance), *(rows[turn::_TURNS] for turn in range(1, _TURNS))):
        if len(seen) < _ENOUGH and len(part):
            more_read, more_seen = _match_rows(sample, sample.truth, part, shrink)
            read, seen = np.append(read, more_read), np.append(seen, more_seen)
        if part is glance and len(seen) >= _FEWEST:
            estimate = _explain(read, seen, shrink)
            if estimate is not None and estimate.confirmed and estimate.share >= _AGREED:
                return estimate
    if len(seen) < _FEWEST:
        return None
    return _explain(read, seen, shrink)


def _rows(known: Mask, shrink: float) -> NDArray[np.int64]:
    """Return rows of the view, in order, each pair of neighbors with as much ground truth between them as the next."""
    margin = round(_SIDE / shrink) // 2 + 1
    counts = cv2.reduce(np.ascontiguousarray(known).view(np.uint8), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    sums = counts[margin:-margin, 0].cumsum()
    if len(sums) == 0 or sums[-1] == 0 or round(known.shape[1] * shrink) < 2 * _SIDE:
        return np.zeros(0, int)
    shares = (np.arange(_ROWS * _TURNS) + 0.5) / (_ROWS * _TURNS)
    return np.unique(np.searchsorted(sums, shares * sums[-1])) + margin


def _match_rows(sample: StereoSample, truth: GroundTruth, rows: NDArray[np.int64], shrink: float) -> Matches:
    """Return what was read at points of these rows, and their disparities, px of the searched views, of either sign."""
    width = round(sample.width * shrink)
    value, usable = _values(truth, rows, shrink, width)
    left, right = (_searched(view, rows, shrink, width) for view in (sample.left, sample.right))
    band, column = _choose(left, usable)
    windows = sliding_window_view(left, _SIDE, axis=2)[band, :, column - _RADIUS].reshape(len(band), _SIDE**2)
    scores = correlate(windows, band, right)
    best = scores.argmax(1)
    each = np.arange(len(best))
    correlation, shift = scores[each, best], _subpixel(scores, best)
    near = np.clip(best[:, None] + np.arange(-3, 4), 0, scores.shape[1] - 1)
    scores[each[:, None], near] = -1
    clear = (correlation >= _CORRELATION) & (1 - correlation <= _RATIO * (1 - scores.max(1)))
    return value[band, column][clear].astype(np.float64), (column - _RADIUS - best - shift)[clear]


def _values(truth: GroundTruth, rows: NDArray[np.int64], shrink: float, width: int) -> tuple[NDArray[np.float32], Mask]:
    """Return the values in these rows of the searched view, [rows, W], and where they are known, smooth and not 0."""
    around = rows[:, None] + np.rint(np.arange(-_MIDDLE, _MIDDLE + 1) / shrink).astype(int)
    columns = np.minimum(((np.arange(width) + 0.5) / shrink).astype(int), truth.disparity.shape[1] - 1)
    value, usable = (array[around].take(columns, axis=2) for array in (truth.disparity, truth.valid))
    if truth.occluded is not None:
        usable &= ~truth.occluded[around].take(columns, axis=2)
    window = np.ones((1, 2 * _MIDDLE + 1), np.uint8)
    highest = cv2.dilate(np.where(usable, value, np.float32(-np.inf)).max(1), window)
    lowest = cv2.erode(np.where(usable, value, np.float32(np.inf)).min(1), window)
    value, usable = value[:, _MIDDLE], usable[:, _MIDDLE]
    with np.errstate(invalid="ignore", over="ignore"):
        smooth = highest - lowest <= _SMOOTH * np.abs(value)
    return value, usable & smooth & (value != 0)


def _searched(image: Image, rows: NDArray[np.int64], shrink: float, width: int) -> Bands:
    """Return the searched view around each of these rows, in gray levels."""
    height = round(_SIDE / shrink)
    first = (rows - height // 2).tolist()
    gray = np.concatenate([cv2.cvtColor(image[row : row + height], cv2.COLOR_RGB2GRAY) for row in first])
    if shrink < 1:
        how = cv2.INTER_LINEAR if shrink > 0.5 else cv2.INTER_AREA  # linear is faster, but skips pixels from there on
        gray = cv2.resize(gray, (width, _SIDE * len(rows)), interpolation=how)
    return np.asarray(gray, np.float32).reshape(len(rows), _SIDE, width)


def _choose(left: Bands, usable: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the points to look for, band and column, in order: those of most contrast along the row."""
    bands, _, width = left.shape
    steps = np.zeros((bands, width), np.float32)
    steps[:, 1:] = (np.diff(left, axis=2) ** 2).sum(1)
    contrast = cv2.blur(steps, (2 * _RADIUS, 1), anchor=(_RADIUS - 1, 0)) * usable  # the steps within each window
    contrast[:, :_RADIUS] = contrast[:, width - _RADIUS :] = 0
    stretch = width // _STRETCHES
    stretches = contrast[:, : stretch * _STRETCHES].reshape(bands, _STRETCHES, stretch)
    highest = stretches.max(2)
    enough = np.sort(highest, axis=None)[-round(_WINDOWS * bands) :][0]
    band, number = np.nonzero((highest >= enough) & (highest > 0))
    return band, number * stretch + stretches.argmax(2)[band, number]


def correlate(windows: NDArray[np.float32], band: NDArray[np.int64], right: Bands) -> NDArray[np.float32]:
    """Return the correlation of each window with a band of the right view at each column; without texture, about 0.

    Args:
        windows: gray levels, [N, side · side].
        band: the number of each window's band, [N], in order.

    Returns: [N, W − side + 1], −1 … 1.
    """
    windows = windows - windows.mean(1, keepdims=True)
    windows /= np.maximum(np.sqrt((windows * windows).sum(1, keepdims=True)), _SIDE)
    count = right.shape[2] - _SIDE + 1
    total, squares = (
        cv2.boxFilter(sums, cv2.CV_64F, (_SIDE, 1), normalize=False)[:, _RADIUS : _RADIUS + count]
        for sums in (right.sum(1), (right * right).sum(1))
    )
    norm = np.sqrt(np.maximum(squares - total * total / _SIDE**2, _SIDE**2)).astype(np.float32)
    places = sliding_window_view(right, count, axis=2)  # [bands, side, side, count]
    scores = np.empty((len(windows), count), np.float32)
    windows_of = np.bincount(band, minlength=len(right)).tolist()
    first = 0
    for strip, number in zip(places, windows_of, strict=True):
        columns = strip.reshape(_SIDE**2, count)
        for start in range(first, first + number, _AT_ONCE):
            part = slice(start, min(start + _AT_ONCE, first + number))
            np.matmul(windows[part], columns, out=scores[part])
        first += number
    scores /= norm[band]
    return scores


def _subpixel(scores: NDArray[np.float32], best: NDArray[np.int64]) -> Values:
    """Return where between the neighbors of each best score the maximum of a parabola lies, −½ … ½; 0 at the ends."""
    each, inner = np.arange(len(best)), np.clip(best, 1, scores.shape[1] - 2)
    before, here, after = (scores[each, inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = before - 2 * here + after
    bent = (bend < 0) & (inner == best)
    return np.where(bent, np.clip((before - after) / np.where(bent, 2 * bend, 1), -0.5, 0.5), 0)


class _Fit(NamedTuple):
    """A factor; the error of the mean and the median of what it leaves, px; the usual term; how many matches agree."""

    factor: float
    spread: float
    residual: float
    size: float
    matches: int


def _explain(read: Values, seen: Values, shrink: float) -> ScaleEstimate | None:
    """Return the simplest explanation of what was seen in views, made smaller by `shrink`, by the values read."""
    seen, tolerance = seen / shrink, _TOLERANCE / shrink
    kind: Kind = "scale"
    fit = _fit(read, seen, tolerance)
    if fit.residual > _CLOSE / shrink:
        others: dict[Kind, _Fit] = {
            "offset": _fit(np.ones_like(read), seen - read, tolerance),
            "depth": _fit(1 / read, seen, tolerance),
        }
        other = min(others, key=lambda name: others[name].residual)
        if others[other].residual <= _CLEARLY * fit.residual:
            kind, fit = other, others[other]
    if fit.matches < max(_FEWEST, _COVERED * len(seen)):
        return None
    # All matches may be wrong together (views that are not quite rectified, ground truth of another instant), which no
    # number of them tells; about as wrong as the usual one of them is by itself.
    error = float(np.hypot(fit.spread, max(_BIAS / shrink, fit.residual)) / fit.size)
    return ScaleEstimate(kind, fit.factor, error, fit.matches, fit.matches / len(seen))


def _fit(terms: Values, seen: Values, tolerance: float) -> _Fit:
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
    if count == 0:
        return _Fit(factor, np.inf, np.inf, 0.0, 0)
    size, spread = np.sqrt((terms[agree] ** 2).mean()), np.sqrt((rest[agree] ** 2).mean() / count)
    return _Fit(factor, float(spread), float(np.median(rest)), float(size), count)
