"""The memory that a network takes, told from a small call, so that tiles can be chosen that fit."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from stereo.errors import ConfigError

# Beyond the tensors: workspaces of the convolutions by their size, and what libraries load when they first run.
_WORKSPACE, _LOADED = 1.15, 150 << 20
# A process with PyTorch in it, where the system does not say.
_USUAL_PROCESS = 500 << 20
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def parse_memory(text: str) -> int:
    """Return the bytes of a size such as 4GB, 800 MB or 3.5GiB. Raises: ConfigError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?|)b?", text.strip().lower())
    size = 0 if match is None else int(float(match[1]) * _UNITS[match[2]])
    if size < 2**20:
        raise ConfigError(f"the memory is '{text}', expected a size such as 4GB or 800MB")
    return size


def tensor_bytes(function: Callable[[], Any]) -> int:
    """Return the most bytes that tensors made within a call hold at one time."""
    with _Tally() as tally:
        function()
    return tally.peak


@dataclass(frozen=True)
class Need:
    """What prediction takes, bytes.

    at_first: on a CPU what the process had before it first predicted, and what libraries load then. per_pixel: of
    tensors at the peak, for each pixel of what the network sees at once. per_image_pixel: of images and maps as arrays,
    for each pixel of the whole pair.
    """

    at_first: int
    per_pixel: float
    per_image_pixel: int

    @classmethod
    def of_call(cls, function: Callable[[], Any], pixels: int, maps: int, device: torch.device) -> "Need":
        """Return the need of a network, from a call of it with so many pixels that gives so many maps."""
        on_cpu = device.type == "cpu"
        held = _resident() + _LOADED if on_cpu else 0
        # Two uint8 images of three channels, and two copies of each float32 map.
        return cls(held, tensor_bytes(function) / pixels, 6 + 8 * maps if on_cpu else 0)

    def pixels_within(self, limit: int, count: int, image_pixels: int) -> int:
        """Return how many pixels of each of `count` pairs at once stay within a limit in bytes."""
        left = limit - self.at_first - count * image_pixels * self.per_image_pixel
        return max(0, int(left / (_WORKSPACE * self.per_pixel * count)))


def _resident() -> int:
    """Return the bytes of memory that this process has now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):  # Linux alone has it
        return _USUAL_PROCESS


class _Tally(TorchDispatchMode):
    """Follows the storages that operations make, until nothing refers to them."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_iter(result):
            if isinstance(value, Tensor):
                storage = value.untyped_storage()
                self._live[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self._live = {key: entry for key, entry in self._live.items() if not entry[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._live.values()))
        return result
