"""What attends to what, and position codes."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from stereo.errors import ConfigError
from stereo.model.attention import Attention, DotProductAttention, EfficientAttention, FusedDotProductAttention
from stereo.model.attention.positions import LONGEST, POSITION_CODES, add_sine, rotate

EXACT: list[type[Attention]] = [DotProductAttention, FusedDotProductAttention]


def attention(kind: type[Attention], **options: Any) -> Attention:
    """In float64, no weight of it zero."""
    module = kind(6, 12, 10, 2, **options).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def with_gradients(module: Attention, output: Tensor, x: Tensor, upstream: Tensor) -> list[Tensor]:
    return [output.detach(), *torch.autograd.grad(output, [x, *module.parameters()], upstream)]


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("position", POSITION_CODES)
def test_over_disparity_each_pixel_attends_for_itself(kind: type[Attention], position: str) -> None:
    """The same as attention over everything that there is, given one pixel at a time."""
    module = attention(kind, over="disparity", position=position)
    alone = attention(kind, position=position)
    alone.load_state_dict(module.state_dict())
    x = torch.randn(2, 6, 5, 3, 4, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn_like(x)
    pixels = [alone(x[..., row, column]) for row in range(3) for column in range(4)]
    expected = torch.stack(pixels, dim=-1).view_as(x)
    got = with_gradients(module, module(x), x, upstream)
    for one, other in zip(got, with_gradients(alone, expected, x, upstream), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", EXACT)
def test_over_disparity_pixels_do_not_meet(kind: type[Attention]) -> None:
    module = attention(kind, over="disparity")
    x = torch.randn(1, 6, 5, 3, 4, dtype=torch.float64)
    changed = x.clone()
    changed[..., 1, 2] += 1
    differs = (module(changed) != module(x)).any(dim=1).any(dim=1)[0]
    assert differs.nonzero().tolist() == [[1, 2]]


@pytest.mark.parametrize(("position", "same"), [("none", True), ("sine", False), ("rope", False)])
def test_over_disparity_the_order_of_bins_matters_only_with_a_code(position: str, same: bool) -> None:
    module = attention(DotProductAttention, over="disparity", position=position)
    x = torch.randn(1, 6, 5, 3, 4, dtype=torch.float64)
    bins = torch.tensor([3, 0, 4, 1, 2])
    assert torch.allclose(module(x[:, :, bins]), module(x)[:, :, bins]) is same


@pytest.mark.parametrize("kind", EXACT)
def test_over_disparity_fresh_it_is_the_identity(kind: type[Attention]) -> None:
    x = torch.randn(2, 6, 5, 3, 4)
    assert torch.equal(kind(6, 4, 6, 2, over="disparity", position="rope")(x), x)


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize("shape", [(2, 6, 5, 7), (2, 6, 3, 5, 7)])
def test_over_the_volume_with_a_code_the_efficient_twins_agree(normalization: str, shape: tuple[int, ...]) -> None:
    streaming = attention(EfficientAttention, position="sine", normalization=normalization)
    naive = attention(EfficientAttention, position="sine", normalization=normalization, implementation="naive")
    naive.load_state_dict(streaming.state_dict())
    for x in (torch.randn(shape, dtype=torch.float64), torch.randn(shape, dtype=torch.float64).transpose(2, 3)):
        x.requires_grad_()
        upstream = torch.randn_like(x)
        got = with_gradients(streaming, streaming(x), x, upstream)
        for one, other in zip(got, with_gradients(naive, naive(x), x, upstream), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_too_few_channels_for_the_axes_are_refused() -> None:
    module = DotProductAttention(6, 4, 6, 1, position="sine")
    module(torch.zeros(1, 6, 5, 7))
    with pytest.raises(ConfigError, match="2 key channels for each of 3 axes in every head, got 4; raise key_channels"):
        module(torch.zeros(1, 6, 3, 5, 7))


def test_sine_by_hand() -> None:
    """Four channels over one axis: sine and cosine at two wavelengths, the second √LONGEST times the first."""
    code = add_sine(torch.zeros(4, 3, dtype=torch.float64), (3,))
    slow = LONGEST**-0.5
    for place in range(3):
        expected = [math.sin(place), math.cos(place), math.sin(place * slow), math.cos(place * slow)]
        torch.testing.assert_close(code[:, place], torch.tensor(expected, dtype=torch.float64))


def test_axes_take_turns() -> None:
    """Of six channels over rows and columns: rows, columns, rows again; a column's own channels ignore the row."""
    code = add_sine(torch.zeros(6, 12), (3, 4)).view(6, 3, 4)
    assert (code[:2] == code[:2, :, :1]).all()
    assert (code[2:4] == code[2:4, :1]).all()
    assert (code[4:] == code[4:, :, :1]).all()
    assert len({tuple(place.tolist()) for place in code.flatten(1).t()}) == 12


def test_a_code_does_not_depend_on_how_large_the_grid_is() -> None:
    for code in (add_sine, rotate):
        x = torch.randn(6, 5, 7)
        small = code(x[:, :3, :4].flatten(1), (3, 4)).view(6, 3, 4)
        torch.testing.assert_close(code(x.flatten(1), (5, 7)).view(6, 5, 7)[:, :3, :4], small)


@pytest.mark.parametrize("channels", [4, 7])
def test_rope_products_depend_on_the_distance_alone(channels: int) -> None:
    """Two fixed vectors, each at all places of 4 × 5: their product is the same for the same steps down and across."""
    query, key = torch.randn(2, channels, 1, dtype=torch.float64).expand(-1, -1, 20)
    products = (rotate(query, (4, 5)).t() @ rotate(key, (4, 5))).view(4, 5, 4, 5)
    torch.testing.assert_close(products[0, 0, 1, 2], products[2, 2, 3, 4])
    torch.testing.assert_close(products[1, 3, 0, 1], products[3, 4, 2, 2])
    torch.testing.assert_close(products[2, 2, 2, 2], (query[:, 0] * key[:, 0]).sum())
    assert (products[0, 0, 1, 2] - products[0, 0, 2, 1]).abs() > 1e-6
