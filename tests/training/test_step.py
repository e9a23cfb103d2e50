"""One optimizer step: what it says of itself."""

import pytest
import torch
from helpers import tiny_model
from torch import nn

from stereo.config import LossConfig, OptimizerConfig
from stereo.data.batch import StereoBatch
from stereo.model.network import StereoNetwork
from stereo.training.optimizer import build_optimizer
from stereo.training.step import StepResult, TrainingStep, read_steps


def step(kind: str, gradient_clip: float) -> tuple[StepResult, float]:
    """The result of a step, and the norm of the gradient that the optimizer was given."""
    torch.manual_seed(0)
    network = StereoNetwork(tiny_model())
    optimizer = build_optimizer(network, OptimizerConfig())
    left, right = torch.randint(256, (2, 2, 3, 48, 64), dtype=torch.uint8)
    disparity = torch.full((2, 48, 64), 9.0)
    batch = StereoBatch(left, right, disparity, disparity > 0, ("one", "two")).to(torch.device("cpu"))
    loss = LossConfig(kind=kind)  # type: ignore[arg-type]
    (result,) = read_steps([TrainingStep(network, network, optimizer, loss, gradient_clip)(batch)])
    norm = nn.utils.get_total_norm(item.grad for item in network.parameters() if item.grad is not None)
    return result, norm.item()


@pytest.mark.parametrize("kind", ["mixture", "multi_modal"])
def test_the_gradients_norm_is_that_before_clipping(kind: str) -> None:
    whole, norm = step(kind, gradient_clip=0)
    assert whole.values["gradient_norm"] == norm > 0.1
    clipped, norm = step(kind, gradient_clip=0.1)
    assert clipped.values["gradient_norm"] == whole.values["gradient_norm"]
    assert norm == pytest.approx(0.1, rel=1e-3)
