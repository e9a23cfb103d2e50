"""Aggregations that cost less than the two full hourglasses of `compact`."""

from typing import Any

import pytest
import torch
from helpers import tiny_model
from torch import nn

from stereo.config import AggregationConfig, AttentionConfig, LossConfig, ModelConfig
from stereo.errors import CheckpointError, ConfigError
from stereo.model.aggregation.windowed import WINDOW, WindowedHourglass, windows
from stereo.model.features.base import Features
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights
from stereo.training.losses import stereo_loss

CHEAPER: dict[str, dict[str, Any]] = {
    "one hourglass": {"num_hourglasses": 1},
    "factored": {"convolutions": "factored"},
    "windowed": {"kind": "windowed"},
    "windowed, one": {"kind": "windowed", "num_hourglasses": 1},
}


def cheaper(name: str, **settings: Any) -> ModelConfig:
    config = tiny_model()
    config.aggregation = AggregationConfig(channels=4, **CHEAPER[name], **settings)
    return config


def corrected(network: StereoNetwork) -> StereoNetwork:
    """Corrections as after some training, not the zero that they begin as."""
    if isinstance(network.aggregation, WindowedHourglass):
        for weight in network.aggregation.corrections.parameters():
            nn.init.normal_(weight, std=0.1)
    return network


def pair(**options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = torch.rand(2, 1, 3, 32, 64, **options)
    return left, right


@pytest.mark.parametrize("name", CHEAPER)
def test_outputs_and_gradients(name: str) -> None:
    config = cheaper(name, guidance="gate")
    network = corrected(StereoNetwork(config))
    images = pair()
    output = network(*images)
    assert len(output.predictions) == config.aggregation.num_outputs
    for prediction in output.predictions:
        assert prediction.disparity.shape == (1, 32, 64)
        assert prediction.cost.shape == (1, 8, 8, 16)
    sum(prediction.disparity.mean() for prediction in output.predictions).backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
    assert len(network.eval()(*images).predictions) == 1


@pytest.mark.parametrize("name", CHEAPER)
@pytest.mark.parametrize("max_disparity", [16, 64, 112])
def test_the_range_can_be_changed(name: str, max_disparity: int) -> None:
    """To ranges that are no multiple of a window too."""
    network = corrected(StereoNetwork(cheaper(name)).eval())
    network.max_disparity = max_disparity
    with torch.inference_mode():
        assert network(*pair()).predictions[0].cost.shape == (1, max_disparity // 4, 8, 16)


@pytest.mark.parametrize("name", ["factored", "windowed"])
def test_inference_gives_what_training_code_gives(name: str) -> None:
    network = corrected(StereoNetwork(cheaper(name, guidance="gate")).double().eval())
    images = pair(dtype=torch.float64)
    expected = network(*images).disparity
    with torch.inference_mode():
        torch.testing.assert_close(network(*images).disparity, expected)


@pytest.mark.parametrize("name", ["factored", "windowed"])
def test_recomputation_gives_the_same_gradients(name: str) -> None:
    network = corrected(StereoNetwork(cheaper(name)).double())
    images, gradients = pair(dtype=torch.float64), []
    for network.aggregation.recompute in (False, True):
        total = sum(prediction.disparity.mean() for prediction in network(*images).predictions)
        gradients.append(torch.autograd.grad(total, list(network.aggregation.parameters()), allow_unused=True))
    for kept, again in zip(*gradients, strict=True):
        if kept is not None:
            torch.testing.assert_close(kept, again)


@pytest.mark.parametrize("name", ["one hourglass", "windowed, one"])
def test_one_hourglass_has_one_weight_of_the_loss(name: str) -> None:
    predictions = StereoNetwork(cheaper(name))(*pair()).predictions
    truth, valid = torch.full((1, 32, 64), 7.0), torch.ones(1, 32, 64, dtype=torch.bool)

    def loss(output_weights: list[float] | None) -> torch.Tensor:
        return stereo_loss(predictions, truth, valid, 32, LossConfig(output_weights=output_weights))

    assert loss(None) == loss([1.0]) > 0
    with pytest.raises(ConfigError, match="has 2 entries, but the network has 1 supervised"):
        loss([0.5, 1.0])


def test_weights_of_full_convolutions_are_refused_by_factored_ones() -> None:
    full, factored = StereoNetwork(tiny_model()), StereoNetwork(cheaper("factored"))
    with pytest.raises(CheckpointError, match=r"down_eighth\.0\.3\.weight is missing"):
        load_weights(factored, full.state_dict(), "plain", fresh_additions=True)


def test_windows_by_hand() -> None:
    """Twenty bins, numbered from 1: two windows of 16, with 8 more on either side and zero beyond the range."""
    cost = torch.arange(1.0, 21.0).view(1, 20, 1, 1)
    first, second = windows(cost).flatten(3).squeeze(3)[0].T
    assert first.tolist() == [0.0] * 8 + [float(bin_) for bin_ in range(1, 21)] + [0.0] * 4
    assert second.tolist() == [float(bin_) for bin_ in range(9, 21)] + [0.0] * 20


def test_fresh_corrections_leave_the_costs_of_the_3d_part() -> None:
    network = StereoNetwork(cheaper("windowed"))
    first, last = network(*pair()).predictions
    assert torch.equal(first.cost, last.cost)
    first, last = corrected(network)(*pair()).predictions
    assert not torch.equal(first.cost, last.cost)


def test_all_windows_share_their_weights() -> None:
    """What stands a window further comes out a window further, but for the ends of the range."""
    torch.manual_seed(0)
    config = cheaper("windowed, one")
    config.attention = AttentionConfig(kind="none")
    aggregation = corrected(StereoNetwork(config).eval()).aggregation
    assert isinstance(aggregation, WindowedHourglass)
    left = Features(*[torch.zeros(0)] * 5)  # without gates nothing looks at it
    volume = torch.zeros(1, config.cost_volume.groups, 5 * WINDOW, 8, 16)
    moved = volume.clone()
    volume[:, :, 36:44] = torch.rand(1, config.cost_volume.groups, 8, 8, 16)
    moved[:, :, 36 + WINDOW : 44 + WINDOW] = volume[:, :, 36:44]

    one, other = (
        aggregation(lambda start, stop, source=source: source[:, :, start:stop], 5 * WINDOW, left)[0]
        for source in (volume, moved)
    )
    torch.testing.assert_close(one[:, WINDOW : 3 * WINDOW], other[:, 2 * WINDOW : 4 * WINDOW])


@pytest.mark.parametrize("kind", ["windowed", "stackhourglass", "basic"])
def test_factored_convolutions_concern_the_slim_hourglass(kind: str) -> None:
    with pytest.raises(ConfigError, match=f"kind is {kind}; use kind=hourglass, or leave convolutions out"):
        AggregationConfig(kind=kind, convolutions="factored")  # type: ignore[arg-type]


def test_windows_have_no_disparities_to_attend_over() -> None:
    with pytest.raises(ConfigError, match="windowed has disparities as channels; use over=volume or plane"):
        ModelConfig(
            aggregation=AggregationConfig(kind="windowed"),
            attention=AttentionConfig(kind="sdpa", over="disparity"),
        )
