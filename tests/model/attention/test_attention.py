"""Efficient attention against its own definition, the official module, and dot-product attention."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import drawn_weights
from torch import Tensor

from stereo.config import AttentionConfig
from stereo.errors import ConfigError
from stereo.model.attention import (
    KINDS,
    Attention,
    DotProductAttention,
    EfficientAttention,
    FusedDotProductAttention,
    build_attention,
)

SHAPES = [(1, 6, 17), (2, 6, 5, 7), (2, 6, 3, 5, 7)]


def attention(*args: int, kind: type[Attention] = EfficientAttention, normalization: str = "softmax") -> Attention:
    """In float64, with a reprojection that is not zero."""
    module = kind(*args, normalization=normalization).double()  # type: ignore[arg-type,misc]
    torch.nn.init.normal_(module.reprojection.weight)
    assert module.reprojection.bias is not None
    torch.nn.init.normal_(module.reprojection.bias)
    if isinstance(module, EfficientAttention):
        module.implementation = "naive"  # the twin has tests of its own
    return module


def quadratic(module: Attention, x: Tensor) -> Tensor:
    """The definition with the N×N map spelled out, head by head: (ρq(Q) ρk(K)ᵀ) V."""
    flat = x.flatten(2)
    size = flat.shape[2]
    attended = []
    parts = (module.queries(flat), module.keys(flat), module.values(flat))
    for queries, keys, values in zip(*(part.chunk(module.num_heads, dim=1) for part in parts), strict=True):
        if module.normalization == "softmax":
            similarity = queries.softmax(1).transpose(1, 2) @ keys.softmax(2)  # [B, N, N]
        else:  # dot-product attention with ρ = division by N
            similarity = queries.transpose(1, 2) @ keys / size
        attended.append(values @ similarity.transpose(1, 2))
    return module.reprojection(torch.cat(attended, dim=1)).view_as(x) + x


def assert_equal_with_gradients(
    module: Attention, expected: Tensor, x: Tensor, other: Attention | None = None, tolerance: float = 1e-10
) -> None:
    """module(x) is `expected`, made by `other` (or from the module's own weights); so is every gradient."""
    upstream = torch.randn_like(x)
    actual = module(x)
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)
    got = torch.autograd.grad(actual, [x, *module.parameters()], upstream)
    want = torch.autograd.grad(expected, [x, *(other or module).parameters()], upstream)
    for one, another in zip(got, want, strict=True):
        torch.testing.assert_close(one, another, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_its_quadratic_form_in_values_and_gradients(
    normalization: str, heads: int, shape: tuple[int, ...]
) -> None:
    module = attention(6, 4, 10, heads, normalization=normalization)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert_equal_with_gradients(module, quadratic(module, x), x)


@pytest.mark.parametrize(
    ("first", "second", "normalization"),
    [
        (EfficientAttention, DotProductAttention, "scaling"),
        (FusedDotProductAttention, DotProductAttention, "softmax"),
    ],
)
@pytest.mark.parametrize(("keys", "values", "heads"), [(4, 10, 1), (4, 10, 2), (8, 4, 2)])
@pytest.mark.parametrize("shape", SHAPES)
def test_kinds_that_are_one_function_agree_in_values_and_gradients(
    first: type[Attention],
    second: type[Attention],
    normalization: str,
    keys: int,
    values: int,
    heads: int,
    shape: tuple[int, ...],
) -> None:
    one = attention(6, keys, values, heads, kind=first, normalization=normalization)
    other = attention(6, keys, values, heads, kind=second, normalization=normalization)
    other.load_state_dict(one.state_dict())
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert_equal_with_gradients(one, other(x), x, other)


@pytest.mark.parametrize("kind", KINDS.values())
def test_non_contiguous_input(kind: type[Attention]) -> None:
    module = attention(6, 4, 4, 2, kind=kind)
    x = torch.randn(2, 5, 7, 6, dtype=torch.float64).permute(0, 3, 1, 2)
    torch.testing.assert_close(module(x), module(x.contiguous()))


@pytest.mark.parametrize("kind", KINDS.values())
def test_each_sample_of_a_batch_attends_to_itself_alone(kind: type[Attention]) -> None:
    module = attention(6, 4, 4, 2, kind=kind)
    x = torch.randn(3, 6, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(module(x), torch.cat([module(sample[None]) for sample in x]))


@pytest.mark.parametrize("kind", KINDS.values())
def test_under_autocast_finite_and_close(kind: type[Attention]) -> None:
    module = attention(6, 4, 10, 2, kind=kind).float()
    x = torch.randn(2, 6, 9, 11)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        reduced = module(x).float()
    assert reduced.isfinite().all()
    exact = module(x)
    assert (reduced - exact).abs().max() < 0.03 * exact.abs().max()
    assert not torch.equal(reduced, exact)  # autocast was at work


def test_softmax_is_not_dot_product_softmax() -> None:
    module = attention(6, 4, 4)
    x = torch.randn(1, 6, 40, dtype=torch.float64)
    weights = (module.queries(x).transpose(1, 2) @ module.keys(x)).softmax(-1)
    dot_product = module.reprojection(module.values(x) @ weights.transpose(1, 2)) + x
    assert (module(x) - dot_product).abs().max() > 1e-3


@pytest.mark.parametrize("kind", KINDS.values())
def test_fresh_attention_is_the_identity(kind: type[Attention]) -> None:
    x = torch.randn(2, 8, 4, 6, 5)
    assert torch.equal(kind(8, 4, 8, 2)(x), x)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_official_weights_load_and_agree(golden: Path, case: int) -> None:
    stored = np.load(golden / "efficient_attention.npz")
    seed = int(stored["seed"])
    in_channels, key_channels, heads, value_channels = (int(value) for value in stored[f"cfg{case}"])
    module = EfficientAttention(in_channels, key_channels, value_channels, heads)
    shapes = {
        f"{name}.{kind}": (out, inner, 1, 1) if kind == "weight" else (out,)
        for name, out, inner in (
            ("keys", key_channels, in_channels),
            ("queries", key_channels, in_channels),
            ("values", value_channels, in_channels),
            ("reprojection", in_channels, value_channels),
        )
        for kind in ("weight", "bias")
    }
    module.load_state_dict(drawn_weights(shapes, seed + case))
    with torch.inference_mode():
        output = module(torch.from_numpy(stored[f"x{case}"])).numpy()
    assert np.abs(output - stored[f"y{case}"]).max() < 1e-5


@pytest.mark.parametrize(("keys", "values", "heads"), [(5, 8, 2), (8, 9, 2), (8, 8, 0)])
def test_heads_that_do_not_divide_are_refused(keys: int, values: int, heads: int) -> None:
    with pytest.raises(ConfigError, match="not divisible by num_heads"):
        EfficientAttention(8, keys, values, heads)


@pytest.mark.filterwarnings("ignore")  # PyTorch says why no kernel takes it
def test_fused_attention_never_falls_back_to_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo.model.attention.dot_product._pad_channels", lambda x, channels: x.transpose(2, 3))
    with pytest.raises(RuntimeError, match="No available kernel"):  # transposed: PyTorch's own choice is the math form
        FusedDotProductAttention(4, 4, 4)(torch.randn(1, 4, 20))


def test_fused_attention_has_softmax_alone() -> None:
    with pytest.raises(ConfigError, match="normalization is 'scaling', expected softmax for FusedDotProduct"):
        FusedDotProductAttention(4, 4, 4, normalization="scaling")


def test_build_attention_by_kind_and_site() -> None:
    config = AttentionConfig(kind="dot_product", sites=["eighth"], key_channels=None, num_heads=2)
    assert isinstance(build_attention(config, "quarter", 8), torch.nn.Identity)
    assert isinstance(build_attention(config, "eighth", 8), DotProductAttention)
    with pytest.raises(ConfigError, match=r"key_channels \(7\) is not divisible by num_heads \(2\)"):
        build_attention(config, "eighth", 7)


def test_channels_default_to_those_of_the_input() -> None:
    module = EfficientAttention(12)
    assert module.keys.weight.shape == module.values.weight.shape == (12, 12, 1)
    x = torch.randn(1, 12, 3, 4)
    assert torch.equal(module(x), x)  # fresh attention is the identity
