"""Attention after the convolutions of its resolution, or beside them."""

import copy

import pytest
import torch
from helpers import tiny_model

from stereo.config import AttentionConfig, ModelConfig
from stereo.errors import ConfigError
from stereo.model.attention import KINDS, Attention, EfficientAttention
from stereo.model.attention.placement import inline, parallel
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights


def trained(module: torch.nn.Module) -> torch.nn.Module:
    """With attention as after some training, not the identity that it begins as."""
    for child in module.modules():
        if isinstance(child, Attention):
            torch.nn.init.normal_(child.reprojection.weight, std=0.3)
    return module


def with_attention(aggregation: str, placement: str, **settings: object) -> ModelConfig:
    config = tiny_model()
    config.aggregation.kind = aggregation  # type: ignore[assignment]
    config.attention = AttentionConfig(placement=placement, **settings)  # type: ignore[arg-type]
    return config


def pair(height: int = 48, width: int = 80) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = torch.rand(2, 2, 3, height, width)
    return left, right


def test_by_hand() -> None:
    """Steps that double and add one, and attention that is a tenth of its input: after them, and beside them."""

    class Tenth(torch.nn.Module):
        def forward(self, x: torch.Tensor, guide: torch.Tensor, onto: torch.Tensor | None = None) -> torch.Tensor:
            return (x if onto is None else onto) + x / 10

    x = torch.tensor([10.0])
    features = torch.zeros(0)
    assert inline(Tenth(), lambda x: 2 * x, lambda x: x + 1, x, features).item() == pytest.approx(21 + 2.1)
    assert parallel(Tenth(), lambda x: 2 * x, lambda x: x + 1, x, features).item() == pytest.approx(21 + 2.0)


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize("over", ["volume", "plane"])
@pytest.mark.parametrize("shape", [(1, 6, 1, 1, 1), (2, 6, 3, 5, 7)])
def test_added_to_another_map_the_efficient_twins_agree(normalization: str, over: str, shape: tuple[int, ...]) -> None:
    guide_channels = 5 if over == "plane" else None
    streaming = EfficientAttention(
        6,
        *(4, 10, 2),
        normalization,  # type: ignore[arg-type]
        chunk_size=16,
        over=over,  # type: ignore[arg-type]
        guide_channels=guide_channels,
    ).double()
    for parameter in streaming.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    naive = copy.deepcopy(streaming)
    naive.implementation = "naive"
    x, onto = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(2))
    guide = torch.randn(shape[0], 5, *shape[3:], dtype=torch.float64)
    upstream = torch.randn(shape, dtype=torch.float64)
    results = []
    for module in (streaming, naive):
        output = module(x, guide, onto=onto)
        results.append([output, *torch.autograd.grad(output, [x, onto, *module.parameters()], upstream)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    assert torch.equal(results[0][2], upstream)


@pytest.mark.parametrize("kind", KINDS.values())
def test_what_is_added_does_not_depend_on_what_it_is_added_to(kind: type[Attention]) -> None:
    module = trained(kind(6, 4, 10, 2).double())
    x, onto = torch.randn(2, 2, 6, 3, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(module(x, onto=onto) - onto, module(x) - x)


@pytest.mark.parametrize("aggregation", ["hourglass", "stackhourglass"])
@pytest.mark.parametrize(("kind", "over"), [("efficient", "volume"), ("efficient", "plane"), ("sdpa", "disparity")])
def test_fresh_beside_the_convolutions_it_leaves_the_network_as_it_is(aggregation: str, kind: str, over: str) -> None:
    without = StereoNetwork(with_attention(aggregation, "inline", kind="none")).eval()
    having = StereoNetwork(with_attention(aggregation, "parallel", kind=kind, over=over)).eval()
    load_weights(having, without.state_dict(), "plain", fresh_additions=True)
    after = StereoNetwork(with_attention(aggregation, "inline", kind=kind, over=over)).eval()
    images = pair()
    with torch.inference_mode():
        assert torch.equal(without(*images).disparity, having(*images).disparity)
        after.load_state_dict(trained(having).state_dict())  # one set of weights for both placements
        assert not torch.equal(after(*images).disparity, having(*images).disparity)


@pytest.mark.parametrize("aggregation", ["hourglass", "stackhourglass"])
def test_beside_gated_convolutions_inference_gives_what_training_code_gives(aggregation: str) -> None:
    config = with_attention(aggregation, "parallel")
    config.aggregation.guidance = "gate"
    network = trained(StereoNetwork(config)).double().eval()
    images = [view.double() for view in pair()]
    expected = network(*images).disparity  # with gradients nothing is done in place
    with torch.inference_mode():
        torch.testing.assert_close(network(*images).disparity, expected)


@pytest.mark.parametrize("sites", [["quarter"], ["features", "eighth"]])
def test_sites_without_a_convolution_beside_are_refused(sites: list[str]) -> None:
    with pytest.raises(ConfigError, match=f"placement is parallel, but at {sites[0]} no convolution stands"):
        AttentionConfig(placement="parallel", sites=sites)  # type: ignore[arg-type]
    AttentionConfig(kind="none", placement="parallel", sites=sites)  # type: ignore[arg-type]
