"""A full disk: no checkpoint is lost, and no log ends a run."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import REPOSITORY, tiny_config
from helpers.runs import constant_scores, same_weights

from stereo.checkpoint import read_checkpoint, save_checkpoint
from stereo.config import config_to_yaml
from stereo.errors import OutputError
from stereo.training.trainer import train
from stereo.training.validation import Validator


def test_a_full_disk_is_told_and_loses_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, *args: object) -> None:
        if args[2] == 2:
            raise OutputError(f"{path}: no space left")
        save_checkpoint(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr("stereo.training.folder.save_checkpoint", full)
    monkeypatch.setattr(Validator, "score", lambda self: constant_scores(1.0))
    config = tiny_config(tmp_path / "run")
    config.training.checkpoint_interval = 1
    train(config)
    printed = capsys.readouterr().out
    assert "step 2: " in printed
    assert "no space left; the run goes on; the last good state is in" in printed
    assert "the best weights before these are kept" in printed
    assert read_checkpoint(tmp_path / "run" / "best.pt")["step"] == 4  # those of step 2 do not count
    assert {path.name for path in (tmp_path / "run").glob("last*.pt")} == {"last.pt", "last-3.pt"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_that_cannot_be_written_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tensorboard.compat import tf

    class Full:
        def __init__(self, *args: object) -> None:
            self.file = open("/dev/full", "wb")  # noqa: SIM115

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    monkeypatch.setattr(tf.io.gfile, "GFile", Full)
    train(tiny_config(tmp_path / "run"))
    printed = capfd.readouterr()
    assert printed.out.count("TensorBoard's log cannot be written") == 1
    assert "Traceback" not in printed.err


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """Mount a disk of so many bytes on a folder."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_run_on_a_small_disk_ends_with_a_message_and_goes_on_where_there_is_more(tmp_path: Path) -> None:
    """There is room for one checkpoint and the best weights, but not for TensorBoard's pictures and the next one."""
    config = tiny_config(tmp_path / "whole")
    config.training.checkpoint_interval, config.training.validation_interval = 1, 4
    train(config)
    room = sum((tmp_path / "whole" / name).stat().st_size for name in ("last.pt", "best.pt")) + 48 * 1024
    run = tmp_path / "disk" / "run"
    config.training.output = str(run)
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text(config_to_yaml(config), encoding="utf-8")
    script = [sys.executable, str(REPOSITORY / "scripts" / "train.py"), "--config", str(experiment), "--resume", "auto"]
    with small_disk(tmp_path / "disk", room):
        done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 2, done.stderr
        for step in (2, 3):
            told = f"warning: step {step}: {run}/last.pt: "
            (line,) = [line for line in done.stdout.splitlines() if line.startswith(told)]
            assert line.endswith(f"; the run goes on; the last good state is in {run}/last.pt")
        (error,) = done.stderr.splitlines()
        assert error.startswith(f"error: {run}/last.pt: ")
        assert "No space left on device" in error
        assert done.stdout.count("TensorBoard's log cannot be written") == 1
        assert read_checkpoint(run / "last.pt")["step"] == 1
        assert not list(run.glob(".*"))
        subprocess.run(["mount", "-o", "remount,size=16m", str(tmp_path / "disk")], check=True)
        subprocess.run(script, capture_output=True, check=True, timeout=120)
        assert same_weights(run / "last.pt", tmp_path / "whole" / "last.pt")
