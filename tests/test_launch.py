"""What ends a run of several processes, and how it goes on."""

import os
import signal
from pathlib import Path

import pytest
from helpers import tiny_config
from helpers.processes import TRAIN, find_rank, start, torchrun, wait_for

from stereo.checkpoint import read_checkpoint
from stereo.config import config_to_yaml
from stereo.launch import exit_code


def test_exit_codes_are_those_of_a_shell() -> None:
    assert [exit_code(code) for code in (0, 2, 143, -signal.SIGKILL)] == [0, 2, 143, 137]


def experiment(folder: Path, steps: int) -> Path:
    config = tiny_config(folder / "run", steps=steps)
    config.training.checkpoint_interval = 5
    path = folder / "experiment.yaml"
    path.write_text(config_to_yaml(config), encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["data.batch_size=3", "training.stepz=3"])
def test_what_is_wrong_is_said_once(tmp_path: Path, setting: str) -> None:
    """Whether the processes find it together or each by itself. The exit code is kept, which torchrun makes 1."""
    path = experiment(tmp_path, 2)
    done = torchrun(TRAIN, "--config", str(path), setting, code=2, launcher="stereo.launch")
    assert done.stderr.count("error: ") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_killed_process_ends_the_run_unless_it_may_be_restarted(tmp_path: Path) -> None:
    """With one restart allowed: it goes on from the checkpoint by itself, and the second time ends with a message."""
    path, last = experiment(tmp_path, 10_000), tmp_path / "run" / "last.pt"
    process = start("--max-restarts", "1", TRAIN, "--config", str(path))
    wait_for(last.exists)
    killed = find_rank(path, 1)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    reached = read_checkpoint(last)["step"]
    wait_for(lambda: find_rank(path, 1) not in (killed, None) and read_checkpoint(last)["step"] > reached)
    again = find_rank(path, 1)
    assert again is not None
    os.kill(again, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stdout.count("resumed from ") == 1
    told = f"has ended, or its machine cannot be reached; the last good state is in {last}; go on with --resume auto"
    assert told in stderr  # where the machine is busy, torchrun may end the one that is left before it says so again
    assert "SIGKILL" in stderr
    assert "[rank0]: Traceback" not in stderr


@pytest.mark.slow
def test_the_processes_end_with_what_started_them(tmp_path: Path) -> None:
    """Killed, it cannot tell them."""
    path, last = experiment(tmp_path, 10_000), tmp_path / "run" / "last.pt"
    process = start(TRAIN, "--config", str(path))
    wait_for(last.exists)
    process.kill()
    stdout, _ = process.communicate(timeout=60)  # until the last of them has closed its output
    assert find_rank(path, 0) is find_rank(path, 1) is None
    assert f"interrupted; the state is in {last}" in stdout
    assert "torchrun --standalone --nproc-per-node 2 " in stdout
