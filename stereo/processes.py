"""One process or many: what `torchrun` tells us, and what follows from it."""

import ctypes
import functools
import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from stereo.device import select_device
from stereo.errors import ConfigError, StereoError

# The variable that says what started the processes, where it is not torchrun itself (stereo/launch.py).
LAUNCHER = "STEREO_LAUNCHER"
# What is said where a process is gone.
LOST = "another process of this run has ended, or its machine cannot be reached"
# How long one waits for the others to begin.
_TIMEOUT = timedelta(minutes=10)
# Of prctl, which signal a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among all that share the work. Process 0 writes files and prints."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this is process 0."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for all processes."""
        self.any(False)

    def any(self, flag: bool) -> bool:
        """Return whether any process says so: all of them must leave the training loop at the same step."""
        if self.size == 1:
            return flag
        votes = torch.tensor(float(flag))  # on the CPU: no GPU is waited for
        distributed.all_reduce(votes, distributed.ReduceOp.MAX)
        return bool(votes.item() > 0)

    def all_of(self, flag: Tensor) -> Tensor:
        """Return whether all processes say so: bool [], on the flag's device, which is not waited for."""
        if self.size == 1:
            return flag
        votes = flag.float()
        distributed.all_reduce(votes, distributed.ReduceOp.MIN)
        return votes > 0

    def mean_of(self, values: Tensor) -> Tensor:
        """Return the mean over all processes of their values, on the values' device, which is not waited for."""
        if self.size == 1:
            return values
        means = values.float()
        distributed.all_reduce(means)
        return means / self.size

    def gather(self, value: T) -> list[T]:
        """Return every process's value, in all processes."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values


def backend_for(device: torch.device) -> str:
    """Return the backends by which processes on such a device talk: nccl is for tensors on GPUs alone."""
    return "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"


@contextmanager
def join_processes(device_name: str = "auto", timeout: timedelta | None = None) -> Iterator[Processes]:
    """Join the processes that `torchrun` started; without it, this process is alone.

    Args:
        device_name: The device that the work runs on, as for :func:`stereo.device.select_device`.
        timeout: How long one waits for another before it takes it for lost. None: PyTorch's, 10 to 30 minutes.

    Raises: ConfigError where the device is unknown or not there, or where there are not as many GPUs as processes;
        LostProcessError where another process has ended without a word, as one that was killed.
    """
    if _world_size() == 1:
        yield Processes()
        return
    _end_with_launcher()
    device = select_device(device_name)
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if device.type == "cuda":
        _check_gpus(device_name, local_rank)
        torch.cuda.set_device(local_rank)  # where nccl works, and what `cuda` without a number means
    try:
        store, rank, size = next(distributed.rendezvous("env://", timeout=timeout or _TIMEOUT))
        store = distributed.PrefixStore(_attempt(), store)
        distributed.init_process_group(backend_for(device), store=store, rank=rank, world_size=size, timeout=timeout)
        yield Processes(rank, size, local_rank)
    except Exception as error:
        is_first_to_fail()  # before the connections close, at which the others fail as well
        if is_lost(error):
            raise LostProcessError(LOST) from None
        raise
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


class LostProcessError(StereoError):
    """One of the processes that share the work is gone."""


def is_lost(error: Exception) -> bool:
    """Return whether an error says that another process does not answer."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _end_with_launcher() -> None:
    """Let the system send SIGTERM to this process when the one that started it ends, be it killed; on Linux alone.

    Without it, the processes that `torchrun` started would go on to the end, and nobody would know.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _attempt() -> str:
    """Return what tells the keys of these processes from those of the ones before them in torchrun's store.

    Without it, processes that were started anew look for each other where the ones before them were (PyTorch 2.13).
    Where there are several nodes, each counts its own restarts; TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 gives those a new
    store (docs/clusters.md).
    """
    alone = os.environ.get("LOCAL_WORLD_SIZE") == os.environ.get("WORLD_SIZE")
    return f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0') if alone else ''}"


def was_restarted() -> bool:
    """Return whether `torchrun` has started the processes anew, after one of them failed (`--max-restarts`)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def _check_gpus(device_name: str, local_rank: int) -> None:
    """Raise ConfigError unless each process has a GPU of its own, as nccl needs."""
    if torch.device("cuda" if device_name == "auto" else device_name).index is not None:
        raise ConfigError(f"device '{device_name}' is one GPU, but several processes need one each; use cuda")
    count = torch.cuda.device_count()
    if local_rank >= count:
        raise ConfigError(f"process {local_rank} has no GPU, of {count} here; use torchrun --nproc-per-node {count}")


def launcher() -> list[str]:
    """Return the words that start a script in the way in which this process was started: python, or torchrun."""
    environment = os.environ
    if "TORCHELASTIC_RUN_ID" not in environment:
        return ["python"]
    words = shlex.split(environment.get(LAUNCHER, "torchrun"))
    per_node = environment.get("LOCAL_WORLD_SIZE", "1")
    nodes = _world_size() // int(per_node)
    if nodes <= 1:
        return [*words, "--standalone", "--nproc-per-node", per_node]
    # Where the nodes meet stands in no variable.
    where = ["--rdzv-id", environment["TORCHELASTIC_RUN_ID"], "--rdzv-backend", "c10d", "--rdzv-endpoint", "HOST:PORT"]
    return [*words, "--nnodes", str(nodes), "--nproc-per-node", per_node, *where]


def _world_size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


@functools.cache
def is_first_to_fail() -> bool:
    """Return whether no other of the processes that `torchrun` started has asked this before.

    They ask when they fail, for one of them to say why: often all fail alike, or the others because the first has gone.
    """
    try:
        # The store that torchrun keeps outlives the processes.
        store, _, _ = next(distributed.rendezvous("env://", timeout=timedelta(seconds=10)))
        return int(store.add(f"failed/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", 1)) == 1
    except Exception:  # no store to ask, and any of torch's types of error: then process 0 speaks
        return os.environ.get("RANK", "0") == "0"
