"""Resuming: a run goes on where it stopped, as the same experiment, and never over another one."""

import math
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from helpers import tiny_config
from helpers.runs import same_weights, scalars

from stereo.checkpoint import read_checkpoint
from stereo.config import Config, load_config
from stereo.data.batch import StereoBatch
from stereo.data.training_data import ORDER_VERSION
from stereo.errors import CheckpointError, TrainingError
from stereo.training.schedule import learning_rate
from stereo.training.signals import Interrupted
from stereo.training.step import TakenStep, TrainingStep
from stereo.training.trainer import train


def configured(folder: Path, steps: int = 2) -> Config:
    config = tiny_config(folder, steps=steps)
    config.training.log_interval = 1
    return config


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train(configured(folder))
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_resumed_run_ends_where_the_whole_one_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four steps at once, and two, then two more: the same weights to the last bit."""
    train(configured(tmp_path / "whole", steps=4))
    calls = 0
    take = TrainingStep.__call__

    def interrupted_at_two(self: TrainingStep, batch: StereoBatch) -> TakenStep:
        nonlocal calls
        calls += 1
        if calls == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return take(self, batch)

    monkeypatch.setattr(TrainingStep, "__call__", interrupted_at_two)
    with pytest.raises(Interrupted) as caught:
        train(configured(tmp_path / "parts", steps=4))
    assert caught.value.signal_number == signal.SIGTERM
    assert read_checkpoint(caught.value.checkpoint)["step"] == 2
    train(configured(tmp_path / "parts", steps=4), resume="auto")
    assert same_weights(tmp_path / "whole" / "last.pt", tmp_path / "parts" / "last.pt")
    for tag in ("training/loss", "validation/epe"):  # TensorBoard has every point, that of the resumed step too
        assert scalars(tmp_path / "whole", tag) == scalars(tmp_path / "parts", tag)


def test_an_extended_run_takes_the_rate_of_the_longer_schedule(run: Path) -> None:
    config = configured(run, steps=4)
    train(config, resume="auto")
    rates = scalars(run, "training/learning_rate")
    assert rates[3] == pytest.approx(learning_rate(2, 4, config.optimizer))
    assert read_checkpoint(run / "last.pt")["step"] == 4
    assert load_config(run / "config.yaml").training.steps == 4


def test_a_checkpoint_with_the_state_of_a_scheduler_resumes(run: Path) -> None:
    """As checkpoints were before the schedule became a function of the step."""
    content = read_checkpoint(run / "last.pt")
    state = content["run_state"]
    content["run_state"] = {
        "optimizer": state["optimizer"],
        "scheduler": {"last_epoch": 2, "_last_lr": [1e-6]},
        "best_epe": state["best_epe"],
    }
    content["config"]["data"]["train"]["synthetic"]["domes"] = 3
    torch.save(content, run / "last.pt")
    train(configured(run, steps=3), resume="auto", allow_change=["data"])  # its samples had another order
    assert read_checkpoint(run / "last.pt")["step"] == 3


def test_other_settings_are_refused_and_nothing_is_written(run: Path) -> None:
    before = contents(run)
    config = configured(run, steps=4)
    config.optimizer.learning_rate = 0.5
    config.loss.kind = "smooth_l1"
    with pytest.raises(TrainingError) as caught:
        train(config, resume="auto")
    message = str(caught.value)
    assert "loss.kind is smooth_l1, was mixture; optimizer.learning_rate is 0.5, was 0.001" in message
    assert f"training.initial_checkpoint={run / 'last.pt'}" in message
    assert contents(run) == before


def test_a_skip_list_of_other_samples_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its path is the same; the order of the draws would not be."""
    skip_list = tmp_path / "skip.txt"
    skip_list.write_text("synthetic/0/000007\n")
    config = configured(tmp_path / "run", steps=1)
    config.data.train.skip_list = str(skip_list)
    train(config)
    assert "of these 49 are used" in capsys.readouterr().out
    skip_list.write_text("synthetic/0/000007\nsynthetic/0/000008\n")
    config.training.steps = 2
    with pytest.raises(TrainingError, match=r"last\.pt: the training sets had 49 samples and have 48 now.*change data"):
        train(config, resume="auto")
    shutil.copytree(tmp_path / "run", tmp_path / "allowed")
    config.training.output = str(tmp_path / "allowed")
    train(config, resume="auto", allow_change=["data"])
    head = (tmp_path / "allowed" / "config.yaml").read_text().splitlines()[0]
    assert head == "# from step 1: the training sets have 48 samples, had 49"
    config.training.output = str(tmp_path / "run")
    content = read_checkpoint(tmp_path / "run/last.pt")
    del content["run_state"]["samples"]  # as of an earlier version, which cannot tell
    torch.save(content, tmp_path / "run/last.pt")
    train(config, resume="auto")
    assert read_checkpoint(tmp_path / "run/last.pt")["run_state"]["samples"] == [48]


def test_another_order_of_samples_is_refused_unless_it_may_be(run: Path) -> None:
    """As of a checkpoint before the order was computed index by index, which does not say which one it is."""
    content = torch.load(run / "last.pt", weights_only=True)
    assert content["run_state"].pop("order") == ORDER_VERSION
    torch.save(content, run / "last.pt")
    longer = configured(run, steps=3)
    with pytest.raises(TrainingError, match=r"last\.pt: .* order of version 1, .* use --allow-change data"):
        train(longer, resume="auto")
    train(longer, resume="auto", allow_change=["data"])
    assert f"# from step 2: the order of samples is version {ORDER_VERSION}, was 1" in (run / "config.yaml").read_text()


def test_what_may_differ_is_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(run, steps=3)
    config.training.checkpoint_interval = 1
    train(config, resume="auto")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("changed since then: ")]
    assert "training.steps is 3, was 2" in line
    assert "training.checkpoint_interval is 1, was 2" in line


@pytest.mark.parametrize("steps", [2, 1])
def test_nothing_is_written_where_nothing_is_left_to_do(
    run: Path, steps: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run)
    assert train(configured(run, steps), resume="auto") == run / "best.pt"
    assert contents(run) == before
    assert f"already at step 2 of {steps}; nothing to do" in capsys.readouterr().out


def test_nothing_left_to_do_elsewhere_makes_no_folder(run: Path, tmp_path: Path) -> None:
    assert train(configured(tmp_path / "other"), resume=str(run / "last.pt")) == run / "last.pt"
    assert not (tmp_path / "other").exists()


def test_a_run_is_not_overwritten(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"already holds a run.*--resume auto"):
        train(configured(run))
    other = Path(shutil.copytree(run, tmp_path / "other"))
    before = contents(other)
    with pytest.raises(TrainingError, match=r"other: already holds a run \(last.pt\).*elsewhere.*training.output"):
        train(configured(other, steps=3), resume=str(run / "last.pt"))
    (other / "last.pt").unlink()
    with pytest.raises(TrainingError, match=r"weights of another run \(best.pt\) without a checkpoint.*elsewhere"):
        train(configured(other, steps=3), resume=str(run / "last.pt"))
    assert (other / "best.pt").read_bytes() == before["best.pt"]


def test_a_fine_tuned_run_is_resumed_without_the_weights_that_it_began_from(run: Path, tmp_path: Path) -> None:
    config = configured(tmp_path / "tuned", steps=1)
    config.training.initial_checkpoint = str(run / "last.pt")
    train(config)
    (run / "last.pt").unlink()
    config.training.steps = 2
    train(config, resume="auto")
    assert set(scalars(tmp_path / "tuned", "validation/epe")) == {0, 1, 2}  # the start is not scored again


def test_resume_auto_begins_where_there_is_nothing(tmp_path: Path) -> None:
    train(configured(tmp_path / "run", steps=1), resume="auto")
    assert (tmp_path / "run" / "last.pt").exists()


def test_resume_refuses_what_does_not_fit(run: Path, tmp_path: Path) -> None:
    spaced = Path(shutil.copy(run / "best.pt", tmp_path / "my best.pt"))
    with pytest.raises(TrainingError, match=r"weights alone.* 'training.initial_checkpoint=.*/my best.pt'"):
        train(configured(tmp_path / "other"), resume=str(spaced))
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        train(configured(tmp_path / "other"), resume=str(tmp_path / "nothing.pt"))
    content = read_checkpoint(run / "last.pt")
    content["run_state"] = {"optimizer": None}
    torch.save(content, run / "last.pt")
    with pytest.raises(TrainingError, match="the state of the run cannot be read"):
        train(configured(run, steps=3), resume="auto")


# --------------------------------------------------------------------------------------------- the best weights so far


def ruined(config: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Let the steps to come make the weights worse."""
    monkeypatch.setattr("stereo.training.trainer.learning_rate", lambda step, steps, config: 1.0)
    return config


def test_a_run_resumed_into_a_new_folder_takes_its_best_along(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ruined(configured(tmp_path / "other", steps=3), monkeypatch)
    best = train(config, resume=str(run / "last.pt"))
    assert best == tmp_path / "other" / "best.pt"
    assert read_checkpoint(best)["step"] == 2
    assert same_weights(best, run / "best.pt")


def test_a_run_resumed_into_a_new_folder_can_be_taken_up_there_however_soon_it_ends(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise `--resume auto` would begin anew, without a word."""

    def killed(self: TrainingStep, batch: StereoBatch) -> TakenStep:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingStep, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            train(configured(tmp_path / "other", steps=3), resume=str(run / "last.pt"))
    assert read_checkpoint(tmp_path / "other" / "last.pt")["step"] == 2
    train(configured(run, steps=3), resume="auto")
    train(configured(tmp_path / "other", steps=3), resume="auto")
    assert same_weights(tmp_path / "other" / "last.pt", run / "last.pt")


def test_best_weights_that_are_missing_or_damaged_are_replaced(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "best.pt").unlink()
    train(ruined(configured(run, steps=3), monkeypatch), resume="auto")
    assert read_checkpoint(run / "best.pt")["step"] == 2  # those that the run began from
    (run / "best.pt").write_bytes(b"damaged")
    config = configured(run, steps=4)
    config.data.validation.synthetic.seed = 5  # other data: the score so far means nothing
    train(config, resume="auto")
    assert read_checkpoint(run / "best.pt")["step"] >= 3
    assert "the best weights so far are left out" in capsys.readouterr().out


def test_the_best_is_kept_where_it_is_at_hand(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (run / "best.pt").read_bytes()
    train(ruined(configured(run, steps=3), monkeypatch), resume="auto")
    assert (run / "best.pt").read_bytes() == before


def test_a_failure_names_the_last_good_state(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo.training.step.output_losses", lambda *_: [torch.tensor(math.nan, requires_grad=True)])
    with pytest.raises(TrainingError, match=r"step 3: the loss is nan.*state is in .*run/last.pt"):
        train(skipping_none(configured(run, steps=3)), resume="auto")
    with pytest.raises(TrainingError, match=r"state is in .*other/last.pt"):
        train(skipping_none(configured(tmp_path / "other", steps=4)), resume=str(run / "last.pt"))


def skipping_none(config: Config) -> Config:
    config.training.max_skipped_steps = 1
    return config
