"""From data sets to training batches that are the same for any number of workers."""

import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple, Protocol, TypeVar

import cv2
import torch
from torch import multiprocessing
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from stereo.config import DataConfig
from stereo.data.batch import StereoBatch, collate
from stereo.data.blocks import Blocks, Handed
from stereo.data.sample import StereoSample
from stereo.data.shared_memory import IN_USE, batches_ahead, sample_bytes
from stereo.data.training_data import TrainingData
from stereo.data.transforms import Augmentation
from stereo.data.workers import count_workers
from stereo.device import keep_freed_memory
from stereo.errors import DataError, StereoError
from stereo.seeds import generator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# How long a worker goes on after it was told to end: enough for the step under way and for a batch it may wait for.
_GRACE_SECONDS = 10


class WorkerError(StereoError):
    """A process that loads data was killed from outside."""


class Indexed(Protocol[T_co]):
    """Anything with a length and items by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> T_co: ...


class _Draw(NamedTuple):
    """Which sample is drawn, and its position in the whole run, which seeds its augmentation."""

    item: int
    position: int


class _Augmented(NamedTuple):
    """A sample to train on; clean: as it was before augmentation changed its looks, where that is asked for."""

    sample: StereoSample
    clean: StereoSample | None


class _TrainingSet:
    """The augmented samples of a run, by draw."""

    def __init__(self, dataset: TrainingData, augmentation: Augmentation, seed: int, with_clean: bool) -> None:
        self.dataset = dataset
        self.augmentation = augmentation
        self.seed = seed
        self.with_clean = with_clean

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: _Draw) -> _Augmented:
        rng = generator("augmentation", self.seed, draw.position)
        clean = self.augmentation.move(self.dataset.source(draw.item), rng)
        sample = self.augmentation.change_looks(clean, rng)
        return _Augmented(sample, clean if self.with_clean else None)


class _RunSampler(Sampler[_Draw]):
    """The order of a whole training run, from any position on: one shuffled pass over the set after the other.

    Position p of the run is a pure function of (seed, p), so a resumed run sees what the uninterrupted one would
    have seen. Of several processes, each takes every world_size-th position, so that a step's samples are the same
    ones for any number of processes.
    """

    def __init__(self, data: TrainingData, seed: int, first: int, last: int, rank: int, world_size: int) -> None:
        self.data, self.seed = data, seed
        self.first, self.last = first, last
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return (self.last - self.first) // self.world_size

    def __iter__(self) -> Iterator[_Draw]:
        for position in range(self.first + self.rank, self.last, self.world_size):
            yield _Draw(self.data.item(self.seed, position), position)


def build_loader(
    config: DataConfig,
    seed: int,
    first_step: int,
    last_step: int,
    rank: int = 0,
    world_size: int = 1,
    data: TrainingData | None = None,
    with_clean: bool = False,
) -> DataLoader[Any]:
    """Return the loader of the batches of optimizer steps first_step … last_step − 1; :func:`iterate` reads it.

    The samples of a step depend on the seed and the step alone, not on the number of workers, nor on where the run
    was resumed; `config.batch_size` is shared among the `world_size` processes. `data`: the data sets that the
    configuration names, if they are built already. `with_clean`: the batches have clean views too.

    Raises: DataError if a data set is not there or empty, if the batch does not divide among the processes, or if the
        batches that workers prepare do not fit the shared memory.
    """
    if config.batch_size % world_size:
        raise DataError(f"data.batch_size ({config.batch_size}) does not divide among {world_size} processes")
    data = TrainingData(config) if data is None else data
    workers = count_workers(config.workers)
    _require_temporary_folder(workers)
    ahead, blocks = None, None
    if workers:
        sample = sample_bytes(config, data.source, with_clean)
        ahead = batches_ahead(config, workers, sample, world_size)
        if multiprocessing.get_start_method() == "fork":
            blocks = Blocks(workers, ahead + IN_USE, sample * (config.batch_size // world_size))
    sampler = _RunSampler(data, seed, first_step * config.batch_size, last_step * config.batch_size, rank, world_size)
    return DataLoader(
        _Caught(_TrainingSet(data, Augmentation(config.augmentation), seed, with_clean)),
        batch_size=config.batch_size // world_size,
        sampler=sampler,
        num_workers=workers,
        collate_fn=_Collate(blocks),
        worker_init_fn=init_worker,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=ahead,
    )


def init_worker(worker: int) -> None:
    """Prepare a loader process: it uses one core, and ends when it is told to."""
    # One worker, one core: OpenCV would start a thread for each core in every worker.
    cv2.setNumThreads(0)
    keep_freed_memory()
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


class HandedBatch:
    """A batch on its way from a loader process, in a block of memory that both have."""

    def __init__(self, tensors: Handed, names: tuple[str, ...]) -> None:
        self.tensors, self.names = tensors, names

    def take(self) -> StereoBatch:
        """Return the batch, in the main process."""
        return StereoBatch.of(self.tensors.take(), self.names)

    def pin_memory(self) -> StereoBatch:
        """Return the batch in memory that a GPU reads by itself; PyTorch's thread calls this."""
        return StereoBatch.of([tensor.pin_memory() for tensor in self.tensors.take()], self.names)


class _Collate:
    """Makes a batch of samples, in a loader process in one of the blocks; an error takes its place."""

    def __init__(self, blocks: Blocks | None) -> None:
        self.blocks = blocks

    def __call__(self, items: list[_Augmented | StereoError]) -> StereoBatch | HandedBatch | StereoError:
        augmented = []
        for item in items:
            if isinstance(item, StereoError):
                return item
            augmented.append(item)
        clean = [item.clean for item in augmented if item.clean is not None]
        try:
            batch = collate([item.sample for item in augmented], clean)
        except StereoError as error:
            return error
        worker = get_worker_info()
        if self.blocks is None or worker is None:
            return batch
        handed = self.blocks.put(worker.id, batch.tensors)
        return batch if handed is None else HandedBatch(handed, batch.names)


def iterate(loader: DataLoader[Any]) -> Iterator[Any]:
    """Yield what the loader gives, batch by batch.

    Raises: the StereoError of the first batch that cannot be had; WorkerError where a worker was killed. Both come
        where the next batch is asked for, never in the midst of what the caller does with one.
    """
    batches = iter(loader)
    child_ended = getattr(signal, "SIGCHLD", None)  # Windows has none
    if loader.num_workers and child_ended is not None and threading.current_thread() is threading.main_thread():
        # PyTorch's handler would raise wherever the program is, be it within an optimizer step.
        signal.signal(child_ended, signal.SIG_DFL)
    try:
        for batch in batches:
            if isinstance(batch, StereoError):
                break
            if isinstance(batch, HandedBatch):
                batch = batch.take()
            yield batch
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
    _require_temporary_folder(workers)
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


def _require_temporary_folder(workers: int) -> None:
    """Raise DataError where workers would have no place for the socket by which they hand over what they loaded."""
    try:
        if workers:
            tempfile.gettempdir()
    except FileNotFoundError:
        raise DataError(
            "there is no temporary folder that can be written to, which loader processes need: set TMPDIR to a folder "
            "that you may write to, or load without them (data.workers=0)"
        ) from None


def _unchanged(item: T) -> T:
    return item
