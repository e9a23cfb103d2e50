"""One process or many: what `torchrun` tells us, and what follows from it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn

from stereo.model.network import StereoNetwork

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among all of the run. Process 0 writes files and prints."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            distributed.barrier()

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says so: all of them must leave the training loop at the same step."""
        if self.size == 1:
            return flag
        votes = torch.tensor(float(flag), device=device)
        distributed.all_reduce(votes, distributed.ReduceOp.MAX)
        return bool(votes.item() > 0)

    def gather(self, value: T) -> list[T]:
        """Every process's value, in all processes."""
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values


@contextmanager
def joined_world() -> Iterator[World]:
    """The world that `torchrun` has prepared in the environment, or this process alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield World()
        return
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank)  # where nccl works, and what `cuda` without a number means
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield World(distributed.get_rank(), distributed.get_world_size(), local_rank)
    finally:
        distributed.destroy_process_group()


def distribute(network: StereoNetwork, world: World, device: torch.device) -> nn.Module:
    """The network wrapped for training in this world; itself where it is alone."""
    if world.size == 1:
        return network
    on_cuda = device.type == "cuda"
    module: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network) if on_cuda else network
    return nn.parallel.DistributedDataParallel(module, device_ids=[device.index] if on_cuda else None)
