"""The data sets of one training run, and the order in which their samples are drawn."""

import bisect
import itertools
import math
from fractions import Fraction
from functools import lru_cache

import numpy as np

from stereo.config import DataConfig
from stereo.data.datasets import build_dataset
from stereo.data.permutation import ROUNDS, Permutation
from stereo.data.sample import SampleSource
from stereo.errors import DataError
from stereo.seeds import Purpose, generator

# The version of the order in which samples are drawn. 1: a shuffled array of the whole pass. 2: index by index.
ORDER_VERSION = 2


class TrainingData:
    """The data sets of one training run, and how often each is drawn.

    A pass has as many draws as all sets together have samples. Without weights every sample is drawn once in a pass.
    With weights each set gets its share of the draws, and what is left of a draw is carried over to the next pass, so
    that a set of small weight is drawn too, once in many passes. Each set goes through its own samples in shuffled
    passes. What a draw takes is computed for it alone: the order takes no memory, and no time to be resumed.

    Raises: DataError if a data set is not there, is empty or is broken, or if only some of them have a weight.
    """

    def __init__(self, config: DataConfig) -> None:
        members = [config.train, *config.mix]
        weights = [member.weight for member in members if member.weight is not None]
        if len(members) > 1 and weights and len(weights) < len(members):
            raise DataError("data.train and data.mix: give a weight to each data set, or to none")
        with_right = config.augmentation.horizontal_flip_probability > 0
        self.sets = [build_dataset(member, with_right, for_training=True) for member in members]
        self.starts = [0, *itertools.accumulate(len(dataset) for dataset in self.sets)]
        # Exact, so that no draw is lost to rounding, however long the run. None: each sample once in a pass.
        weighted = len(members) > 1 and bool(weights)
        self.weights = tuple(Fraction(weight) for weight in weights) if weighted else None

    def __len__(self) -> int:
        """Return the number of draws in one pass."""
        return self.starts[-1]

    def source(self, item: int) -> SampleSource:
        """Return the source of one sample: the procedural world draws no more of it than is wanted."""
        number = bisect.bisect_right(self.starts, item) - 1
        return self.sets[number].source(item - self.starts[number])

    def item(self, seed: int, draw: int) -> int:
        """Return which item draw `draw` of a run takes, a pure function of (seed, draw) and of the sets' sizes."""
        number, place = divmod(draw, len(self))
        place = _shuffled(len(self), "order", seed, number)[place]
        return place if self.weights is None else self._weighted(self.weights, seed, number, place)

    def _weighted(self, weights: tuple[Fraction, ...], seed: int, number: int, place: int) -> int:
        """Return the item at a place of pass `number`, in which the draws of each set stand together."""
        before = _draws_of_sets(number * len(self), weights)
        after = _draws_of_sets((number + 1) * len(self), weights)
        ends = list(itertools.accumulate(last - first for first, last in zip(before, after, strict=True)))
        chosen = bisect.bisect_right(ends, place)
        draw = after[chosen] - (ends[chosen] - place)  # of the endless row of the set's own passes
        length = len(self.sets[chosen])
        own_pass, own_place = divmod(draw, length)
        return self.starts[chosen] + _shuffled(length, "order within a set", seed, chosen, own_pass)[own_place]


@lru_cache(maxsize=8)
def _draws_of_sets(draws: int, weights: tuple[Fraction, ...]) -> list[int]:
    """Return how many of the first so many draws of a run belong to each set: whole numbers with that sum.

    The first set takes its share, rounded down; the second takes its share of the rest, and so on. So no number falls
    as `draws` grows.
    """
    shares = []
    for number, weight in enumerate(weights):
        shares.append(math.floor(draws * weight / sum(weights[number:])))
        draws -= shares[-1]
    return shares


@lru_cache(maxsize=256)
def _shuffled(length: int, purpose: Purpose, *numbers: int) -> Permutation:
    """Return the order of one pass over so many."""
    keys = generator(purpose, *numbers).integers(2**64, size=ROUNDS, dtype=np.uint64)
    return Permutation(length, keys.tolist())
