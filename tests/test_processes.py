"""Several processes: they share the work, and the result is that of one."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers import REPOSITORY, tiny_config
from helpers.runs import scalars

from stereo.checkpoint import read_checkpoint
from stereo.config import config_to_yaml
from stereo.errors import ConfigError
from stereo.processes import backend_for, join_processes, launcher
from stereo.training.trainer import train


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("mps", "gloo"), ("cuda:1", "cpu:gloo,cuda:nccl")])
def test_the_device_of_the_run_chooses_the_backend(device: str, backend: str) -> None:
    assert backend_for(torch.device(device)) == backend


def test_a_run_on_the_cpu_takes_gloo_where_cuda_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend, timeout: taken.append(backend))
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    with join_processes("cpu") as processes:
        assert not processes.is_main
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


def torchrun(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=environment)
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.slow
def test_evaluation_is_shared_without_repeats(tmp_path: Path) -> None:
    """Five pairs for two processes: three and two, and no pair twice to fill up."""
    evaluate = [str(REPOSITORY / "scripts" / "evaluate.py"), "--data", "synthetic", "--limit", "5", "--method", "sgbm"]
    evaluate += ["--previews", "1", "--output"]
    printed = torchrun(*evaluate, str(tmp_path / "two")).stdout
    assert printed.count("wrote ") == 1
    subprocess.run([sys.executable, *evaluate, str(tmp_path / "one")], check=True, capture_output=True)
    reports = []
    for name in ("one", "two"):
        (result,) = json.loads((tmp_path / name / "report.json").read_text())["results"]
        for measured in ("seconds_per_pair", "peak_memory_mb"):
            del result[measured]
        for row in result["per_image"]:
            del row["seconds"]
        reports.append(result)
    assert reports[0] == reports[1]
    assert [row["index"] for row in reports[1]["per_image"]] == [0, 1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("normalization", "tolerance"), [("group", 0.01), ("batch", 0.1)])
def test_two_processes_train_what_one_does_and_one_goes_on_with_it(
    tmp_path: Path, normalization: str, tolerance: float
) -> None:
    """The same batches, and the same gradients up to rounding, which fresh batch normalization magnifies by far."""
    path = tmp_path / "experiment.yaml"
    config = tiny_config(tmp_path / "two", steps=6)
    config.model.normalization = normalization  # type: ignore[assignment]
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
@pytest.mark.skipif(not Path("/proc").exists(), reason="needs Linux")
def test_processes_end_with_the_agent_and_save(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=1000)
    config.training.validation_interval = config.training.checkpoint_interval = 1000
    path = tmp_path / "experiment.yaml"
    path.write_text(config_to_yaml(config), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(REPOSITORY / "scripts" / "train.py"), "--config", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as agent:
        assert agent.stdout is not None
        while "step 2/" not in agent.stdout.readline():
            pass
        ranks = [int(number) for number in Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()]
        agent.kill()
        agent.stdout.close()
    end = time.monotonic() + 60
    while any(Path(f"/proc/{rank}").exists() for rank in ranks) and time.monotonic() < end:
        time.sleep(0.2)
    assert len(ranks) == 2
    assert not [rank for rank in ranks if Path(f"/proc/{rank}").exists()]
    assert read_checkpoint(tmp_path / "run" / "last.pt")["step"] >= 2


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["data.batch_size=3", "training.stepz=3"])
def test_what_is_wrong_is_said_once(tmp_path: Path, setting: str) -> None:
    """Whether the processes find it together or each by itself."""
    path = tmp_path / "experiment.yaml"
    path.write_text(config_to_yaml(tiny_config(tmp_path / "run")), encoding="utf-8")
    done = torchrun(str(REPOSITORY / "scripts" / "train.py"), "--config", str(path), setting, code=1)
    assert done.stderr.count("error: ") == 1
    assert not (tmp_path / "run").exists()
