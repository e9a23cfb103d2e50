"""Cells in processes of their own: limits become outcomes, and memory is what was allocated."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stereo.benchmark.cells import Outcome, failed_allocation, limit_memory, run_cell
from stereo.benchmark.machine import parse_bytes
from stereo.errors import ConfigError

CELL = """
import torch
from stereo.benchmark.cells import report
torch.ones(8).add(1)
report(lambda: lambda: {expression}, torch.device("cpu"), {limit})
"""


def cell(expression: str, limit: int = 10**9, time_limit: float = 60) -> Outcome:
    return run_cell([sys.executable, "-c", CELL.format(expression=expression, limit=limit)], time_limit)


def test_memory_is_what_was_allocated() -> None:
    outcome = cell("torch.ones(50_000_000)")
    assert outcome.status == "ok"
    assert outcome.extra_bytes == pytest.approx(200e6, rel=0.05)
    assert outcome.seconds is not None
    assert 0 < outcome.seconds < 10


def test_the_peak_counts_what_was_let_go() -> None:
    assert cell("torch.ones(50_000_000).sum()").extra_bytes == pytest.approx(200e6, rel=0.05)


def test_out_of_memory_is_an_outcome_with_what_was_needed() -> None:
    outcome = cell("[torch.ones(50_000_000), torch.ones(10**12)]", limit=10**9)
    assert outcome.status == "out of memory"
    assert outcome.needed_bytes == pytest.approx(4e12 + 200e6, rel=0.01)
    small = cell("torch.ones(50_000_000)", limit=150_000_000)
    assert small.status == "out of memory"
    assert small.needed_bytes == pytest.approx(200e6, rel=0.2)


def test_over_time_is_an_outcome_and_leaves_no_process() -> None:
    start = time.monotonic()
    outcome = run_cell([sys.executable, "-c", "import os, time; os.fork(); time.sleep(600)"], 1.0)
    assert outcome == Outcome("over time", message="over 1 s")
    assert time.monotonic() - start < 30


def test_what_fails_otherwise_says_so() -> None:
    outcome = cell("torch.ones(2) @ torch.ones(3)")
    assert outcome.status == "failed"
    assert "size" in outcome.message
    assert run_cell([sys.executable, "-c", "raise SystemExit(3)"], 30).status == "failed"
    killed = run_cell([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 30)
    assert killed == Outcome("out of memory", message="killed by the system")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_parent_takes_its_cell_along(tmp_path: Path, number: signal.Signals) -> None:
    cell_code = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    parent_code = (
        "import sys; from stereo.benchmark.cells import run_cell; "
        f"run_cell([sys.executable, '-c', {cell_code!r}, sys.argv[1]], 600)"
    )
    note = tmp_path / "pid"
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which a test suite in the background ignores
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code, str(note)], stderr=subprocess.DEVNULL, preexec_fn=heed
    )
    while not (note.exists() and note.read_text()):
        time.sleep(0.1)
    parent.send_signal(number)
    parent.wait(timeout=30)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


@pytest.mark.parametrize(
    ("text", "value"), [("16GB", 16 * 10**9), ("512 MiB", 512 * 2**20), ("1.5gb", 1_500_000_000), ("1000", 1000)]
)
def test_amounts_of_memory(text: str, value: int) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "0", "16 parsecs", "nan"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected for example 16GB"):
        parse_bytes(text)


def test_the_allocators_messages() -> None:
    assert failed_allocation(
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 618475290624 bytes."
    ) == (618475290624)
    assert failed_allocation("CUDA out of memory. Tried to allocate 20.50 GiB. GPU 0 has") == int(20.5 * 2**30)
    assert failed_allocation("something else") is None


@pytest.mark.parametrize(("device", "index"), [("cuda", 1), ("cuda:0", 0)])
def test_the_limit_on_a_gpu_names_its_number(monkeypatch: pytest.MonkeyPatch, device: str, index: int) -> None:
    given: list[tuple[float, object]] = []
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=8000))
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda share, device: given.append((share, device))
    )
    limit_memory(2000, torch.device(device))
    assert given == [(0.25, index)]
