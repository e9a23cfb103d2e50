"""Scripts of two processes, as torchrun starts them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from helpers import REPOSITORY

TRAIN = str(REPOSITORY / "scripts" / "train.py")
TORCHRUN = "torch.distributed.run"


def start(*arguments: str, launcher: str = TORCHRUN) -> subprocess.Popen[str]:
    """Start two processes of a script with its arguments, after options of the launcher."""
    command = [sys.executable, "-m", launcher, "--standalone", "--nproc-per-node", "2", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def torchrun(
    *arguments: str, code: int = 0, launcher: str = "torch.distributed.run"
) -> subprocess.CompletedProcess[str]:
    """Run two processes of a script to the end, which must have this exit code."""
    process = start(*arguments, launcher=launcher)
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == code, stderr
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def find_rank(config: Path, rank: int) -> int | None:
    """The process of that rank that trains by this configuration; None where there is none."""
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # no process, or one that has just ended
            continue
        if str(config).encode() in words and f"RANK={rank}".encode() in environment:
            return int(folder.name)
    return None


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to it"
        time.sleep(0.1)
