"""Training on tiny data: what a run writes, where it begins, how it stops."""

import math
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from helpers import REPOSITORY, load_script, tiny_config
from helpers.runs import same_weights, scalars
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stereo.checkpoint import load_checkpoint, read_checkpoint
from stereo.config import Config, config_to_dict, config_to_yaml, load_config
from stereo.errors import CheckpointError, ConfigError, DataError, OutputError, TrainingError
from stereo.signals import STOPPING
from stereo.training.signals import Interrupted
from stereo.training.trainer import Trainer, train
from stereo.training.validation import Scores, Validator


def test_a_run_writes_what_it_promises(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    best = train(config)
    assert best == tmp_path / "run" / "best.pt"
    names = {path.name for path in best.parent.iterdir()}
    assert {"best.pt", "last.pt", "config.yaml"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert not [name for name in names if name.startswith(".")]
    assert load_config(best.parent / "config.yaml") == config
    assert load_checkpoint(best).config == config_to_dict(config)
    assert read_checkpoint(best)["run_state"] is None
    assert read_checkpoint(best.parent / "last.pt")["step"] == 4
    log = EventAccumulator(str(best.parent))
    log.Reload()
    assert log.Tags()["images"] == ["validation/0", "validation/1"]


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(tiny_config(tmp_path / name, steps=2))
    assert same_weights(tmp_path / "a" / "last.pt", tmp_path / "b" / "last.pt")


def test_a_run_from_weights_never_keeps_worse_ones_as_the_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny_config(tmp_path / "first", steps=1))
    start = tmp_path / "first" / "last.pt"
    config = tiny_config(tmp_path / "second", steps=2)
    config.training.initial_checkpoint = str(start)
    scores = iter([1.0, 1.5])
    monkeypatch.setattr(
        Validator,
        "score",
        lambda self: Scores(dict.fromkeys(("epe", "bad_1", "bad_2", "bad_3", "d1"), next(scores)), 2, (), []),
    )
    best = train(config)
    assert read_checkpoint(best)["step"] == 0
    assert same_weights(best, start)
    assert set(scalars(tmp_path / "second", "validation/epe")) == {0, 2}
    assert "step 0: validation EPE" in capsys.readouterr().out


def test_a_run_without_a_score_has_no_best_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    none = Scores(dict.fromkeys(("epe", "bad_1", "bad_2", "bad_3", "d1"), math.nan), 0, (), [])
    monkeypatch.setattr(Validator, "score", lambda self: none)
    last = tmp_path / "run" / "last.pt"
    assert train(tiny_config(tmp_path / "run", steps=2)) == last
    printed = capsys.readouterr().out
    assert "validation without a score" in printed
    assert f"no best weights, because no validation gave a score; the last ones: {last}" in printed


def test_signal_handlers_are_given_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in STOPPING]
    train(tiny_config(tmp_path / "run", steps=1))
    assert [signal.getsignal(number) for number in STOPPING] == before


def test_runs_outside_the_main_thread(tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=(tiny_config(tmp_path / "run", steps=1),))
    thread.start()
    thread.join()
    assert (tmp_path / "run" / "last.pt").exists()


def test_a_non_finite_loss_stops_with_a_message(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    config.training.max_skipped_steps = 1
    trainer = Trainer(config)
    trainer.prepare(None)
    with torch.no_grad():
        next(trainer.network.parameters()).fill_(math.nan)
    with pytest.raises(TrainingError, match=r"step 1: the run diverged: network.*learning_rate") as caught:
        trainer.run()
    assert not (tmp_path / "run" / "last.pt").exists()
    assert "last.pt" not in str(caught.value)


def test_a_non_finite_gradient_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    config.training.max_skipped_steps = 1
    trainer = Trainer(config)
    trainer.prepare(None)
    parameter = next(trainer.network.parameters())
    parameter.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(TrainingError, match=r"step 1: the gradient is not finite: .*learning_rate"):
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
    with pytest.raises(OutputError, match="cannot be used as an output folder: Not a directory"):
        train(tiny_config(tmp_path / "file" / "run"))
    with pytest.raises(OutputError, match=r"cannot be used as an output folder: .*/file is a file"):
        train(tiny_config(tmp_path / "file"))
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match=r"cannot be used as an output folder: .*/link is a link to what is not"):
        train(tiny_config(tmp_path / "link"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
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


@pytest.mark.parametrize(
    ("environment", "launcher"),
    [
        ({}, ["python"]),
        (
            {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"},
            ["torchrun", "--standalone", "--nproc-per-node", "2"],
        ),
    ],
)
def test_the_command_to_resume_can_be_pasted(
    tmp_path: Path,
    environment: dict[str, str],
    launcher: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(config: Config, resume: str | None, allow_change: list[str]) -> Path:
        raise Interrupted(tmp_path / "last.pt", signal.SIGTERM)

    train_script = load_script("train")
    monkeypatch.setattr(train_script, "train", interrupted)
    monkeypatch.chdir(REPOSITORY)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    arguments = ["--config", written(tmp_path, tiny_config(tmp_path / "run")), "training.output=my $run"]
    assert train_script.main(arguments) == 128 + signal.SIGTERM
    command = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert command == [*launcher, "scripts/train.py", *arguments, "--resume", "auto"]


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
