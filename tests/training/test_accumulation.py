"""A batch in parts is the batch: gradients, loss and weights."""

from pathlib import Path

import pytest
import torch
from helpers import tiny_config, tiny_model
from helpers.runs import scalars, weights

from stereo.config import LossConfig, OptimizerConfig
from stereo.data.batch import StereoBatch
from stereo.errors import ConfigError
from stereo.model.network import StereoNetwork
from stereo.training.losses import LOSSES
from stereo.training.optimizer import build_optimizer
from stereo.training.step import StepResult, TrainingStep, read_steps
from stereo.training.trainer import train


def gradients(kind: str, accumulation: int) -> tuple[StepResult, dict[str, torch.Tensor]]:
    """Of a batch of four, whose samples have ever fewer known pixels."""
    torch.manual_seed(0)
    network = StereoNetwork(tiny_model())
    left, right = torch.randint(256, (2, 4, 3, 48, 64), dtype=torch.uint8)
    disparity = torch.rand(4, 48, 64) * 40  # some beyond the range
    valid = torch.rand(4, 48, 64) < torch.tensor([0.9, 0.3, 0.02, 0.0])[:, None, None]
    batch = StereoBatch(left, right, disparity, valid, ("a", "b", "c", "d")).to(torch.device("cpu"))
    step = TrainingStep(
        network,
        network,
        build_optimizer(network, OptimizerConfig()),
        LossConfig(kind=kind),  # type: ignore[arg-type]
        gradient_clip=0,
        accumulation=accumulation,
        freeze_batch_norm=True,
    )
    (result,) = read_steps([step(batch)])
    return result, {name: item.grad for name, item in network.named_parameters() if item.grad is not None}


@pytest.mark.parametrize("kind", sorted(LOSSES))
def test_the_gradients_of_the_parts_add_up(kind: str) -> None:
    whole, expected = gradients(kind, 1)
    parts, found = gradients(kind, 4)
    assert parts.values == pytest.approx(whole.values, rel=1e-4)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-6, msg=name)


def test_a_run_in_parts_is_the_run(tmp_path: Path) -> None:
    for accumulation in (1, 2):
        config = tiny_config(tmp_path / str(accumulation), steps=3)
        config.training.accumulation, config.training.freeze_batch_norm = accumulation, True
        config.training.log_interval = 1
        train(config)
    whole, parts = (scalars(tmp_path / str(accumulation), "training/loss") for accumulation in (1, 2))
    assert parts == pytest.approx(whole, rel=1e-3)
    one, other = (weights(tmp_path / str(accumulation) / "last.pt") for accumulation in (1, 2))
    # AdamW moves a weight by the rate even where its gradient is rounding alone: that is 3 steps of 1e-3 at most.
    assert all((one[name] - other[name]).abs().max() <= 6e-3 for name in one if one[name].is_floating_point())


def test_parts_must_divide_the_batch(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    config.training.accumulation = 3
    with pytest.raises(ConfigError, match=r"training\.accumulation is 3, which does not divide a batch of 2"):
        train(config)
    assert not (tmp_path / "run").exists()
