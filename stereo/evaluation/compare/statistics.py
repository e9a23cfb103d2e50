"""Is one method better than another, or is it the choice of the images? A paired bootstrap of the difference.

Both methods saw the same images, so that what makes an image difficult cancels out in the difference. Images are drawn
with replacement `RESAMPLES` times, and the 95 % interval lies between the 2.5th and the 97.5th percentile of the
differences that these draws give. Where a side has several runs, of one network trained from several seeds, the runs of
each side are drawn as well, so that the interval is that of the training and not of these runs alone.

Percentiles rather than BCa: they exist whatever the images, and turn around exactly when the sides are swapped. The
bootstrap knows only what it sees: from few images or few runs an interval is too narrow. How often it covers the truth
is in tests/evaluation/compare/test_statistics.py.

Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 9_999
SEED = 0
LEVEL = 0.95
# From fewer images there is no interval: 3 images can be drawn in 10 ways.
LEAST_IMAGES = 5
# From fewer images or runs an interval is said to be too narrow.
FEW_IMAGES = 20
FEW_RUNS = 5
# So many values are drawn at a time, which bounds the memory.
_AT_ONCE = 1_000_000

Values = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Difference:
    """How a metric of side B, where less is better, differs from that of side A.

    better_by: A's mean − B's mean: positive where B is better. low, high: its interval; None where there is none.
    wins, losses, ties: the number of images on which B is better, worse, and neither.
    """

    better_by: float
    low: float | None
    high: float | None
    wins: int
    losses: int
    ties: int

    @property
    def images(self) -> int:
        """Return the number of images compared."""
        return self.wins + self.losses + self.ties

    @property
    def is_shown(self) -> bool:
        """Return whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def paired_difference(a: ArrayLike, b: ArrayLike, weights: ArrayLike) -> Difference:
    """Compare two sides on the same images.

    Args:
        a, b: The metric of each image in each run of a side, [runs, images].
        weights: How much an image counts, [images], above 0: its pixels where the metric is a mean over pixels, 1
            where it is the mean of the images' own.

    Raises: ValueError where the shapes do not fit, there is nothing to compare, or a weight is not above 0.
    """
    a, b, weights = (np.asarray(values, np.float64) for values in (a, b, weights))
    if a.ndim != 2 or b.ndim != 2 or not a.shape[1] == b.shape[1] == weights.size:
        raise ValueError(f"expected [runs, images] twice, [images]; got {a.shape}, {b.shape} and {weights.shape}")
    if not (a.size and b.size and (weights > 0).all()):
        raise ValueError("nothing to compare: no run, no image, or an image without weight")
    low, high = _interval(a, b, weights) if weights.size >= LEAST_IMAGES else (None, None)
    by_image = a.mean(axis=0) - b.mean(axis=0)
    wins, losses = int((by_image > 0).sum()), int((by_image < 0).sum())
    better_by = float(_mean(a, weights) - _mean(b, weights))
    return Difference(better_by, low, high, wins, losses, len(by_image) - wins - losses)


def _mean(values: Values, weights: Values) -> NDArray[np.float64]:
    return ((values * weights).sum(axis=-1) / weights.sum(axis=-1)).mean(axis=0)


def _interval(a: Values, b: Values, weights: Values) -> tuple[float, float]:
    """Return the interval of the difference.

    scipy draws the numbers of the images and, of a side with several runs, of its runs: an image's number stands for
    its values on both sides, which keeps them paired.
    """
    sides = [(side, side * weights) for side in (a, b)]
    drawn = [np.arange(weights.size)] + [np.arange(len(side)) for side, _ in sides if len(side) > 1]

    def statistic(images: Indices, *runs: Indices, axis: int = -1) -> Any:
        left = list(runs)
        total = weights[images].sum(axis=axis)  # [draws]
        means = []
        for side, weighted in sides:
            # One run after the other: [draws, images] is the most that is held.
            each = np.stack([run[images].sum(axis=axis) / total for run in weighted], axis=-1)  # [draws, runs]
            if len(side) > 1:
                each = np.take_along_axis(each, left.pop(0), axis=-1)
            means.append(each.mean(axis=-1))
        return means[0] - means[1]

    return percentile_interval(drawn, statistic, weights.size)


def percentile_interval(drawn: Sequence[Indices], statistic: Callable[..., Any], size: int) -> tuple[float, float]:
    """Return the interval of any statistic of things that are drawn with replacement, each kind by itself.

    Args:
        drawn: The numbers 0 … n − 1 of each kind, two or more of each.
        statistic: From the numbers drawn of each kind, [draws, n], and axis=−1, to values [draws].
        size: How many values the statistic holds for a draw, which bounds the draws at a time.
    """
    from scipy.stats import bootstrap  # takes a second

    found = bootstrap(
        drawn,
        statistic,
        n_resamples=RESAMPLES,
        batch=max(1, _AT_ONCE // size),
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",
        random_state=np.random.default_rng(SEED),  # called rng from scipy 1.15 on, which takes both
    ).confidence_interval
    return float(found.low), float(found.high)


# ------------------------------------------------------------------------------------------------------- in words


def describe(difference: Difference, a: str, b: str, unit: str) -> str:
    """Return the difference as a sentence, such as "B is better than A by 0.12 px [0.08, 0.17], 21 of 26 images".

    Args:
        a, b: What the sides are called.
        unit: What the metric is counted in, such as px.
    """
    n, ties = difference.images, f", {difference.ties} equal" if difference.ties else ""
    share = f"{difference.wins} of {n} image{'s' * (n != 1)}{ties}"
    if difference.ties == n and not difference.low and not difference.high:
        return f"{b} and {a} are equal on each of {n} image{'s' * (n != 1)}"
    if difference.low is None or difference.high is None:
        (value,) = _round(difference.better_by)
        return f"{a} − {b} is {value} {unit}, {b} is better on {share}; too few images for an interval"
    if difference.is_shown and difference.better_by < 0:
        # What is said is positive, so the interval turns around.
        value, low, high = _round(-difference.better_by, -difference.high, -difference.low)
        return f"{b} is worse than {a} by {value} {unit} [{low}, {high}], better on {share}"
    value, low, high = _round(difference.better_by, difference.low, difference.high)
    if difference.is_shown:
        return f"{b} is better than {a} by {value} {unit} [{low}, {high}], {share}"
    return f"no difference is shown: {a} − {b} is {value} {unit} [{low}, {high}], {b} is better on {share}"


def _round(*values: float) -> list[str]:
    """Return numbers with as many decimals as give the greatest of them two digits, and no fewer than 2."""
    greatest = max(map(abs, values))
    decimals = 2 if greatest == 0 or not np.isfinite(greatest) else int(1 - np.floor(np.log10(greatest)))
    return [f"{value + 0.0:.{min(max(decimals, 2), 9)}f}".replace("-", "−") for value in values]
