"""The statistic of the ablation: a row's score over families of data, and its ratio to another row.

A run's score is the geometric mean over the families of the family's value, which is the mean over its pairs; a row's
is the mean of its runs. The ratio of two rows has a 95 % interval, percentiles of a paired bootstrap: pairs are drawn
within their family, the same for both rows; runs are drawn for each row by itself. Runs of one seed see the samples in
one order and are somewhat alike: that is left in the interval, which makes up in part for how little two or three runs
say of their variation (a test says how often it covers the truth). A family with one pair, or a row with one run, stays
as it is: from them the interval knows of no variation, and is too narrow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stereo.evaluation.compare.statistics import Indices, Values, percentile_interval

# Of px or %: a family's value counts as no less, so that one of 0 has a logarithm.
FLOOR = 0.01

# Of a row the errors by family, [runs, pairs].
Families = Mapping[str, ArrayLike]


@dataclass(frozen=True)
class Ratio:
    """How a row's score compares with another's: less than 1 is better. low, high: None where nothing is drawn."""

    value: float
    low: float | None
    high: float | None

    @property
    def is_noise(self) -> bool:
        """Return whether the interval covers 1, or there is none."""
        return self.low is None or self.high is None or self.low <= 1 <= self.high

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.2f}, no interval"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]{', within noise' if self.is_noise else ''}"


def score(families: Families) -> float:
    """Return a row's score. Raises: ValueError without a family, a run or a pair."""
    arrays = _arrays(families)
    return float(_score([array.mean(axis=1)[None] for array in arrays.values()])[0])


def ratio(row: Families, reference: Families) -> Ratio:
    """Return the row's score over the reference's, with its interval.

    Raises: ValueError where the two have other families, or other numbers of pairs in them.
    """
    mine, theirs = _arrays(row), _arrays(reference)
    pairs = {family: array.shape[1] for family, array in mine.items()}
    if pairs != {family: array.shape[1] for family, array in theirs.items()}:
        raise ValueError("expected the same families and pairs of both rows")
    value = score(row) / score(reference)
    drawn_families = [family for family, count in pairs.items() if count > 1]
    sides = (mine, theirs)
    runs = [len(next(iter(side.values()))) for side in sides]
    drawn = [np.arange(pairs[family]) for family in drawn_families] + [np.arange(n) for n in runs if n > 1]
    if not drawn:
        return Ratio(value, None, None)

    def statistic(*numbers: Indices, axis: int = -1) -> Any:
        images = dict(zip(drawn_families, numbers, strict=False))
        of_runs = list(numbers[len(drawn_families) :])
        draws = len(numbers[0])
        scores = []
        for side, count in zip(sides, runs, strict=True):
            chosen = of_runs.pop(0) if count > 1 else np.zeros((draws, 1), np.intp)
            means = [_means(side[family], images.get(family), draws) for family in side]
            scores.append(_score(means, chosen))
        return scores[0] / scores[1]

    return Ratio(value, *percentile_interval(drawn, statistic, sum(pairs.values()) * max(runs)))


def _arrays(families: Families) -> dict[str, Values]:
    """Return the families in one order, as arrays that fit together."""
    arrays = {family: np.asarray(families[family], np.float64) for family in sorted(families)}
    if not arrays or any(array.ndim != 2 or not array.size for array in arrays.values()):
        raise ValueError("expected families of [runs, pairs], one or more of each")
    if len({len(array) for array in arrays.values()}) > 1:
        raise ValueError("expected the same runs in all families")
    return arrays


def _means(values: Values, images: Indices | None, draws: int) -> Values:
    """Return the mean over the pairs that were drawn, [draws, runs]; over all where none were drawn."""
    if images is None:
        return np.broadcast_to(values.mean(axis=1), (draws, len(values)))
    return np.stack([run[images].mean(axis=-1) for run in values], axis=-1)


def _score(means: Sequence[Values], runs: Indices | None = None) -> NDArray[np.float64]:
    """Return the scores [draws] from each family's means [draws, runs], over the runs that were drawn or all."""
    logs: Iterable[Values] = (np.log(np.maximum(mean, FLOOR)) for mean in means)
    each = np.exp(sum(logs) / len(means))  # [draws, runs]
    if runs is not None:
        each = np.take_along_axis(each, runs, axis=-1)
    return np.asarray(each.mean(axis=-1))
