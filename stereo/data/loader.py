"""From data sets to training batches that are the same for any number of workers."""

import logging
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from types import FrameType
from typing import Any, NamedTuple, Protocol, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from stereo.config import DataConfig
from stereo.data.sample import StereoSample
from stereo.data.training_data import TrainingData
from stereo.data.transforms import Augmentation
from stereo.device import set_freed_memory_kept
from stereo.errors import DataError, StereoError
from stereo.seeds import generator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# How long a worker goes on after it was told to end: enough for the step under way and for a batch it may wait for.
_GRACE_SECONDS = 10
# Batches that each worker prepares ahead, and the bytes of one pixel of a sample in them: two RGB views, disparity and
# where it is known.
_AHEAD, _PIXEL_BYTES = 4, 2 * 3 + 4 + 1
# Where Linux keeps what processes share.
_SHARED_MEMORY = "/dev/shm"

_log = logging.getLogger(__name__)


class WorkerError(StereoError):
    """A process that loads data was killed from outside."""


class Indexed(Protocol[T_co]):
    """Anything with a length and items by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> T_co: ...


class StereoBatch(NamedTuple):
    """A training batch. Images are uint8 until they are on the device, so that a quarter of the bytes is moved."""

    left: Tensor  # uint8 [B, 3, H, W], RGB
    right: Tensor  # uint8 [B, 3, H, W]
    disparity: Tensor  # float32 [B, H, W], px, 0 where unknown
    valid: Tensor  # bool [B, H, W]
    names: tuple[str, ...]

    def to(self, device: torch.device) -> "StereoBatch":
        """Return the batch on the device, with the images as float32 in 0 … 1, as the network takes them."""
        left, right, disparity, valid = (part.to(device, non_blocking=True) for part in self[:4])
        return StereoBatch(left.float().div_(255), right.float().div_(255), disparity, valid, self.names)


class _Draw(NamedTuple):
    """Which sample is drawn, and its position in the whole run, which seeds its augmentation."""

    item: int
    position: int


class _TrainingSet:
    """The augmented samples of a run, by draw."""

    def __init__(self, dataset: TrainingData, augmentation: Augmentation, seed: int) -> None:
        self.dataset = dataset
        self.augmentation = augmentation
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: _Draw) -> StereoSample:
        rng = generator("augmentation", self.seed, draw.position)
        return self.augmentation(self.dataset.source(draw.item), rng)


class _RunSampler(Sampler[_Draw]):
    """The order of a whole training run, from any position on: one shuffled pass over the set after the other.

    Position p of the run is a pure function of (seed, p), so a resumed run sees what the uninterrupted one would
    have seen. Of several processes, each takes every world_size-th position.
    """

    def __init__(self, data: TrainingData, seed: int, first: int, last: int, rank: int, world_size: int) -> None:
        self.data, self.seed = data, seed
        self.first, self.last = first, last
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return (self.last - self.first) // self.world_size

    def __iter__(self) -> Iterator[_Draw]:
        epoch, order = -1, np.empty(0, np.int64)
        for position in range(self.first + self.rank, self.last, self.world_size):
            if position // len(self.data) != epoch:
                epoch = position // len(self.data)
                order = self.data.order(self.seed, epoch)
            yield _Draw(int(order[position % len(self.data)]), position)


def build_loader(
    config: DataConfig,
    seed: int,
    first_step: int,
    last_step: int,
    rank: int = 0,
    world_size: int = 1,
    data: TrainingData | None = None,
) -> DataLoader[Any]:
    """Return the loader of the batches of optimizer steps first_step … last_step − 1; :func:`iterate` reads it.

    The samples of a step depend on the seed and the step alone, not on the number of workers, nor on where the run
    was resumed; `config.batch_size` is shared among the `world_size` processes. `data`: the data sets that the
    configuration names, if they are built already.

    Raises: DataError if a data set is not there or empty, or if the batch does not divide among the processes.
    """
    if config.batch_size % world_size:
        raise DataError(f"data.batch_size ({config.batch_size}) does not divide among {world_size} processes")
    data = TrainingData(config) if data is None else data
    sampler = _RunSampler(data, seed, first_step * config.batch_size, last_step * config.batch_size, rank, world_size)
    pipes = config.workers > 0 and not _fits_shared_memory(config, data)
    return DataLoader(
        _Caught(_TrainingSet(data, Augmentation(config.augmentation), seed)),
        batch_size=config.batch_size // world_size,
        sampler=sampler,
        num_workers=config.workers,
        collate_fn=partial(_collate_caught, as_arrays=pipes),
        worker_init_fn=init_worker,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=_AHEAD if config.workers else None,
    )


def _fits_shared_memory(config: DataConfig, data: TrainingData) -> bool:
    """Return whether the batches that workers prepare fit the shared memory; where not, say so.

    Tensors go from process to process through it. Where it is full, as the 64 MB that Docker gives by itself soon are,
    PyTorch's workers die or wait for ever.
    """
    free = _free_shared_memory()
    if free is None:
        return True
    height, width = config.augmentation.crop_height, config.augmentation.crop_width
    if height is None or width is None:
        first = data.source(0)
        height, width = first.height, first.width
    needed = height * width * _PIXEL_BYTES * config.batch_size * _AHEAD * config.workers
    if needed <= free:
        return True
    _log.warning(
        "%s has %d MB free, and %d workers prepare up to %d MB of batches: these go through pipes instead, which is "
        "slower; give a container more by --shm-size=%dm, or set data.workers to less",
        _SHARED_MEMORY,
        free >> 20,
        config.workers,
        needed >> 20,
        -(-2 * needed >> 20),
    )
    return False


def _free_shared_memory() -> int | None:
    """Return how many bytes of shared memory are free; None where that is not limited by itself."""
    try:
        return shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return None


def collate(samples: list[StereoSample]) -> StereoBatch:
    """Stack samples of one size. Raises: DataError if sizes differ or a sample has no ground truth."""
    sizes = {(sample.height, sample.width) for sample in samples}
    if len(sizes) > 1:
        raise DataError(
            f"samples of one batch have different sizes {sorted(sizes)} (height, width); "
            "set data.augmentation.crop_height and crop_width"
        )
    truths = [sample.require_truth("training") for sample in samples]
    return StereoBatch(
        left=torch.from_numpy(np.stack([sample.left for sample in samples])).permute(0, 3, 1, 2).contiguous(),
        right=torch.from_numpy(np.stack([sample.right for sample in samples])).permute(0, 3, 1, 2).contiguous(),
        disparity=torch.from_numpy(np.stack([truth.disparity for truth in truths])),
        valid=torch.from_numpy(np.stack([truth.valid for truth in truths])),
        names=tuple(sample.name for sample in samples),
    )


def init_worker(worker: int) -> None:
    """Prepare a loader process: it uses one core, and ends when it is told to."""
    # One worker, one core: OpenCV would start a thread for each core in every worker.
    cv2.setNumThreads(0)
    set_freed_memory_kept(64 << 20, 256 << 20)
    # Ctrl-C, and the SIGTERM of many schedulers, reach the whole process group. The main process finishes its step, may
    # need another batch for that, and then ends its workers itself. A worker that is told to end goes on for the grace
    # and ends then: one that ignored SIGTERM altogether would keep its parent from ending.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_after_grace)


def _end_after_grace(number: int, frame: FrameType | None) -> None:
    # A timer rather than SIGALRM, which Windows does not have.
    timer = threading.Timer(_GRACE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()


class _Caught(Dataset[Any]):
    """Items by index, where an error takes the place of an item that cannot be made.

    PyTorch would send an error from a worker as text with a traceback; as an item it arrives as it is.
    """

    def __init__(self, items: Indexed[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        try:
            return self.items[index]
        except StereoError as error:
            return error


def _collate_caught(items: list[StereoSample | StereoError], as_arrays: bool) -> Any:
    """Return a StereoBatch, or the error in its place. as_arrays: of NumPy arrays, which go through pipes."""
    samples = []
    for item in items:
        if isinstance(item, StereoError):
            return item
        samples.append(item)
    try:
        batch = collate(samples)
    except StereoError as error:
        return error
    return (*(part.numpy() for part in batch[:4]), batch.names) if as_arrays else batch


def _as_tensors(
    left: NDArray[Any], right: NDArray[Any], disparity: NDArray[Any], valid: NDArray[Any], names: tuple[str, ...]
) -> StereoBatch:
    left_tensor, right_tensor, *truth = (torch.from_numpy(part) for part in (left, right, disparity, valid))
    return StereoBatch(left_tensor, right_tensor, truth[0], truth[1], tuple(names))


def iterate(loader: DataLoader[Any]) -> Iterator[Any]:
    """Yield what the loader gives, batch by batch.

    Raises: the StereoError of the first batch that cannot be had; WorkerError where a worker was killed. Both come
        where the next batch is asked for, never in the midst of what the caller does with one.
    """
    batches = iter(loader)
    if loader.num_workers and hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
        # PyTorch's handler would raise wherever the program is, be it within an optimizer step.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        for batch in batches:
            if isinstance(batch, StereoError):
                break
            yield _as_tensors(*batch) if type(batch) in (tuple, list) else batch  # arrays of _collate_caught
        else:
            return
    except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:
        if not loader.num_workers or (isinstance(error, RuntimeError) and "exited unexpectedly" not in str(error)):
            raise
        raise WorkerError(
            "a loader process was killed, perhaps because memory ran out; use fewer workers (data.workers), or smaller "
            "batches"
        ) from None
    del batches  # the last reference: this ends the workers here and now, not when the interpreter does
    raise batch


def in_order(items: Indexed[T], workers: int, indices: Sequence[int] | None = None) -> Iterator[T]:
    """Yield the items, in order, each computed by one of so many processes. 0: in this one.

    Raises: what an item's computation raises; StereoError if a process dies.
    """
    loader: DataLoader[Any] = DataLoader(
        _Caught(items),
        batch_size=None,
        sampler=range(len(items)) if indices is None else indices,
        num_workers=workers,
        collate_fn=_unchanged,
        worker_init_fn=init_worker,
    )
    try:
        yield from iterate(loader)
    except WorkerError:
        raise StereoError("a worker process died, perhaps because memory ran out; use fewer workers") from None


def _unchanged(item: T) -> T:
    return item
