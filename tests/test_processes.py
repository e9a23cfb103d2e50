"""Several processes: they share the work, and the result is that of one."""

import csv
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import REPOSITORY, tiny_config
from helpers.processes import torchrun
from helpers.runs import scalars

from stereo.checkpoint import read_checkpoint
from stereo.config import config_to_yaml
from stereo.errors import ConfigError
from stereo.processes import LAUNCHER, backend_for, is_lost, join_processes, launcher, was_restarted
from stereo.training.trainer import train


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("mps", "gloo"), ("cuda:1", "cpu:gloo,cuda:nccl")])
def test_the_device_of_the_run_chooses_the_backend(device: str, backend: str) -> None:
    assert backend_for(torch.device(device)) == backend


def test_a_run_on_the_cpu_takes_gloo_where_cuda_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    meeting = (torch.distributed.HashStore(), 1, 2)
    monkeypatch.setattr(torch.distributed, "rendezvous", lambda url, timeout: iter([meeting]))
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend, **options: taken.append(backend))
    with join_processes("cpu") as processes:
        assert (processes.rank, processes.size) == (1, 2)
    assert taken == ["gloo"]


@pytest.mark.parametrize(
    ("device", "message"),
    [("auto", r"process 2 has no GPU, of 2 here; .*--nproc-per-node 2"), ("cuda:1", "is one GPU")],
)
def test_each_process_needs_a_gpu_of_its_own(device: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match=message), join_processes(device):
        pass


def test_the_launcher_is_the_one_that_started_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launcher() == ["python"]
    for name, value in {"TORCHELASTIC_RUN_ID": "7", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    assert launcher()[:5] == ["torchrun", "--nnodes", "2", "--nproc-per-node", "4"]
    assert launcher()[5:7] == ["--rdzv-id", "7"]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert launcher() == ["torchrun", "--standalone", "--nproc-per-node", "8"]
    monkeypatch.setenv(LAUNCHER, "python -m stereo.launch")
    assert launcher()[:4] == ["python", "-m", "stereo.launch", "--standalone"]


def test_processes_that_were_started_anew_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not was_restarted()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    assert not was_restarted()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert was_restarted()


def test_an_error_of_the_connection_is_told_from_others() -> None:
    reset = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:20105: Connection reset"
    assert is_lost(RuntimeError(reset))
    assert is_lost(torch.distributed.DistBackendError("NCCL error in: …"))
    assert not is_lost(RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"))
    assert not is_lost(ConfigError("gloo"))


@pytest.mark.slow
def test_evaluation_is_shared_without_repeats(tmp_path: Path) -> None:
    """Five pairs for two processes: three and two, and no pair twice to fill up."""
    evaluate = [str(REPOSITORY / "scripts" / "evaluate.py"), "--data", "synthetic", "--limit", "5", "--method", "sgbm"]
    evaluate += ["--previews", "1", "--output"]
    printed = torchrun(*evaluate, str(tmp_path / "two")).stdout
    assert printed.count("wrote ") == 1
    subprocess.run([sys.executable, *evaluate, str(tmp_path / "one")], check=True, capture_output=True)
    reports, tables = [], []
    for name in ("one", "two"):
        reports.append(json.loads((tmp_path / name / "report.json").read_text())["results"])
        with (tmp_path / name / "per_image.csv").open(newline="") as file:
            tables.append(list(csv.DictReader(file)))
    for row in itertools.chain(*reports, *tables):
        for measured in ("seconds_per_pair", "seconds_p90", "peak_memory_mb", "seconds", "loading_seconds"):
            row.pop(measured, None)
    assert reports[0] == reports[1]
    assert tables[0] == tables[1]
    assert list(dict.fromkeys(row["index"] for row in tables[1])) == list("01234")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("normalization", "tolerance"), [("group", 2e-4), ("batch", 2e-3)])
def test_two_processes_train_what_one_does_and_one_goes_on_with_it(
    tmp_path: Path, normalization: str, tolerance: float
) -> None:
    """The same batches, and the same gradients up to rounding, which fresh batch normalization magnifies by far.

    A small rate and an estimate without jumps, as below. Where each process normalizes its own share, a loss differs by
    0.8 %.
    """
    path = tmp_path / "experiment.yaml"
    config = tiny_config(tmp_path / "two", steps=6)
    config.model.normalization = normalization  # type: ignore[assignment]
    config.model.regression.estimate, config.optimizer.learning_rate = "soft_argmin", 1e-5
    config.training.log_interval, config.training.validation_interval = 1, 3
    config.optimizer.schedule = "constant"
    path.write_text(config_to_yaml(config), encoding="utf-8")
    printed = torchrun(str(REPOSITORY / "scripts" / "train.py"), "--config", str(path)).stdout
    assert printed.count("validation EPE") == 2
    config.training.output = str(tmp_path / "one")
    train(config)
    config.training.steps = 8
    for name in ("one", "two"):
        config.training.output = str(tmp_path / name)
        train(config, resume="auto")
    one, two = (scalars(tmp_path / name, "training/loss") for name in ("one", "two"))
    assert two == pytest.approx(one, rel=tolerance)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_shares_and_parts_of_a_batch_train_as_the_whole_does(tmp_path: Path) -> None:
    """Two processes of two samples, and two parts of two, beside one batch of four, over 50 steps.

    A small rate and an estimate without jumps: else rounding grows, so that a run with another number of threads
    differs by a hundredth after 50 steps.
    """
    config = tiny_config(tmp_path / "shares", steps=50)
    config.model.normalization, config.model.regression.estimate = "group", "soft_argmin"
    config.data.batch_size, config.optimizer.learning_rate = 4, 1e-5
    config.training.validation_interval = config.training.checkpoint_interval = 50
    config.training.log_interval = 1
    path = tmp_path / "experiment.yaml"
    path.write_text(config_to_yaml(config), encoding="utf-8")
    torchrun(str(REPOSITORY / "scripts" / "train.py"), "--config", str(path))
    for name, config.training.accumulation in (("whole", 1), ("parts", 2)):
        config.training.output = str(tmp_path / name)
        train(config)
    whole = read_checkpoint(tmp_path / "whole" / "last.pt")["network"]
    losses = scalars(tmp_path / "whole", "training/loss")
    for name in ("shares", "parts"):
        assert scalars(tmp_path / name, "training/loss") == pytest.approx(losses, rel=2e-4)
        for weight, value in read_checkpoint(tmp_path / name / "last.pt")["network"].items():
            torch.testing.assert_close(value, whole[weight], rtol=0, atol=1e-4, msg=weight)
