"""From settings to data sets, and from data sets to training batches that are the same for any number of workers."""

import os
import signal
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from stereo.config import DataConfig, DatasetConfig
from stereo.data.eth3d import Eth3d
from stereo.data.kitti import Kitti
from stereo.data.middlebury import Middlebury
from stereo.data.pair_list import PairList
from stereo.data.sample import StereoSample
from stereo.data.scene_flow import SceneFlow
from stereo.data.synthetic import SyntheticWorld
from stereo.data.transforms import Augmentation
from stereo.errors import DataError, StereoError

# How long a worker that was told to end goes on: enough for the step under way, and for the batch it may wait for.
_GRACE_SECONDS = 10


class StereoDataset(Protocol):
    """What every family gives: a fixed number of samples, by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> StereoSample: ...


def build_dataset(config: DatasetConfig) -> StereoDataset:
    """The data set that the settings name. Raises: DataError where it is not there, empty or broken."""
    dataset = _build_family(config)
    return dataset if config.limit is None else _FirstSamples(dataset, config.limit)


def _build_family(config: DatasetConfig) -> StereoDataset:
    family, path = config.family, config.path
    if family == "synthetic":
        return SyntheticWorld(config.synthetic)
    if path is None:
        raise DataError(f"data set family '{family}' needs a path: the folder that holds it")
    if family == "scene_flow":
        return SceneFlow(path, split=config.split, rendering=config.rendering)
    if family == "eth3d":
        return Eth3d(path)
    if family == "pairs":
        return PairList(path)
    year = int(family[-4:])
    return Kitti(path, year) if family.startswith("kitti") else Middlebury(path, year)


class _FirstSamples:
    def __init__(self, dataset: StereoDataset, limit: int) -> None:
        self.dataset = dataset
        self.length = min(limit, len(dataset))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> StereoSample:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return self.dataset[index]


class StereoBatch(NamedTuple):
    """A training batch. Images are uint8 until they are on the device: a quarter of the bytes to move."""

    left: Tensor  # uint8 [B, 3, H, W], RGB
    right: Tensor  # uint8 [B, 3, H, W]
    disparity: Tensor  # float32 [B, H, W], px, 0 where unknown
    valid: Tensor  # bool [B, H, W]

    def to(self, device: torch.device) -> "StereoBatch":
        """On the device, with the images as float32 in 0 … 1, as the network takes them."""
        left, right, disparity, valid = (part.to(device, non_blocking=True) for part in self)
        return StereoBatch(left.float() / 255, right.float() / 255, disparity, valid)


class _Draw(NamedTuple):
    """One training sample: which one, and its place in the whole run, which seeds its augmentation."""

    item: int
    position: int


class _TrainingSet(Dataset[StereoSample]):
    def __init__(self, dataset: StereoDataset, augmentation: Augmentation, seed: int) -> None:
        self.dataset = dataset
        self.augmentation = augmentation
        self.seed = seed

    def __getitem__(self, draw: _Draw) -> StereoSample:
        rng = np.random.default_rng([self.seed, draw.position])
        return self.augmentation(self.dataset[draw.item], rng)


class _RunSampler(Sampler[_Draw]):
    """The order of a whole training run, from any position on: one shuffled pass over the set after the other.

    Position p of the run is a pure function of (seed, p), so a resumed run sees what the uninterrupted one would
    have seen. Of several processes, each takes every world_size-th position.
    """

    def __init__(self, length: int, seed: int, first: int, last: int, rank: int, world_size: int) -> None:
        self.length, self.seed = length, seed
        self.first, self.last = first, last
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return (self.last - self.first) // self.world_size

    def __iter__(self) -> Iterator[_Draw]:
        epoch, order = -1, np.empty(0, np.int64)
        for position in range(self.first + self.rank, self.last, self.world_size):
            if position // self.length != epoch:
                epoch = position // self.length
                order = np.random.default_rng([self.seed, epoch]).permutation(self.length)
            yield _Draw(int(order[position % self.length]), position)


def build_loader(
    config: DataConfig, seed: int, first_step: int, last_step: int, rank: int = 0, world_size: int = 1
) -> DataLoader[Any]:
    """Batches for the optimiser steps first_step … last_step − 1.

    The samples of a step depend on the seed and the step alone, not on the number of workers, nor on where the run
    was resumed; `config.batch_size` is shared among the `world_size` processes.

    Raises: DataError where the data set is not there, empty, or the batch does not divide among the processes.
    """
    if config.batch_size % world_size:
        raise DataError(f"data.batch_size ({config.batch_size}) does not divide among {world_size} processes")
    dataset = build_dataset(config.train)
    sampler = _RunSampler(
        len(dataset), seed, first_step * config.batch_size, last_step * config.batch_size, rank, world_size
    )
    return DataLoader(
        _TrainingSet(dataset, Augmentation(config.augmentation), seed),
        batch_size=config.batch_size // world_size,
        sampler=sampler,
        num_workers=config.workers,
        collate_fn=collate,
        worker_init_fn=_init_worker,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if config.workers else None,
    )


def collate(samples: list[StereoSample]) -> StereoBatch:
    """Stack samples of one size. Raises: DataError where sizes differ or a sample has no ground truth."""
    sizes = {(sample.height, sample.width) for sample in samples}
    if len(sizes) > 1:
        raise DataError(
            f"samples of one batch have different sizes {sorted(sizes)} (height, width); "
            "set data.augmentation.crop_height and crop_width"
        )
    disparities, masks = [], []
    for sample in samples:
        if sample.disparity is None or sample.valid is None:
            raise DataError(f"{sample.name}: has no ground-truth disparity, so it cannot be trained on")
        disparities.append(sample.disparity)
        masks.append(sample.valid)
    return StereoBatch(
        left=torch.from_numpy(np.stack([sample.left for sample in samples])).permute(0, 3, 1, 2).contiguous(),
        right=torch.from_numpy(np.stack([sample.right for sample in samples])).permute(0, 3, 1, 2).contiguous(),
        disparity=torch.from_numpy(np.stack(disparities)),
        valid=torch.from_numpy(np.stack(masks)),
    )


def _init_worker(worker: int) -> None:
    # One worker, one core: OpenCV would start a thread for each core in every worker.
    cv2.setNumThreads(0)
    # Ctrl-C, and many a scheduler's SIGTERM, reach the whole process group. The main process finishes its step, for
    # which it may still want a batch, and then ends its workers itself. One that is told to end, and is not, ends
    # after the grace all the same: a worker that ignored SIGTERM altogether would keep its parent from ending.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.alarm(_GRACE_SECONDS))
    signal.signal(signal.SIGALRM, lambda number, frame: os._exit(0))


def iterate(loader: DataLoader[Any]) -> Iterator[StereoBatch]:
    """The loader's batches; an error raised in a worker arrives as itself, not wrapped in the worker's traceback."""
    batches = iter(loader)
    failure: StereoError | None = None
    while failure is None:
        try:
            yield next(batches)
        except StopIteration:
            return
        except StereoError as error:
            failure = type(error)(str(error).strip().splitlines()[-1].partition("Error: ")[2] or str(error))
            error.__traceback__ = None  # its frames refer to the iterator, and to the error itself
    del batches  # the last reference: this ends the workers here and now, not when the interpreter does
    raise failure
