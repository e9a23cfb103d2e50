"""Measuring time and memory, each cell in a process of its own, so that running out of either is a result, not a crash.

The parent calls :func:`run_cell` with a command; the child calls :func:`report`, which limits its memory, measures, and
prints the outcome as one line of JSON.
"""

import gc
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from stereo.benchmark.machine import UNITS
from stereo.device import release_freed_memory, set_freed_memory_kept

Status = Literal["ok", "out of memory", "over time", "failed"]


@dataclass
class Outcome:
    """What became of one cell."""

    status: Status
    seconds: float | None = None  # median of the repeated runs
    extra_bytes: int | None = None  # peak over the state before the call, its result included
    # Out of memory: what was held beyond the start, and the allocation that failed. A lower bound: an error in the
    # backward pass has let go of what that pass held.
    needed_bytes: int | None = None
    message: str = ""
    details: dict[str, Any] | None = None  # what else a benchmark measures


# ------------------------------------------------------------------------------------------------------ the parent


def run_cell(command: Sequence[str], time_limit: float) -> Outcome:
    """Run a command that ends in :func:`report`; it and its children are killed at the limit, s, or with the caller."""
    # A terminated parent, by `timeout` for example, must take its cell along as an interrupted one does.
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output, errors = process.communicate(timeout=time_limit)
    except subprocess.TimeoutExpired:
        return Outcome("over time", message=f"over {time_limit:g} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        signal.signal(signal.SIGTERM, previous)
    lines = output.strip().splitlines()
    if process.returncode == 0 and lines:
        return Outcome(**json.loads(lines[-1]))
    if process.returncode == -signal.SIGKILL:
        return Outcome("out of memory", message="killed by the system")
    return Outcome("failed", message=(errors.strip().splitlines() or ["no message"])[-1])


# ------------------------------------------------------------------------------------------------------- the child


def report(
    prepare: Callable[[], Callable[[], Any]],
    device: torch.device,
    memory_limit: int | None,
    details: Callable[[Callable[[], Any]], dict[str, Any]] | None = None,
) -> None:
    """Measure what `prepare` returns, within the limit, and print the outcome as JSON.

    Args:
        prepare: Makes the inputs and returns what is to be measured. What it allocates counts against the limit, not
            as extra memory.
        memory_limit: Bytes beyond what the process has already.
        details: Measures more of the same function.
    """
    start = resident_bytes() if device.type == "cpu" else 0
    if memory_limit is not None:
        limit_memory(memory_limit, device)
    try:
        function = prepare()
        outcome = measure(function, device)
        if details is not None:
            outcome.details = details(function)
    except (RuntimeError, MemoryError) as error:
        wanted = failed_allocation(str(error))
        if wanted is None and not isinstance(error, MemoryError | torch.OutOfMemoryError):
            outcome = Outcome("failed", message=str(error).splitlines()[0])
        else:
            held = resident_bytes() - start if device.type == "cpu" else torch.cuda.memory_allocated(device)
            needed = None if wanted is None else held + wanted
            outcome = Outcome("out of memory", needed_bytes=needed)
    print(json.dumps(asdict(outcome)), flush=True)


def limit_memory(limit: int, device: torch.device) -> None:
    """Make allocations fail beyond so many bytes more than the process has now."""
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total), device)
    else:
        import resource  # not on Windows

        address_space = _status("VmSize") + limit
        resource.setrlimit(resource.RLIMIT_AS, (address_space, resource.RLIM_INFINITY))


def measure(function: Callable[[], Any], device: torch.device) -> Outcome:
    """Return the peak extra memory of the first call, and the median time of further ones (its own if that is long)."""
    start = time.perf_counter()
    extra = peak_memory(function, device)
    first = time.perf_counter() - start
    if first > 5:  # what a first call does besides is nothing beside this
        return Outcome("ok", seconds=first, extra_bytes=extra)
    seconds: list[float] = []
    while len(seconds) < 3 or (sum(seconds) < 2 and len(seconds) < 20):
        start = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return Outcome("ok", seconds=statistics.median(seconds), extra_bytes=extra)


def peak_memory(function: Callable[[], Any], device: torch.device) -> int:
    """Return the bytes that a call takes at its peak beyond what was held before; what it returns is included."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        function()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    gc.collect()
    release_freed_memory(device)  # so that none of it is taken again unseen
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is resident now
    before = resident_bytes()
    set_freed_memory_kept(64 << 10, 128 << 10)  # what is given back at once is no part of a later peak
    try:
        function()
    finally:
        set_freed_memory_kept(32 << 20, 64 << 20)  # what glibc comes to by itself
    return _status("VmHWM") - before


def failed_allocation(message: str) -> int | None:
    """Return how many bytes the allocator was asked for, by its own message; None for any other message."""
    match = re.search(r"tried to allocate ([\d.]+) (bytes|KiB|MiB|GiB)", message, re.IGNORECASE)
    if match is None:
        return None
    return int(float(match[1]) * ({"BYTES": 1} | UNITS)[match[2].upper()])


def resident_bytes() -> int:
    """Return the memory that this process has now. Linux."""
    return _status("VmRSS")


def _status(field: str) -> int:
    """A size of this process in bytes. Linux."""
    match = re.search(rf"^{field}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024
