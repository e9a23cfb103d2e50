"""The data sets of one training run, and the order in which their samples are drawn."""

import itertools
import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stereo.config import DataConfig
from stereo.data.datasets import build_dataset
from stereo.data.sample import SampleSource
from stereo.errors import DataError
from stereo.seeds import generator


class TrainingData:
    """The data sets of one training run, and how often each is drawn.

    A pass has as many draws as all sets together have samples. Without weights every sample is drawn once in a pass.
    With weights each set gets its share of the draws, and what is left of a draw is carried over to the next pass, so
    that a set of small weight is drawn too, once in many passes. Each set goes through its own samples in shuffled
    passes.

    Raises: DataError if a data set is not there, is empty or is broken, or if only some of them have a weight.
    """

    def __init__(self, config: DataConfig) -> None:
        members = [config.train, *config.mix]
        weights = [member.weight for member in members if member.weight is not None]
        if len(members) > 1 and weights and len(weights) < len(members):
            raise DataError("data.train and data.mix: give a weight to each data set, or to none")
        with_right = config.augmentation.horizontal_flip_probability > 0
        self.sets = [build_dataset(member, with_right) for member in members]
        self.starts = [0, *itertools.accumulate(len(dataset) for dataset in self.sets)]
        # Exact, so that no draw is lost to rounding, however long the run. None: each sample once in a pass.
        self.weights = [Fraction(weight) for weight in weights] if len(members) > 1 and weights else None

    def __len__(self) -> int:
        """Return the number of draws in one pass."""
        return self.starts[-1]

    def source(self, item: int) -> SampleSource:
        """Return the source of one sample: the procedural world draws no more of it than is wanted."""
        number = int(np.searchsorted(self.starts, item, side="right")) - 1
        return self.sets[number].source(item - self.starts[number])

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """Return the items of pass `epoch`, shuffled: a pure function of (seed, epoch)."""
        items = np.arange(len(self)) if self.weights is None else self._weighted(self.weights, seed, epoch)
        return items[generator("order", seed, epoch).permutation(len(self))]

    def _weighted(self, weights: list[Fraction], seed: int, epoch: int) -> NDArray[np.int64]:
        """Return the items of pass `epoch`, set by set."""
        first = _draws_of_sets(epoch * len(self), weights)
        last = _draws_of_sets((epoch + 1) * len(self), weights)
        return np.concatenate(
            [
                self.starts[number] + _draws(number, len(dataset), first[number], last[number], seed)
                for number, dataset in enumerate(self.sets)
            ]
        )


def _draws_of_sets(draws: int, weights: list[Fraction]) -> list[int]:
    """Return how many of the first so many draws of a run belong to each set: whole numbers with that sum.

    The first set takes its share, rounded down; the second takes its share of the rest, and so on. So no number falls
    as `draws` grows.
    """
    shares = []
    for number, weight in enumerate(weights):
        shares.append(math.floor(draws * weight / sum(weights[number:])))
        draws -= shares[-1]
    return shares


def _draws(number: int, length: int, first: int, last: int, seed: int) -> NDArray[np.int64]:
    """Return draws first … last − 1 of set `number`: parts of its endless row of shuffled passes."""
    wanted = np.arange(first, last)
    taken = np.empty(len(wanted), np.int64)
    for own_pass in np.unique(wanted // length):
        mine = wanted // length == own_pass
        order = generator("order within a set", seed, number, int(own_pass)).permutation(length)
        taken[mine] = order[wanted[mine] % length]
    return taken
