"""What goes wrong in a long run: steps that diverge, disks that fill, processes that are killed."""

import fcntl
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers import tiny_config
from helpers.runs import constant_scores, same_weights

from stereo.checkpoint import read_checkpoint
from stereo.config import config_to_yaml, load_config
from stereo.data.batch import StereoBatch
from stereo.data.loader import WorkerError
from stereo.errors import CheckpointError, ConfigError, NotFiniteError, TrainingError
from stereo.locks import lock_file
from stereo.output import atomic_output, sweep_temporary_files
from stereo.signals import STOPPING, noticed_signals
from stereo.training.signals import Interrupted
from stereo.training.step import TakenStep, TrainingStep
from stereo.training.trainer import Trainer, train
from stereo.training.validation import Scores, Validator

take = TrainingStep.__call__


def before_step(monkeypatch: pytest.MonkeyPatch, number: int, act: object) -> None:
    """Call `act(step, batch)` at the beginning of so many-th step; what it returns is the batch of that step."""
    calls = 0

    def step(self: TrainingStep, batch: StereoBatch) -> TakenStep:
        nonlocal calls
        calls += 1
        return take(self, act(self, batch) if calls == number else batch)  # type: ignore[operator]

    monkeypatch.setattr(TrainingStep, "__call__", step)


def blank(step: TrainingStep, batch: StereoBatch) -> StereoBatch:
    return batch._replace(valid=torch.zeros_like(batch.valid))


def broken(step: TrainingStep, batch: StereoBatch) -> StereoBatch:
    return batch._replace(left=batch.left * math.nan)


# ------------------------------------------------------------------------------------------------------- divergence


def test_a_step_that_is_not_finite_is_skipped_by_name_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    states: list[bool] = []

    def watch(step: TrainingStep, batch: StereoBatch) -> TakenStep:
        before = {name: value.clone() for name, value in step.network.state_dict().items()}
        result = take(step, broken(step, batch) if len(states) == 1 else batch)
        after = step.network.state_dict()
        states.append(all(torch.equal(value, after[name]) for name, value in before.items()))
        return result

    monkeypatch.setattr(TrainingStep, "__call__", watch)
    train(tiny_config(tmp_path / "run"))
    assert states == [False, True, False, False]  # batch normalization's statistics too
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "is skipped" in line]
    assert line.startswith("warning: step 2 is skipped, 1 so far: the loss is nan")
    assert line.count("synthetic/0/") == 2
    state = read_checkpoint(tmp_path / "run" / "last.pt")["run_state"]
    assert (state["skipped"], state["skipped_in_row"], state["learned"]) == (1, 0, 3)


def test_statistics_that_overflow_are_a_fault_though_the_loss_is_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch normalization divides by them."""

    def overflow(step: TrainingStep, batch: StereoBatch) -> StereoBatch:
        next(buffer for name, buffer in step.network.named_buffers() if "running_var" in name).fill_(math.inf)
        return batch

    config = tiny_config(tmp_path / "run")
    config.training.max_skipped_steps = 1
    before_step(monkeypatch, 2, overflow)
    with pytest.raises(TrainingError, match=r"step 2: the run diverged: network\..*running_var is not finite.*rate$"):
        train(config)
    assert not (tmp_path / "run" / "last.pt").exists()


def test_too_many_skipped_in_a_row_end_the_run_with_a_saved_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingStep, "__call__", lambda self, batch: take(self, broken(self, batch)))
    config = tiny_config(tmp_path / "run", steps=9)
    config.training.max_skipped_steps = 3
    config.training.validation_interval = config.training.checkpoint_interval = 9
    with pytest.raises(TrainingError, match=r"step 3: the loss is nan.*3 steps in a row.*good state is in .*last\.pt"):
        train(config)
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 3


@pytest.mark.parametrize("where", ["buffer", "optimizer"])
def test_a_state_that_is_not_finite_is_never_saved(tmp_path: Path, where: str) -> None:
    trainer = Trainer(tiny_config(tmp_path / "run"))
    trainer.prepare(None)
    trainer.run()
    before = (tmp_path / "run" / "last.pt").read_bytes()
    if where == "buffer":
        next(value for name, value in trainer.network.named_buffers() if "running_mean" in name)[0] = math.inf
    else:
        next(iter(trainer.state.optimizer.state.values()))["exp_avg_sq"][0] = math.nan
    with pytest.raises(TrainingError, match=r"not finite, so the state is not saved.*good state is in .*last\.pt"):
        trainer.folder.save(trainer.network, trainer.config, trainer.state, needed=True)
    assert (tmp_path / "run" / "last.pt").read_bytes() == before


def test_a_validation_that_diverges_speaks_of_the_learning_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverged(self: Validator) -> Scores:
        raise NotFiniteError("use another checkpoint")

    monkeypatch.setattr(Validator, "score", diverged)
    with pytest.raises(TrainingError, match=r"step 2: the run diverged: in validation.*learning_rate$"):
        train(tiny_config(tmp_path / "run"))


# ----------------------------------------------------------------------------------------------------- nothing to learn


def test_a_batch_without_a_valid_pixel_leaves_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before_step(monkeypatch, 2, blank)
    train(tiny_config(tmp_path / "run", steps=2))
    state = read_checkpoint(tmp_path / "run" / "last.pt")["run_state"]
    assert (state["learned"], state["skipped"]) == (1, 0)


def test_a_run_without_a_valid_pixel_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingStep, "__call__", lambda self, batch: take(self, blank(self, batch)))
    with pytest.raises(TrainingError, match=r"step 4: no sample so far has a pixel to learn from.*max_disparity"):
        train(tiny_config(tmp_path / "run"))


# ---------------------------------------------------------------------------------------------------- files and folders


def test_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    for keep, expected in ((1, {"last.pt"}), (3, {"last.pt", "last-2.pt", "last-3.pt"})):
        config = tiny_config(tmp_path / str(keep))
        config.training.keep_last, config.training.checkpoint_interval = keep, 1
        train(config)
        assert {path.name for path in (tmp_path / str(keep)).glob("last*.pt")} == expected
    assert read_checkpoint(tmp_path / "3" / "last-2.pt")["step"] == 2


def test_resume_auto_takes_the_newest_whole_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tiny_config(tmp_path / "run"))
    whole = (tmp_path / "run" / "last.pt").read_bytes()
    (tmp_path / "run" / "last.pt").write_bytes(whole[: len(whole) // 2])
    train(tiny_config(tmp_path / "run"), resume="auto")
    assert "last-2.pt at step 2" in capsys.readouterr().out
    train(tiny_config(tmp_path / "other"))
    assert same_weights(tmp_path / "run" / "last.pt", tmp_path / "other" / "last.pt")


def test_temporary_files_of_the_dead_are_swept(tmp_path: Path) -> None:
    (tmp_path / ".abcd1234.part.pt").write_bytes(b"half")
    (tmp_path / ".hidden").touch()
    with atomic_output(tmp_path / "result.pt") as alive:
        alive.touch()
        assert sweep_temporary_files(tmp_path) == [tmp_path / ".abcd1234.part.pt"]
        assert alive.exists()
    assert {path.name for path in tmp_path.iterdir()} == {".hidden", "result.pt"}


def test_a_second_run_in_one_folder_is_refused(tmp_path: Path) -> None:
    first = Trainer(tiny_config(tmp_path / "run"))
    first.prepare(None)
    with pytest.raises(TrainingError, match="another training is running in this folder"):
        train(tiny_config(tmp_path / "run"))
    first.folder.release()
    train(tiny_config(tmp_path / "run"))
    assert not (tmp_path / "run" / "run.lock").exists()


def test_a_lock_ends_with_its_process_though_a_child_lives_on(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    code = (
        "import os, sys, time; from pathlib import Path; from stereo.locks import lock_file\n"
        f"lock_file(Path({str(path)!r}))\n"
        "child = os.fork()\n"
        "if child == 0: time.sleep(20)\n"
        "else: print(child, flush=True); time.sleep(20)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert lock_file(path) is None
    time.sleep(0.1)
    process.kill()
    process.wait()
    release = lock_file(path)
    os.kill(child, signal.SIGKILL)
    process.stdout.close()
    assert release is not None
    release()


def test_where_there_are_no_locks_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    assert lock_file(tmp_path / "run.lock") is not None


def test_the_settings_of_another_run_are_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    config = tiny_config(folder)
    config.optimizer.learning_rate = 0.5
    (folder / "config.yaml").write_text(config_to_yaml(config))
    with pytest.raises(TrainingError, match=r"config\.yaml of another run.*learning_rate is 0\.001, was 0\.5"):
        train(tiny_config(folder), resume="auto")
    train(config, resume="auto")


@pytest.mark.parametrize("name", ["metrics.csv", "events.out.tfevents.1700000000.host.1.0"])
def test_the_curves_of_another_run_are_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("epoch,loss\n")
    with pytest.raises(TrainingError, match=rf"curves of another run \({name}\) without its config\.yaml"):
        train(tiny_config(tmp_path), resume="auto")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_checkpoints_that_are_none_name_another_folder(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"last\.pt: .*; or begin another run with training\.output=FOLDER"):
        train(tiny_config(tmp_path), resume="auto")


# ------------------------------------------------------------------------------------------------------ allowed changes


def test_an_allowed_change_is_taken_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_config(tmp_path / "run", steps=2)
    train(config)
    config.training.steps, config.optimizer.learning_rate = 4, 0.01
    with pytest.raises(TrainingError, match=r"--allow-change optimizer\.learning_rate"):
        train(config, resume="auto")
    train(config, resume="auto", allow_change=["optimizer.learning_rate"])
    assert "changed from here on, as --allow-change says: optimizer.learning_rate" in capsys.readouterr().out
    line = "# from step 2: optimizer.learning_rate is 0.01, was 0.001"
    assert (tmp_path / "run" / "config.yaml").read_text().splitlines()[0] == line
    config.training.steps = 5
    train(config, resume="auto")  # it is the run's own now
    assert (tmp_path / "run" / "config.yaml").read_text().startswith(line)
    assert load_config(tmp_path / "run" / "config.yaml") == config


def test_a_change_of_nothing_known_is_refused(tmp_path: Path) -> None:
    train(tiny_config(tmp_path / "run", steps=2))
    with pytest.raises(ConfigError, match=r"optimizer\.learning_rat: no such setting; did you mean optimizer\.learn"):
        train(tiny_config(tmp_path / "run"), resume="auto", allow_change=["optimizer.learning_rat"])


def test_an_average_may_begin_in_the_midst(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=2)
    train(config)
    config.training.steps, config.optimizer.average_decay = 3, 0.5
    train(config, resume="auto", allow_change=["optimizer"])
    assert "average" in read_checkpoint(tmp_path / "run" / "last.pt")["run_state"]


# ------------------------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize("number", STOPPING)
def test_signals_save_and_stop(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(step: TrainingStep, batch: StereoBatch) -> StereoBatch:
        os.kill(os.getpid(), number)
        return batch

    before_step(monkeypatch, 1, kill)
    with pytest.raises(Interrupted) as caught:
        train(tiny_config(tmp_path / "run"))
    assert caught.value.signal_number == number
    assert read_checkpoint(caught.value.checkpoint)["step"] == 1


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As SIGHUP under nohup."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with noticed_signals() as received:
            os.kill(os.getpid(), signal.SIGHUP)
        assert received == []
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_the_time_may_be_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_config(tmp_path / "run")
    config.training.max_hours = 1e-9
    train(config)
    assert "the time is over (training.max_hours=1e-09) at step 1 of 4" in capsys.readouterr().out
    config.training.max_hours = None
    train(config, resume="auto")
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 4


def test_the_patience_may_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = iter([2.0, 3.0, 1.0, 1.0, 5.0, 0.5])
    monkeypatch.setattr(Validator, "score", lambda self: constant_scores(next(scores)))
    config = tiny_config(tmp_path / "run", steps=9)
    config.training.validation_interval, config.training.patience = 1, 2
    train(config)
    assert "done early, after 2 validations without a better score" in capsys.readouterr().out
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 5
    train(config, resume="auto")
    assert "nothing to do" in capsys.readouterr().out
    config.training.patience, config.training.steps = 3, 6
    train(config, resume="auto")
    assert read_checkpoint(tmp_path / "run" / "best.pt")["step"] == 6


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_with_a_saved_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(step: TrainingStep, batch: StereoBatch) -> StereoBatch:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        return batch

    config = tiny_config(tmp_path / "run", steps=40)
    config.data.workers = 1
    config.training.validation_interval = config.training.checkpoint_interval = 40
    before_step(monkeypatch, 3, kill)
    with pytest.raises(WorkerError, match=r"loader process was killed.*good state is in .*last\.pt"):
        train(config)
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] >= 3
