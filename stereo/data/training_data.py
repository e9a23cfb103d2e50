"""The data sets of one training run, and the order in which their samples are drawn."""

import itertools

import numpy as np
from numpy.typing import NDArray

from stereo.config import DataConfig
from stereo.data.datasets import build_dataset
from stereo.data.sample import SampleSource
from stereo.errors import DataError


class TrainingData:
    """The data sets of one training run, and how often each is drawn.

    A pass has as many draws as all sets together have samples. Without weights every sample is drawn once in a pass;
    with weights each set gets its share of the draws, and goes through its own samples in shuffled passes.
    """

    def __init__(self, config: DataConfig) -> None:
        members = [config.train, *config.mix]
        weighted = [member.weight is not None for member in members]
        if len(members) > 1 and any(weighted) and not all(weighted):
            raise DataError("data.train and data.mix: give a weight to each data set, or to none")
        with_right = config.augmentation.horizontal_flip_probability > 0
        self.sets = [build_dataset(member, with_right) for member in members]
        lengths = [len(dataset) for dataset in self.sets]
        self.starts = [0, *itertools.accumulate(lengths)]
        self.draws = lengths
        if all(weighted) and len(members) > 1:
            shares = np.array([member.weight for member in members], np.float64)
            ends = np.rint(np.cumsum(shares) / shares.sum() * sum(lengths)).astype(int)
            self.draws = [int(count) for count in np.diff(ends, prepend=0)]

    def __len__(self) -> int:
        """Return the number of draws in one pass."""
        return self.starts[-1]

    def source(self, item: int) -> SampleSource:
        """Return the source of one sample: the procedural world draws no more of it than is wanted."""
        number = int(np.searchsorted(self.starts, item, side="right")) - 1
        return self.sets[number].source(item - self.starts[number])

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """Return the items of pass `epoch`, shuffled: a pure function of (seed, epoch)."""
        items = [
            start + _pass_of(number, length, draws, seed, epoch)
            for number, (start, length, draws) in enumerate(
                zip(self.starts, np.diff(self.starts).tolist(), self.draws, strict=False)
            )
        ]
        return np.concatenate(items)[np.random.default_rng([seed, epoch]).permutation(len(self))]


def _pass_of(number: int, length: int, draws: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Which samples of set `number` pass `epoch` draws, of its endless row of shuffled passes."""
    if draws == length:
        return np.arange(length)
    wanted = np.arange(epoch * draws, (epoch + 1) * draws)
    taken = np.empty(draws, np.int64)
    for own_pass in np.unique(wanted // length):
        mine = wanted // length == own_pass
        # Three numbers, so that it is none of the passes over all sets, which are seeded by two.
        taken[mine] = np.random.default_rng([seed, number, int(own_pass)]).permutation(length)[wanted[mine] % length]
    return taken
