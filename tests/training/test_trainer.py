"""Training on tiny data: what a run writes, how it resumes, how it stops."""

import math
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from helpers import REPOSITORY, tiny_config

from stereo.checkpoint import load_checkpoint, read_checkpoint
from stereo.config import Config, OptimizerConfig, config_to_yaml, load_config
from stereo.data.loader import StereoBatch
from stereo.errors import CheckpointError, ConfigError, DataError, OutputError, TrainingError
from stereo.training.trainer import Interrupted, Trainer, learning_rate_factor, train


def weights(path: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(path)["network"]


def same(first: Path, second: Path) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_writes_what_it_promises(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    best = train(config)
    assert best == tmp_path / "run" / "best.pt"
    names = {path.name for path in best.parent.iterdir()}
    assert {"best.pt", "last.pt", "config.yaml"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert not [name for name in names if name.startswith(".")]
    assert load_config(best.parent / "config.yaml") == config
    assert load_checkpoint(best).config == config
    assert read_checkpoint(best)["run_state"] is None
    assert read_checkpoint(best.parent / "last.pt")["step"] == 4


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(tiny_config(tmp_path / name))
    assert same(tmp_path / "a" / "last.pt", tmp_path / "b" / "last.pt")


def test_a_resumed_run_ends_where_the_whole_one_ends(tmp_path: Path) -> None:
    """Four steps at once, and two, then two more: the same weights to the last bit."""
    train(tiny_config(tmp_path / "whole"))
    trainer = Trainer(tiny_config(tmp_path / "parts"))
    trainer.prepare(None)
    step = trainer._train_step

    def interrupt_at_two(module: torch.nn.Module, batch: StereoBatch) -> tuple[float, float]:
        if trainer.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(module, batch)

    trainer._train_step = interrupt_at_two  # type: ignore[method-assign]
    with pytest.raises(Interrupted) as caught:
        trainer.run()
    assert caught.value.signal_number == signal.SIGTERM
    assert read_checkpoint(caught.value.checkpoint)["step"] == 2
    train(tiny_config(tmp_path / "parts"), resume="auto")
    assert same(tmp_path / "whole" / "last.pt", tmp_path / "parts" / "last.pt")


def test_signal_handlers_are_given_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    train(tiny_config(tmp_path / "run", steps=1))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_runs_outside_the_main_thread(tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=(tiny_config(tmp_path / "run", steps=1),))
    thread.start()
    thread.join()
    assert (tmp_path / "run" / "last.pt").exists()


def test_a_run_is_not_overwritten_and_can_be_extended(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=2)
    train(config)
    with pytest.raises(TrainingError, match=r"already holds a run.*--resume auto"):
        train(config)
    config.training.steps = 4
    train(config, resume="auto")
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 4
    train(config, resume="auto")  # nothing left to do


def test_resume_auto_begins_where_there_is_nothing(tmp_path: Path) -> None:
    train(tiny_config(tmp_path / "run", steps=1), resume="auto")
    assert (tmp_path / "run" / "last.pt").exists()


def test_resume_refuses_what_does_not_fit(tmp_path: Path) -> None:
    train(tiny_config(tmp_path / "run", steps=2))
    with pytest.raises(TrainingError, match=r"weights alone.*initial_checkpoint"):
        train(tiny_config(tmp_path / "other"), resume=str(tmp_path / "run" / "best.pt"))
    wider = tiny_config(tmp_path / "run")
    wider.model.aggregation.channels = 8
    with pytest.raises(TrainingError, match="another network"):
        train(wider, resume="auto")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        train(tiny_config(tmp_path / "other"), resume=str(tmp_path / "nothing.pt"))


def test_initial_checkpoint_gives_the_weights(tmp_path: Path) -> None:
    train(tiny_config(tmp_path / "first", steps=2))
    config = tiny_config(tmp_path / "second", steps=1)
    config.training.initial_checkpoint = str(tmp_path / "first" / "best.pt")
    start = {name: value.clone() for name, value in Trainer(config).network.state_dict().items()}
    assert all(torch.equal(start[name], value) for name, value in weights(tmp_path / "first" / "best.pt").items())


def test_a_non_finite_loss_stops_with_a_message(tmp_path: Path) -> None:
    trainer = Trainer(tiny_config(tmp_path / "run"))
    trainer.prepare(None)
    with torch.no_grad():
        next(trainer.network.parameters()).fill_(math.nan)
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1.*learning_rate"):
        trainer.run()
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_non_finite_gradient_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    trainer = Trainer(tiny_config(tmp_path / "run"))
    trainer.prepare(None)
    name, parameter = next(iter(trainer.network.named_parameters()))
    parameter.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(TrainingError, match=rf"not finite at step 1, of {re.escape(name)}; .*learning_rate"):
        trainer.run()
    assert all(bool(value.isfinite().all()) for value in trainer.network.state_dict().values())


def test_a_wrong_request_leaves_no_run_folder(tmp_path: Path) -> None:
    for change, error in (
        (lambda config: setattr(config.data.train, "family", "eth3d"), DataError),
        (lambda config: setattr(config.training, "device", "gpu"), ConfigError),
        (lambda config: setattr(config.training, "initial_checkpoint", "/nowhere.pt"), CheckpointError),
    ):
        config = tiny_config(tmp_path / "run")
        config.data.train.path = "/nowhere"
        change(config)
        with pytest.raises(error):
            train(config)
        assert not (tmp_path / "run").exists()


def test_unwritable_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be used as an output folder"):
        train(tiny_config(tmp_path / "file" / "run"))


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "constant"])
def test_schedules(schedule: str) -> None:
    config = OptimizerConfig(schedule=schedule, warmup_fraction=0.1)  # type: ignore[arg-type]
    factors = [learning_rate_factor(step, 100, config) for step in range(101)]
    assert all(0 < factor <= 1 for factor in factors)
    peak = {"one_cycle": 9, "cosine": 0, "constant": 0}[schedule]
    assert factors[peak] == 1
    if schedule == "constant":
        assert set(factors) == {1.0}
    else:
        assert factors[-1] == pytest.approx(0.001)
        assert factors[10:] == sorted(factors[10:], reverse=True)
        assert factors[:peak] == sorted(factors[:peak])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_trains_on_cuda(tmp_path: Path, precision: str) -> None:
    config = tiny_config(tmp_path / "run")
    config.training.device = "cuda"
    config.training.precision = precision  # type: ignore[assignment]
    assert train(config).exists()


def test_bf16_on_the_cpu(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=1)
    config.training.precision = "bf16"
    with pytest.raises(ConfigError, match="wrong gradients on a CPU"):
        train(config)
    config.model.max_disparity = 64
    assert train(config).exists()


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "scripts" / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def written(folder: Path, config: Config) -> str:
    path = folder / "experiment.yaml"
    path.write_text(config_to_yaml(config), encoding="utf-8")
    return str(path)


def test_the_script_refuses_in_one_line(tmp_path: Path) -> None:
    done = script("--config", written(tmp_path, tiny_config(tmp_path / "run")), "training.stepz=3")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "training.stepz" in done.stderr
    assert "'steps'" in done.stderr


@pytest.mark.slow
def test_the_script_says_how_to_resume(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=10000)
    command = [sys.executable, str(REPOSITORY / "scripts" / "train.py"), "--config", written(tmp_path, config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "step 4/" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == ""
    assert "--resume auto" in rest
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] >= 4


@pytest.mark.slow
def test_two_processes_train_together(tmp_path: Path) -> None:
    """With gradients averaged over two halves of each batch, and one set of files."""
    config = tiny_config(tmp_path / "run")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(REPOSITORY / "scripts" / "train.py"), "--config", written(tmp_path, config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] == 4
    assert done.stdout.count("step 4/4") == 1
