"""How much memory a training step takes, found out in a second or two, on tensors that have a size but no values."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call

from stereo.config import TrainingPrecision
from stereo.model.network import StereoNetwork
from stereo.training.step import HALF_TYPES

# Below so many cells of the cost volume a step takes less than the library itself.
_SMALL = 100_000


def check_memory(
    network: StereoNetwork, shape: Sequence[int], precision: TrainingPrecision, average: bool, device: torch.device
) -> list[str]:
    """Return a line where a step may take more memory than there is.

    Args:
        shape: B, H, W of what goes through the network at a time.
        average: Whether the weights' moving average is kept.
    """
    count, height, width = shape
    if count * height * width * network.max_disparity < 64 * _SMALL:
        return []
    need = estimate_step_memory(network, count, height, width, precision, average).total
    there = available_memory(device)
    if there is None or need < there:
        return []
    return [
        f"a step takes about {need / 2**30:.1f} GiB, and {there / 2**30:.1f} GiB are free; raise "
        "training.accumulation, lower data.augmentation.crop_height and crop_width, or set "
        "model.aggregation.recompute=true or training.precision=bf16"
    ]


class StepMemory(NamedTuple):
    """What a step needs, bytes.

    state: weights, gradients, the two moments of AdamW and, where there is one, the average.
    activations: what the forward pass keeps for the backward pass.
    largest: the largest of these; the backward pass has some gradients of that size at a time.
    """

    state: int
    activations: int
    largest: int

    @property
    def total(self) -> int:
        """Return the whole, as an estimate: the library's own work space is not in it."""
        return self.state + self.activations + 2 * self.largest


def estimate_step_memory(
    network: StereoNetwork,
    batch_size: int,
    height: int,
    width: int,
    precision: TrainingPrecision,
    average: bool = False,
) -> StepMemory:
    """Return what a step of this network, which stays as it is, needs on crops of that size, px, in one process."""
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage()._cdata, tensor)
        return tensor

    half = HALF_TYPES.get(precision)
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    with FakeTensorMode():
        fakes = {name: _fake(tensor) for name, tensor in tensors.items()}
        left, right = torch.empty(2, batch_size, 3, height, width).unbind()
        with torch.autocast("cpu", half, enabled=half is not None), saved_tensors_hooks(keep, lambda tensor: tensor):
            functional_call(network.train(), fakes, (left, right))
    own = {tensor.untyped_storage()._cdata for tensor in fakes.values()}
    sizes = [tensor.untyped_storage().nbytes() for key, tensor in kept.items() if key not in own]
    weights = sum(parameter.numel() for parameter in network.parameters())
    return StepMemory((5 if average else 4) * 4 * weights, sum(sizes), max(sizes, default=0))


def _fake(tensor: Tensor) -> Tensor:
    """Return a tensor on the CPU with the size of this one, and no values."""
    fake = torch.empty(tensor.shape, dtype=tensor.dtype)
    assert isinstance(fake, FakeTensor)
    return fake.requires_grad_(tensor.requires_grad)


def available_memory(device: torch.device) -> int | None:
    """Return how much memory is free for this process, bytes: on CUDA of the GPU; None where nothing says so."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) + torch.cuda.memory_reserved(device)
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    return min(free, *_container_limits())


def _container_limits() -> list[int]:
    """Return what a container leaves this process, bytes; at most one number, and one that never binds."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    try:
        most, used = (
            Path("/sys/fs/cgroup", name).read_text(encoding="ascii") for name in ("memory.max", "memory.current")
        )
        limits.append(int(most) - int(used))
    except (OSError, ValueError):  # no container, or "max"
        pass
    return limits
