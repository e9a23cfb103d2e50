"""From settings to data sets: one family, a part of it, or several of them together."""

import itertools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stereo.config import DataConfig, DatasetConfig
from stereo.data.families.eth3d import Eth3d
from stereo.data.families.folders import count_pairs
from stereo.data.families.kitti import Kitti
from stereo.data.families.middlebury import Middlebury
from stereo.data.families.packed import PackedDataset
from stereo.data.families.pair_list import PairList
from stereo.data.families.scene_flow import SceneFlow
from stereo.data.sample import SampleSource, StereoSample
from stereo.data.sample_lists import leave_out, read_names, select
from stereo.data.synthetic import SyntheticWorld
from stereo.errors import DataError


class StereoDataset(Protocol):
    """What every family gives: a fixed number of samples, by index."""

    @property
    def names(self) -> Sequence[str]:
        """Of all samples, without loading them."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> StereoSample: ...

    def source(self, index: int) -> SampleSource:
        """Return what sample `index`, or a window of it, is had from."""


def build_dataset(config: DatasetConfig, load_right_disparity: bool = False) -> StereoDataset:
    """The data set that the settings name: the family's samples, less those that the lists leave out.

    Args:
        load_right_disparity: Also read the right view's disparity, where the family has it.

    Raises: DataError where it is not there, empty or broken.
    """
    dataset = _build_family(config, load_right_disparity)
    indices: Sequence[int] = range(len(dataset))
    if config.names is not None:
        indices = select(dataset.names, read_names(config.names), config.names)
    if config.skip_list is not None:
        kept = set(leave_out(dataset.names, read_names(config.skip_list)))
        indices = [index for index in indices if index in kept]
        if not indices:
            raise DataError(f"{config.skip_list}: leaves no sample of {config.family}")
    if config.limit is not None:
        indices = indices[: config.limit]
    return dataset if len(indices) == len(dataset) and config.names is None else _Selection(dataset, indices)


def _build_family(config: DatasetConfig, load_right_disparity: bool) -> StereoDataset:
    family, path, check_views = config.family, config.path, config.check_views
    if family == "synthetic":
        return SyntheticWorld(config.synthetic)
    if path is None:
        raise DataError(f"data set family '{family}' needs a path: the folder that holds it")
    if family == "scene_flow":
        return SceneFlow(
            path, config.split, config.rendering, load_right_disparity, config.negative_disparity, check_views
        )
    if family == "eth3d":
        return Eth3d(path, check_views)
    if family == "pairs":
        return PairList(path, check_views)
    if family == "packed":
        return PackedDataset(path)
    year = int(family[-4:])
    if family.startswith("kitti"):
        return Kitti(path, year, check_views)
    return Middlebury(path, year, load_right_disparity, check_views)


def describe(dataset: StereoDataset) -> list[str]:
    """What was found, in lines for the log."""
    if isinstance(dataset, _Selection):
        return [*describe(dataset.dataset), f"of these {len(dataset):,} are used"]
    if isinstance(dataset, SceneFlow):
        return dataset.report()
    return [f"{dataset.names[0].split('/')[0]}: {count_pairs(len(dataset))}"]


class _Selection:
    """Some samples of a data set, in a given order."""

    def __init__(self, dataset: StereoDataset, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        names = dataset.names
        self.names = [names[index] for index in indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> StereoSample:
        if not 0 <= index < len(self.indices):
            raise IndexError(index)
        return self.dataset[self.indices[index]]

    def source(self, index: int) -> SampleSource:
        return self.dataset.source(self.indices[index])


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
        """Draws in one pass."""
        return self.starts[-1]

    def source(self, item: int) -> SampleSource:
        """Return what one sample is had from: the procedural world draws no more of it than is wanted."""
        number = int(np.searchsorted(self.starts, item, side="right")) - 1
        return self.sets[number].source(item - self.starts[number])

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """The items of pass `epoch`, shuffled: a pure function of (seed, epoch)."""
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
