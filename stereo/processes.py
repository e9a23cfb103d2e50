"""One process or many: what `torchrun` tells us, and what follows from it."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from stereo.device import select_device
from stereo.errors import ConfigError

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
        if self.size > 1:
            distributed.barrier()

    def any(self, flag: bool, device: torch.device) -> bool:
        """Return whether any process says so: all of them must leave the training loop at the same step."""
        if self.size == 1:
            return flag
        votes = torch.tensor(float(flag), device=device)
        distributed.all_reduce(votes, distributed.ReduceOp.MAX)
        return bool(votes.item() > 0)

    def gather(self, value: T) -> list[T]:
        """Return every process's value, in all processes."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values


def backend_for(device: torch.device) -> str:
    """Return the backend by which processes on such a device talk: nccl is for tensors on GPUs alone."""
    return "nccl" if device.type == "cuda" else "gloo"


@contextmanager
def join_processes(device_name: str = "auto", timeout: timedelta | None = None) -> Iterator[Processes]:
    """Join the processes that `torchrun` started; without it, this process is alone.

    Args:
        device_name: The device that the work runs on, as for :func:`stereo.device.select_device`.
        timeout: How long one waits for another before it takes it for lost. None: PyTorch's, 10 to 30 minutes.

    Raises: ConfigError where the device is unknown or not there, or where there are not as many GPUs as processes.
    """
    if _world_size() == 1:
        yield Processes()
        return
    device = select_device(device_name)
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if device.type == "cuda":
        _check_gpus(device_name, local_rank)
        torch.cuda.set_device(local_rank)  # where nccl works, and what `cuda` without a number means
    distributed.init_process_group(backend_for(device), timeout=timeout)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), local_rank)
    except Exception:
        is_first_to_fail()  # before the connections close, at which the others fail as well
        raise
    finally:
        distributed.destroy_process_group()


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
    per_node = environment.get("LOCAL_WORLD_SIZE", "1")
    nodes = _world_size() // int(per_node)
    if nodes <= 1:
        return ["torchrun", "--standalone", "--nproc-per-node", per_node]
    # Where the nodes meet stands in no variable.
    where = ["--rdzv-id", environment["TORCHELASTIC_RUN_ID"], "--rdzv-backend", "c10d", "--rdzv-endpoint", "HOST:PORT"]
    return ["torchrun", "--nnodes", str(nodes), "--nproc-per-node", per_node, *where]


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
