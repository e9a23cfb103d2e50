"""Efficient attention against its own definition, the official module, and dot-product attention."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stereo.errors import ConfigError
from stereo.model.attention import EfficientAttention


def attention(*args: int, normalization: str = "softmax") -> EfficientAttention:
    """In float64, with a reprojection that is not zero."""
    module = EfficientAttention(*args, normalization=normalization).double()  # type: ignore[arg-type]
    torch.nn.init.normal_(module.reprojection.weight)
    torch.nn.init.normal_(module.reprojection.bias)
    return module


def quadratic(module: EfficientAttention, x: Tensor) -> Tensor:
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


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("shape", [(1, 6, 17), (2, 6, 5, 7), (2, 6, 3, 5, 7)])
def test_equals_its_quadratic_form_in_values_and_gradients(
    normalization: str, heads: int, shape: tuple[int, ...]
) -> None:
    module = attention(6, 4, 10, heads, normalization=normalization)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(shape, dtype=torch.float64)
    inputs = [x, *module.parameters()]
    expected = quadratic(module, x)
    actual = module(x)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)
    for got, want in zip(
        torch.autograd.grad(actual, inputs, upstream),
        torch.autograd.grad(expected, inputs, upstream),
        strict=True,
    ):
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


def test_non_contiguous_input() -> None:
    module = attention(6, 4, 4, 2)
    x = torch.randn(2, 5, 7, 6, dtype=torch.float64).permute(0, 3, 1, 2)
    torch.testing.assert_close(module(x), module(x.contiguous()))


def test_softmax_is_not_dot_product_softmax() -> None:
    module = attention(6, 4, 4)
    x = torch.randn(1, 6, 40, dtype=torch.float64)
    weights = (module.queries(x).transpose(1, 2) @ module.keys(x)).softmax(-1)
    dot_product = module.reprojection(module.values(x) @ weights.transpose(1, 2)) + x
    assert (module(x) - dot_product).abs().max() > 1e-3


def test_fresh_attention_is_the_identity() -> None:
    x = torch.randn(2, 8, 4, 6, 5)
    assert torch.equal(EfficientAttention(8, 4, 8, 2)(x), x)


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


def drawn_weights(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Weights by the rule in the golden folder's README."""
    weights = {}
    for number, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        draw = np.random.RandomState(1000 * seed + number).randn(*shape)
        if len(shape) > 1:
            draw = draw * np.sqrt(shape[0] / np.prod(shape)) * (0.1 if shape[0] == 1 else 1.0)
        else:
            draw = 1 + 0.1 * np.tanh(draw) if name.endswith(("weight", "running_var")) else 0.1 * draw
        weights[name] = torch.from_numpy(np.asarray(draw, dtype=np.float32))
    return weights


@pytest.mark.parametrize(("keys", "values", "heads"), [(5, 8, 2), (8, 9, 2), (8, 8, 0)])
def test_heads_that_do_not_divide_are_refused(keys: int, values: int, heads: int) -> None:
    with pytest.raises(ConfigError, match="not divisible by num_heads"):
        EfficientAttention(8, keys, values, heads)
