"""Gates from the left image's features on the volume."""

from typing import Any

import pytest
import torch
from helpers import slim_psmnet, tiny_model
from torch import nn

from stereo.config import AggregationConfig, ModelConfig
from stereo.errors import CheckpointError, ConfigError
from stereo.methods.predictor import Predictor
from stereo.model.features.build import build_features
from stereo.model.guidance import Gate
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights

KINDS = ["hourglass", "stackhourglass"]


def gated(kind: str, guidance: str = "gate") -> ModelConfig:
    """The tiny network with this aggregation and guidance."""
    config = tiny_model()
    config.aggregation.kind, config.aggregation.guidance = kind, guidance  # type: ignore[assignment]
    return config


def pair(**options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = torch.rand(2, 1, 3, 48, 80, **options)
    return left, right


def opened(network: StereoNetwork) -> StereoNetwork:
    """Gates as after some training, not the identity that they begin as."""
    for gate in gates(network).values():
        nn.init.normal_(gate.logits.weight, std=0.3)
    return network


def gates(network: StereoNetwork) -> dict[str, Gate]:
    return {name: module for name, module in network.named_modules() if isinstance(module, Gate)}


def test_a_gate_by_hand() -> None:
    gate = Gate(1, 2).double()
    gate.logits.weight.data = torch.tensor([1.0, -1.0], dtype=torch.float64).view(2, 1, 1, 1)
    volume = torch.ones(1, 2, 3, 1, 2, dtype=torch.float64)
    features = torch.tensor([0.0, 3.0], dtype=torch.float64).log1p().view(1, 1, 1, 2)  # log 1 and log 4
    # 2 · sigmoid(log 4) = 8/5, 2 · sigmoid(−log 4) = 2/5; the same for each of the three disparities.
    expected = torch.tensor([[1.0, 1.6], [1.0, 0.4]], dtype=torch.float64).view(1, 2, 1, 1, 2).expand(1, 2, 3, 1, 2)
    torch.testing.assert_close(gate(volume, features), expected)
    assert (volume == 1).all()
    with torch.inference_mode():
        torch.testing.assert_close(gate(volume.clone(), features), expected)


def test_a_gate_keeps_the_volumes_layout() -> None:
    volume = torch.randn(1, 4, 3, 5, 6).contiguous(memory_format=torch.channels_last_3d)
    assert Gate(2, 4)(volume, torch.randn(1, 2, 5, 6)).is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_gates_leave_the_network_as_it_is_and_take_its_weights(kind: str) -> None:
    without, having = StereoNetwork(gated(kind, "none")).eval(), StereoNetwork(gated(kind)).eval()
    with pytest.raises(CheckpointError, match=r"guide_down_eighth\.logits\.weight is missing"):
        load_weights(having, without.state_dict(), "plain")
    load_weights(having, without.state_dict(), "plain", fresh_additions=True)
    assert len(gates(having)) == 4 * having.config.aggregation.num_hourglasses
    images = pair()
    with torch.inference_mode():
        assert torch.equal(without(*images).disparity, having(*images).disparity)
        assert not torch.equal(without(*images).disparity, opened(having)(*images).disparity)


@pytest.mark.parametrize("kind", KINDS)
def test_of_one_seed_all_other_weights_are_as_without_gates(kind: str) -> None:
    torch.manual_seed(3)
    without = StereoNetwork(gated(kind, "none")).state_dict()
    torch.manual_seed(3)
    having = StereoNetwork(gated(kind)).state_dict()
    assert len(having) > len(without)
    assert all(torch.equal(having[name], value) for name, value in without.items())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_gate(kind: str) -> None:
    network = StereoNetwork(gated(kind))
    images = pair()
    sum(prediction.disparity.mean() for prediction in network(*images).predictions).backward()
    for name, gate in gates(network).items():
        assert gate.logits.weight.grad is not None, name
        assert gate.logits.weight.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_inference_in_place_and_in_slabs_gives_what_training_code_gives(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = opened(StereoNetwork(gated(kind))).double().eval()
    images = pair(dtype=torch.float64)
    expected = network(*images).disparity  # with gradients: nothing in place, the volume as a whole
    monkeypatch.setattr("stereo.model.aggregation.base.SLAB_BINS", 3)
    with torch.inference_mode():
        torch.testing.assert_close(network(*images).disparity, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_recomputation_gives_the_same_gradients(kind: str) -> None:
    network = opened(StereoNetwork(gated(kind)).double())
    images, gradients = pair(dtype=torch.float64), []
    for recompute in (False, True):
        network.aggregation.recompute = recompute
        total = sum(prediction.disparity.mean() for prediction in network(*images).predictions)
        gradients.append(torch.autograd.grad(total, [gate.logits.weight for gate in gates(network).values()]))
    torch.testing.assert_close(*gradients)


def test_psmnet_features_are_averaged_below_a_quarter() -> None:
    extractor = build_features(slim_psmnet()).eval()
    with torch.inference_mode():
        features = extractor(torch.rand(1, 3, 256, 256))
    assert features.eighth.shape == (1, extractor.eighth_channels, 32, 32)
    assert features.sixteenth.shape == (1, extractor.sixteenth_channels, 16, 16)
    torch.testing.assert_close(features.sixteenth.mean(), features.eighth.mean())


def test_the_predictor_takes_any_size() -> None:
    network = opened(StereoNetwork(gated("hourglass"))).with_fast_layout(torch.device("cpu"))
    left, right = torch.randint(0, 256, (2, 45, 71, 3), dtype=torch.uint8).numpy()
    assert Predictor(network).predict(left, right).shape == (45, 71)


def test_an_aggregation_without_hourglass_refuses_gates() -> None:
    with pytest.raises(ConfigError, match="kind basic has none; use hourglass or stackhourglass"):
        AggregationConfig(kind="basic", guidance="gate")
