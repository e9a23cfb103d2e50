"""The device to run on, and its memory."""

import ctypes
import math
import os
import platform
import re
import sys
from contextlib import suppress
from pathlib import Path

import torch

from stereo.errors import ConfigError


def select_device(name: str = "auto") -> torch.device:
    """Return the device of that name; `auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises: ConfigError where the name is unknown or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device '{name}' is unknown, expected auto, cpu, cuda, cuda:N or mps") from None
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(device.type, False):
        raise ConfigError(f"device '{name}' is not available here; use auto or cpu")
    return device


def describe_machine(device: torch.device) -> str:
    """Return hardware and PyTorch in words, as the origin of a figure is stated."""
    where = f"{os.cpu_count()} CPU cores ({_processor()})"
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    return f"{where}, PyTorch {torch.__version__}, {torch.get_num_threads()} threads, float32"


def _processor() -> str:
    with suppress(OSError):  # Linux only
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if match is not None:
            return match[1]
    return platform.machine()


def release_freed_memory(device: torch.device) -> None:
    """Give freed memory back to the system, on a CPU with glibc; do nothing elsewhere.

    glibc keeps freed blocks of up to 32 MB for later. After the features these are more than the features themselves,
    and the larger blocks of the cost volume cannot use them.
    """
    if device.type == "cpu":
        with suppress(OSError, AttributeError, TypeError):  # TypeError: Windows
            ctypes.CDLL(None).malloc_trim(0)


def keep_freed_memory() -> None:
    """Let the process keep freed memory for the next image, up to 256 MB; glibc only.

    For processes that handle one image after another, mostly of one size.
    """
    set_freed_memory_kept(64 << 20, 256 << 20)


def set_freed_memory_kept(block: int, total: int) -> None:
    """Let the process keep freed blocks of up to `block` bytes, until `total` bytes are free; glibc only.

    By itself glibc gives large blocks back as soon as they are freed, and the next one of that size costs a page fault
    for each 4 kB: for arrays of a few MB as much as filling them.
    """
    with suppress(OSError, AttributeError, TypeError):  # TypeError: Windows
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, block)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, total)  # M_TRIM_THRESHOLD


def peak_memory_mb(device: torch.device) -> float:
    """Return the most memory that was held so far: by tensors on a GPU, else by this process; NaN on Windows."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        import resource
    except ImportError:
        return math.nan
    # ru_maxrss is in bytes on macOS and in KiB elsewhere.
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return resident / (2**20 if sys.platform == "darwin" else 2**10)
