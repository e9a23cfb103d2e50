"""Self- and cross-attention between the two views' features."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from helpers import tiny_model
from torch import Tensor

from stereo.config import ModelConfig, ViewAttentionConfig
from stereo.errors import CheckpointError, ConfigError
from stereo.model.attention import KINDS, Attention, EfficientAttention
from stereo.model.attention.views import FeedForward, ViewAttention, ViewBlock
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights


def trained(module: torch.nn.Module) -> None:
    """Draw the weights that begin as zero."""
    for child in module.modules():
        if isinstance(child, Attention):
            torch.nn.init.normal_(child.reprojection.weight, std=0.3)
        elif isinstance(child, FeedForward):
            torch.nn.init.normal_(child.narrow.weight, std=0.3)


def view_attention(kind: str = "efficient", num_heads: int = 2, **settings: Any) -> ViewAttention:
    """Of 8 channels, in float64, as after some training."""
    config = ViewAttentionConfig(kind=kind, num_heads=num_heads, **settings)  # type: ignore[arg-type]
    module = ViewAttention(8, config).double()
    trained(module)
    return module


def naive_twin(module: ViewAttention) -> ViewAttention:
    twin = copy.deepcopy(module)
    for child in twin.modules():
        if isinstance(child, EfficientAttention):
            child.implementation = "naive"
    return twin


def views(batch: int = 2, channels: int = 8, height: int = 5, width: int = 7) -> tuple[Tensor, Tensor]:
    left, right = torch.randn(2, batch, channels, height, width, dtype=torch.float64)
    return left, right


def run(module: ViewAttention, left: Tensor, right: Tensor, upstream: tuple[Tensor, Tensor]) -> list[Tensor]:
    """Both outputs, the gradients of both views, and those of the parameters."""
    left, right = (view.detach().clone().requires_grad_() for view in (left, right))
    outputs = module(left, right)
    return [*outputs, *torch.autograd.grad(outputs, [left, right, *module.parameters()], upstream)]


@pytest.mark.parametrize("position", ["none", "sine"])
@pytest.mark.parametrize(("heads", "keys"), [(1, None), (2, 8), (4, 16)])
@pytest.mark.parametrize("shape", [(1, 8, 1, 1), (2, 8, 5, 7), (3, 8, 3, 9)])
def test_the_fast_form_equals_its_naive_twin(
    position: str, heads: int, keys: int | None, shape: tuple[int, int, int, int]
) -> None:
    module = view_attention(num_heads=heads, key_channels=keys, position=position, blocks=2)
    pair, upstream = views(*shape), views(*shape)
    got, want = run(module, *pair, upstream), run(naive_twin(module), *pair, upstream)
    names = ["left", "right", "grad left", "grad right", *(name for name, _ in module.named_parameters())]
    for name, one, other in zip(names, got, want, strict=True):
        error = (one - other).abs().max()
        assert error <= 1e-10 * other.abs().max().clamp_min(1), f"{name}: {error}"


def test_one_block_by_its_definition() -> None:
    """Softmax dot-product attention with its maps spelled out, head by head."""
    module = view_attention(kind="dot_product", position="none")
    (block,) = module.blocks
    assert isinstance(block, ViewBlock)

    def normalized(x: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
        x = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        return x * norm.weight[:, None] + norm.bias[:, None]

    def attended(attention: Any, asking: Tensor, x: Tensor) -> Tensor:
        parts = (attention.queries(asking), attention.keys(x), attention.values(x))
        heads = [
            values @ (queries.transpose(1, 2) @ keys).softmax(2).transpose(1, 2)
            for queries, keys, values in zip(*(part.chunk(2, dim=1) for part in parts), strict=True)
        ]
        return attention.reprojection(torch.cat(heads, dim=1))

    maps = views()
    left, right = (view.flatten(2) for view in maps)
    left, right = (x + attended(block.self_attention, *2 * [normalized(x, block.self_norm)]) for x in (left, right))
    own, other = (normalized(x, block.cross_norm) for x in (left, right))
    left, right = (
        left + attended(block.cross_attention, own, other),
        right + attended(block.cross_attention, other, own),
    )
    feed = block.feed_forward
    expected = [x + feed.narrow(F.relu(feed.widen(normalized(x, block.feed_norm)))) for x in (left, right)]
    for one, another in zip(module(*maps), expected, strict=True):
        torch.testing.assert_close(one.flatten(2), another)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("position", ["none", "sine"])
def test_views_exchanged_give_results_exchanged_and_pairs_do_not_meet(kind: str, position: str) -> None:
    module = view_attention(kind=kind, position=position)
    left, right = views()
    one, other = module(left, right)
    swapped_other, swapped_one = module(right, left)
    torch.testing.assert_close((swapped_one, swapped_other), (one, other))
    torch.testing.assert_close(module(left[1:], right[1:]), (one[1:], other[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_view_is_looked_at(kind: str) -> None:
    module = view_attention(kind=kind)
    left, right = views()
    assert not torch.allclose(module(left, right)[0], module(left, right + torch.randn_like(right))[0])


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_it_is_the_identity_bit_for_bit(kind: str) -> None:
    module = ViewAttention(8, ViewAttentionConfig(kind=kind, num_heads=2, blocks=2))  # type: ignore[arg-type]
    left, right = (view.float() for view in views())
    for one, other in zip(module(left, right), (left, right), strict=True):
        assert torch.equal(one, other)


def test_under_autocast_finite_and_close() -> None:
    module = view_attention().float()
    left, right = (view.float() for view in views(height=20, width=30))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        reduced = module(left, right)
    for one, other in zip(reduced, module(left, right), strict=True):
        assert (one - other).abs().max() < 0.05 * other.abs().max()


def having(kind: str = "efficient", **settings: Any) -> ModelConfig:
    config = tiny_model()
    config.view_attention = ViewAttentionConfig(kind=kind, num_heads=4, **settings)  # type: ignore[arg-type]
    return config


def pair() -> tuple[Tensor, Tensor]:
    left, right = torch.rand(2, 2, 3, 32, 48)
    return left, right


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_network_has_the_weights_and_the_disparity_of_one_without(kind: str) -> None:
    torch.manual_seed(3)
    without = StereoNetwork(tiny_model()).eval()
    torch.manual_seed(3)
    network = StereoNetwork(having(kind=kind)).eval()
    assert all(torch.equal(network.state_dict()[name], value) for name, value in without.state_dict().items())
    images = pair()
    with torch.inference_mode():
        assert torch.equal(without(*images).disparity, network(*images).disparity)
        trained(network)
        assert not torch.equal(without(*images).disparity, network(*images).disparity)


def test_weights_without_it_begin_a_run_and_are_refused_otherwise() -> None:
    without, network = StereoNetwork(tiny_model()), StereoNetwork(having())
    with pytest.raises(CheckpointError, match=r"view_attention\.blocks\.0\.self_norm\.weight is missing"):
        load_weights(network, without.state_dict(), "plain")
    load_weights(network, without.state_dict(), "plain", fresh_additions=True)
    images = pair()
    with torch.inference_mode():
        assert torch.equal(without.eval()(*images).disparity, network.eval()(*images).disparity)


def test_every_weight_is_trained_and_inference_gives_what_training_code_gives() -> None:
    network = StereoNetwork(having(blocks=2)).double().eval()
    trained(network)
    images = [view.double() for view in pair()]
    expected = network(*images).disparity  # with gradients both views are one batch
    expected.mean().backward()
    grads = {name: parameter.grad for name, parameter in network.named_parameters() if "view_attention" in name}
    assert len(grads) == 2 * (3 * 2 + 2 * 8 + 4)
    assert not [name for name, grad in grads.items() if grad is None]
    with torch.inference_mode():
        torch.testing.assert_close(network(*images).disparity, expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_heads": 3}, r"features.matching_channels \(16\) is not divisible by model.view_attention.num_heads"),
        ({"key_channels": 18}, r"view_attention.key_channels \(18\) is not divisible by .*num_heads \(4\)"),
        ({"key_channels": 8}, "needs 4 key channels in every head, two for rows and two for columns, got 2"),
        ({"position": "rope"}, "in kind efficient no query meets a key"),
        ({"blocks": 0}, "view_attention.blocks is 0, expected 1 or more"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    features = tiny_model().features
    settings = {"num_heads": 4} | settings
    with pytest.raises(ConfigError, match=message):
        ModelConfig(features=features, view_attention=ViewAttentionConfig(kind="efficient", **settings))
    ModelConfig(features=features, view_attention=ViewAttentionConfig(num_heads=3))  # of no concern to kind none
