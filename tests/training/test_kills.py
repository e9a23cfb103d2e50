"""The kill test: a run that is killed at any moment and taken up again ends in the weights of one that never was."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
from helpers import load_script, tiny_config
from helpers.processes import wait_for
from helpers.runs import same_weights

from stereo.checkpoint import read_checkpoint
from stereo.config import config_to_yaml
from stereo.training.trainer import train

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class KilledRun:
    """One run of scripts/train.py, killed as often as one likes; each time a new process goes on with it.

    The processes are forks of this one, which need not import everything anew. half_written: how many of the kills left
    the temporary file of a checkpoint.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.whole = folder / "killed", folder / "whole"
        self.experiment, self.log = folder / "experiment.yaml", folder / "log.txt"
        config = tiny_config(self.folder, steps)
        config.training.checkpoint_interval = config.training.log_interval = 1
        config.training.validation_interval = 5
        self.experiment.write_text(config_to_yaml(config), encoding="utf-8")
        self.half_written = 0
        config.training.output = str(self.whole)
        train(config)

    def kill(self, workers: int, after: str, seconds: float, in_a_write: bool = False) -> None:
        """Let the run go on, and kill it so many seconds after the first line that begins so, or in the write then."""
        process = self._start(workers)
        self._wait(process, lambda: any(line.startswith(after) for line in self.log.read_text().splitlines()))
        time.sleep(seconds)
        if in_a_write:
            self._wait(process, lambda: bool(self._temporary()))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, self.log.read_text()
        self.half_written += bool(self._temporary())
        for path in self.folder.glob("[!.]*.pt"):
            read_checkpoint(path)
        for path in self._temporary():  # as old as it is when another process has started: these are forked at once
            os.utime(path, (0, 0))
        wait_for(lambda: not is_group(process.pid))  # loader processes find out within seconds

    def check_end(self, workers: int) -> None:
        """Let the run go on to its end, and compare it with the one that was never killed."""
        process = self._start(workers)
        process.join()
        assert process.exitcode == 0, self.log.read_text()
        assert not is_group(process.pid)
        for name in ("last.pt", "best.pt"):
            assert same_weights(self.folder / name, self.whole / name)
        left, expected = ({path.name for path in folder.glob("[!e]*")} for folder in (self.folder, self.whole))
        assert left == expected  # all but TensorBoard's files, of which each process begins one

    def _start(self, workers: int) -> ForkProcess:
        self.log.write_text("")
        process = get_context("fork").Process(target=self._run, args=(workers,))
        process.start()
        return process

    def _run(self, workers: int) -> None:
        os.setsid()  # a process group of its own, which its loader processes belong to
        with self.log.open("w", buffering=1) as file, redirect_stdout(file):
            words = ["--config", str(self.experiment), "--resume", "auto", f"data.workers={workers}"]
            sys.exit(load_script("train").main(words))

    def _wait(self, process: ForkProcess, condition: Callable[[], bool]) -> None:
        while not condition():
            assert process.is_alive(), self.log.read_text()
            time.sleep(0.0005)

    def _temporary(self) -> list[Path]:
        return list(self.folder.glob(".*.part.pt"))


def is_group(number: int | None) -> bool:
    """Whether there is a process in this process group."""
    assert number is not None
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_kills_change_nothing(tmp_path: Path) -> None:
    run = KilledRun(tmp_path, steps=5)
    run.kill(0, "training on", 0.1)
    run.kill(0, "step 1/", 0.0, in_a_write=True)
    run.check_end(0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    """At random moments, some of them in a write or a validation; with 0, 1 and 2 loader processes in turn."""
    run, rng = KilledRun(tmp_path, steps=60), random.Random(0)
    for number in range(20):
        after = "training on" if number % 4 == 0 else "step "
        run.kill(number % 3, after, rng.uniform(0, 0.2), in_a_write=number % 4 == 3)
    assert run.half_written > 0
    run.check_end(2)
