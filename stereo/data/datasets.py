"""From settings to a data set: the samples of one family, or a part of them."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Protocol

from stereo.config import FOLDER_FAMILIES, DatasetConfig, Family, FolderFamily
from stereo.data.families.eth3d import Eth3d
from stereo.data.families.kitti import Kitti
from stereo.data.families.layout import FolderPairs, Layout
from stereo.data.families.middlebury import Middlebury
from stereo.data.families.packed import PackedDataset
from stereo.data.families.pair_list import PairList
from stereo.data.families.scene_flow import SceneFlow
from stereo.data.missing import Missing
from stereo.data.pairs import PairDataset, PairFiles, count_pairs
from stereo.data.sample import SampleSource, StereoSample
from stereo.data.sample_lists import leave_out, read_names, select
from stereo.data.synthetic import SyntheticWorld
from stereo.data.synthetic.assets.photographs import keep_photographs
from stereo.errors import DataError


class StereoDataset(Protocol):
    """A fixed number of samples, by index: what every family gives."""

    @property
    def names(self) -> Sequence[str]:
        """Return the names of all samples, without loading them."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> StereoSample: ...

    def source(self, index: int) -> SampleSource:
        """Return the source of sample `index`, from which the whole or a window is taken."""


class NothingChosen(DataError):
    """A list leaves no sample of a data set."""


def _path(config: DatasetConfig) -> str:
    if config.path is None:
        raise DataError(f"data set family '{config.family}' needs a path: the folder that holds it")
    return config.path


def layout_of(family: FolderFamily) -> Layout:
    """Return the layout in the module of the family's name."""
    return import_module(f"stereo.data.families.{family}").LAYOUT


def _folder_pairs(family: FolderFamily, config: DatasetConfig, right: bool) -> StereoDataset:
    return FolderPairs(layout_of(family), _path(config), config.split, config.rendering, right, config.check_views)


# What makes each family's data set, from its settings and whether to read the right view's disparity.
BUILDERS: dict[Family, Callable[[DatasetConfig, bool], StereoDataset]] = {
    "synthetic": lambda config, right: SyntheticWorld(config.synthetic),
    "scene_flow": lambda config, right: SceneFlow(
        _path(config), config.split or "train", config.rendering, right, config.check_views
    ),
    "kitti2012": lambda config, right: Kitti(_path(config), 2012, config.check_views, config.half),
    "kitti2015": lambda config, right: Kitti(_path(config), 2015, config.check_views, config.half),
    "middlebury2001": lambda config, right: Middlebury(_path(config), 2001, right, config.check_views),
    "middlebury2003": lambda config, right: Middlebury(_path(config), 2003, right, config.check_views),
    "middlebury2005": lambda config, right: Middlebury(_path(config), 2005, right, config.check_views),
    "middlebury2006": lambda config, right: Middlebury(_path(config), 2006, right, config.check_views),
    "middlebury2014": lambda config, right: Middlebury(_path(config), 2014, right, config.check_views, config.half),
    "eth3d": lambda config, right: Eth3d(_path(config), config.check_views, config.half),
    "pairs": lambda config, right: PairList(_path(config), config.check_views, config.root),
    "packed": lambda config, right: PackedDataset(_path(config), config.cache),
    **{family: partial(_folder_pairs, family) for family in FOLDER_FAMILIES},
}


def build_dataset(
    config: DatasetConfig,
    load_right_disparity: bool = False,
    keep_incomplete: bool = False,
    for_training: bool = False,
) -> StereoDataset:
    """Return the data set that the settings name: the family's samples without those that the lists leave out.

    Args:
        load_right_disparity: Also read the right view's disparity, where the family has it.
        keep_incomplete: Take pairs of which a file is not there for samples that cannot be read.
        for_training: The procedural world leaves out what a batch does not have: `occluded`, and the right view's
            disparity unless it is asked for. It reads its pictures now, for loader processes to share.

    Raises: DataError if the data set is not there, is empty or is broken; or if a pair that it is to have is
        incomplete, unless such pairs are kept.
    """
    if for_training and config.family == "synthetic":
        if config.synthetic.textures is not None:
            keep_photographs(config.synthetic.textures)
        whole: StereoDataset = SyntheticWorld(config.synthetic, occluded=False, right=load_right_disparity)
    else:
        whole = BUILDERS[config.family](config, load_right_disparity)
    dataset = choose_samples(whole, config)
    if not keep_incomplete:
        _refuse_incomplete(dataset, config)
    return dataset


def choose_samples(dataset: StereoDataset, config: DatasetConfig) -> StereoDataset:
    """Return the samples of a family that the settings `names`, `skip_list` and `limit` choose, to be read as
    `negative_disparity` says. Raises: DataError, and NothingChosen where they leave none."""
    if isinstance(dataset, PairDataset):
        dataset.negative_disparity = config.negative_disparity
    indices: Sequence[int] = range(len(dataset))
    if config.names is not None:
        indices = select(dataset.names, read_names(config.names), config.names)
    if config.skip_list is not None:
        kept = set(leave_out(dataset.names, read_names(config.skip_list)))
        indices = [index for index in indices if index in kept]
        if not indices:
            raise NothingChosen(f"{config.skip_list}: leaves no sample of {config.family}")
    if config.limit is not None:
        indices = indices[: config.limit]
    return dataset if len(indices) == len(dataset) and config.names is None else _Selection(dataset, indices)


def _refuse_incomplete(dataset: StereoDataset, config: DatasetConfig) -> None:
    problems = list(_incomplete(dataset).values())
    if problems:
        more = f" (and {len(problems) - 1:,} more such pairs)" if len(problems) > 1 else ""
        # A benchmark's server takes all pairs of its test half or none.
        way_out = (
            f"; or go on without what scripts/check_dataset.py {config.path} --write-skip-list FILE finds, by "
            "skip_list=FILE"
        )
        raise DataError(f"{problems[0]}{more}{'' if config.half == 'testing' else way_out}")


def split_incomplete(dataset: StereoDataset) -> tuple[StereoDataset | None, dict[str, Missing | str]]:
    """Return the complete pairs of a data set, None if there is none, and by name what is wrong with each other."""
    incomplete = _incomplete(dataset)
    indices = [index for index, name in enumerate(dataset.names) if name not in incomplete]
    if incomplete:
        return _Selection(dataset, indices) if indices else None, incomplete
    return dataset, {}


def _incomplete(dataset: StereoDataset) -> dict[str, Missing | str]:
    return {pair.name: pair.problem for pair in _pairs(dataset) if pair.problem is not None}


def describe(dataset: StereoDataset) -> list[str]:
    """Return lines that say what the data set holds."""
    if isinstance(dataset, _Selection):
        return [*describe(dataset.dataset), f"of these {len(dataset):,} are used"]
    if isinstance(dataset, (SceneFlow, FolderPairs)):
        return dataset.report()
    incomplete = len(_incomplete(dataset))
    more = f", and {incomplete:,} incomplete" if incomplete else ""
    return [f"{dataset.names[0].split('/')[0]}: {count_pairs(len(dataset) - incomplete)}{more}"]


def not_used(dataset: StereoDataset) -> list[str]:
    """Return one line for each thing that lies where the data set does, and was not recognized."""
    if isinstance(dataset, _Selection):
        return not_used(dataset.dataset)
    return dataset.unrecognized if isinstance(dataset, SceneFlow) else []


def pair_files(dataset: StereoDataset) -> list[PairFiles]:
    """Return the files of each sample, in order. Raises: DataError where the samples are no files of their own."""
    files = _pairs(dataset)
    if not files:
        raise DataError("the data set is not read pair by pair from a folder, which is needed here")
    return files


def _pairs(dataset: StereoDataset) -> list[PairFiles]:
    """Return the files of each sample, in order; nothing where the samples are no files of their own."""
    if isinstance(dataset, _Selection):
        files = _pairs(dataset.dataset)
        return [files[index] for index in dataset.indices] if files else []
    return list(dataset.pairs) if isinstance(dataset, PairDataset) else []


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
        return self.dataset[self._own(index)]

    def source(self, index: int) -> SampleSource:
        return self.dataset.source(self._own(index))

    def _own(self, index: int) -> int:
        """Return the index within the whole data set. Raises: IndexError unless 0 <= index < len(self)."""
        if not 0 <= index < len(self.indices):
            raise IndexError(index)
        return self.indices[index]
