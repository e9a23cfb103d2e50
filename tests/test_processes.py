"""Several processes: they share the work, and the result is that of one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import REPOSITORY, tiny_config

from stereo.checkpoint import read_checkpoint
from stereo.config import config_to_yaml
from stereo.training.trainer import train


def torchrun(*arguments: str) -> str:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_evaluation_is_shared_without_repeats(tmp_path: Path) -> None:
    """Five pairs for two processes: three and two, and no pair twice to fill up."""
    evaluate = [str(REPOSITORY / "scripts" / "evaluate.py"), "--data", "synthetic", "--limit", "5", "--method", "sgbm"]
    evaluate += ["--previews", "1", "--output"]
    printed = torchrun(*evaluate, str(tmp_path / "two"))
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
def test_training_is_shared(tmp_path: Path) -> None:
    """The same samples, hence nearly the same weights: each process normalises by the statistics of its own share."""
    config = tiny_config(tmp_path / "two", steps=2)
    path = tmp_path / "experiment.yaml"
    path.write_text(config_to_yaml(config), encoding="utf-8")
    printed = torchrun(str(REPOSITORY / "scripts" / "train.py"), "--config", str(path))
    assert printed.count("validation EPE") == 1
    train(tiny_config(tmp_path / "one", steps=2))
    one, two = (read_checkpoint(tmp_path / name / "last.pt") for name in ("one", "two"))
    assert one["step"] == two["step"] == 2
    name = "features.to_half.0.0.weight"
    difference = (one["network"][name] - two["network"][name]).abs().max()
    assert 0 < difference < 0.1 * one["network"][name].abs().max()
