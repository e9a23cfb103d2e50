"""The moving average of the weights: what it is, what is kept of it, and that resuming goes on with it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from helpers import tiny_config
from torch import Tensor, nn

from stereo.checkpoint import read_checkpoint
from stereo.config import Config, OptimizerConfig
from stereo.errors import ConfigError, TrainingError
from stereo.training.average import average_of
from stereo.training.trainer import train


def _config(folder: Path, steps: int, decay: float = 0.5) -> Config:
    config = tiny_config(folder, steps=steps)
    config.optimizer.average_decay = decay
    config.training.validation_interval = 2
    return config


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_average_by_hand() -> None:
    layer = nn.BatchNorm1d(1)
    average = average_of(layer, 0.75)
    assert average is not None
    for weight, expected in ((4.0, 4.0), (8.0, 5.0), (0.0, 3.75)):  # the first update is a copy
        nn.init.constant_(layer.weight, weight)
        layer.load_state_dict({**layer.state_dict(), "running_mean": torch.tensor([weight])})
        average.update_parameters(layer)
        averaged = average.module.state_dict()
        assert averaged["weight"].item() == averaged["running_mean"].item() == expected
    assert average_of(layer, 0.0) is None
    for decay in (-0.1, 1.0):
        with pytest.raises(ConfigError, match="average_decay"):
            OptimizerConfig(average_decay=decay)


def test_the_average_lies_where_the_network_does() -> None:
    # The meta device stands for a GPU: a number of updates on the CPU could not take what the GPU has learned.
    average = average_of(nn.Linear(2, 2, device="meta"), 0.5)
    assert average is not None
    assert {tensor.device.type for tensor in average.state_dict().values()} == {"meta"}
    average.update_parameters(nn.Linear(2, 2, device="meta"), torch.tensor(True, device="meta"))


def test_the_best_weights_are_the_averaged_ones_and_the_last_the_raw_ones(tmp_path: Path) -> None:
    train(_config(tmp_path / "plain", 2, decay=0.0))
    train(_config(tmp_path / "averaged", 2))
    plain, last = (read_checkpoint(tmp_path / name / "last.pt") for name in ("plain", "averaged"))
    assert _same(plain["network"], last["network"])  # averaging does not touch the training
    best = read_checkpoint(tmp_path / "averaged" / "best.pt")["network"]
    kept = last["run_state"]["average"]
    assert _same(best, {name.removeprefix("module."): kept[name] for name in kept if name != "n_averaged"})
    assert not _same(best, last["network"])


def test_another_average_is_another_experiment(tmp_path: Path) -> None:
    train(_config(tmp_path, 2))
    with pytest.raises(TrainingError, match=r"optimizer\.average_decay is 0.0, was 0.5"):
        train(_config(tmp_path, 4, decay=0.0), "auto")


def test_cut_off_and_resumed_is_the_same_to_the_last_bit(tmp_path: Path) -> None:
    for name, stops in (("whole", (4,)), ("parts", (2, 4))):
        for steps in stops:
            config = _config(tmp_path / name, steps)
            config.optimizer.schedule = "constant"
            train(config, "auto")
    whole, parts = (read_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "parts"))
    assert _same(whole["network"], parts["network"])
    assert _same(whole["run_state"]["average"], parts["run_state"]["average"])


def test_a_run_from_other_weights_averages_from_these(tmp_path: Path) -> None:
    train(_config(tmp_path / "first", 2, decay=0.0))
    config = _config(tmp_path / "second", 1, decay=0.9)
    config.training.initial_checkpoint = str(tmp_path / "first" / "best.pt")
    config.optimizer.learning_rate = 1e-12
    train(config)
    first, second = (read_checkpoint(tmp_path / name / "best.pt")["network"] for name in ("first", "second"))
    for name, value in first.items():
        if name.endswith("weight"):
            torch.testing.assert_close(second[name], value, rtol=0, atol=1e-6)
