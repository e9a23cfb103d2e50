"""Guided attention in its folded form against its naive twin, and against one slice at a time: values and gradients."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from stereo.errors import ConfigError
from stereo.model.attention import KINDS, Attention, DotProductAttention, EfficientAttention, FusedDotProductAttention

CHANNELS, GUIDE = 6, 5


def guided(
    kind: type[Attention] = EfficientAttention, widths: tuple[int, int, int] = (4, 10, 2), **options: Any
) -> Attention:
    """Attention over the plane in float64, no weight of it zero; widths: channels of keys and values, and heads."""
    keys, values, heads = widths
    module = kind(CHANNELS, keys, values, heads, over="plane", guide_channels=GUIDE, **options).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def naive_twin(module: Attention) -> EfficientAttention:
    assert isinstance(module, EfficientAttention)
    twin = copy.deepcopy(module)
    twin.implementation = "naive"
    return twin


def inputs(batch: int = 2, bins: int = 3, height: int = 5, width: int = 7) -> tuple[Tensor, Tensor]:
    x = torch.randn(batch, CHANNELS, bins, height, width, dtype=torch.float64)
    return x, torch.randn(batch, GUIDE, height, width, dtype=torch.float64)


def run(module: Attention, x: Tensor, guide: Tensor, upstream: Tensor) -> list[Tensor]:
    """The output, the gradients of x and of the guide, and those of the eight parameters."""
    x, guide = (part.detach().clone(memory_format=torch.preserve_format).requires_grad_() for part in (x, guide))
    output = module(x, guide)
    return [output.detach(), *torch.autograd.grad(output, [x, guide, *module.parameters()], upstream)]


def assert_agree(one: Attention, other: Attention, x: Tensor, guide: Tensor, relative: float = 1e-10) -> None:
    upstream = torch.randn_like(x)
    got, want = run(one, x, guide, upstream), run(other, x, guide, upstream)
    assert len(got) == len(want) == 11
    names = ["output", "x", "guide", *(name for name, _ in other.named_parameters())]
    for name, mine, theirs in zip(names, got, want, strict=True):
        error = (mine - theirs).abs().max()
        assert error <= relative * theirs.abs().max().clamp_min(1), f"{name}: {error}"


@pytest.mark.parametrize("position", ["none", "sine"])
@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize("widths", [(4, 10, 1), (8, 10, 2), (12, 6, 3)])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 5, 7), (3, 1, 4, 9)])
def test_equals_the_naive_form(
    position: str, normalization: str, widths: tuple[int, int, int], shape: tuple[int, ...]
) -> None:
    module = guided(widths=widths, normalization=normalization, position=position)
    assert_agree(module, naive_twin(module), *inputs(*shape))


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
def test_each_slice_for_itself_by_the_definition(normalization: str) -> None:
    """E_d = ρq(Q) (ρk(K)ᵀ V_d), slice by slice and head by head, with the plane's map spelled out."""
    module = guided(normalization=normalization)
    x, guide = inputs()
    queries, keys = (layer(guide.flatten(2)).chunk(2, dim=1) for layer in (module.queries, module.keys))
    expected = torch.empty_like(x)
    for bin_ in range(x.shape[2]):
        plane = x[:, :, bin_].flatten(2)
        attended = []
        for query, key, value in zip(queries, keys, module.values(plane).chunk(2, dim=1), strict=True):
            if normalization == "softmax":
                weights = query.softmax(1).transpose(1, 2) @ key.softmax(2)  # [B, H·W, H·W]
            else:
                weights = query.transpose(1, 2) @ key / key.shape[2]
            attended.append(value @ weights.transpose(1, 2))
        added = module.reprojection(torch.cat(attended, dim=1))
        expected[:, :, bin_] = x[:, :, bin_] + added.view_as(x[:, :, bin_])
    torch.testing.assert_close(module(x, guide), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("first", "second", "normalization"),
    [
        (EfficientAttention, DotProductAttention, "scaling"),  # by associativity
        (FusedDotProductAttention, DotProductAttention, "softmax"),
    ],
)
@pytest.mark.parametrize("widths", [(4, 10, 1), (8, 4, 2)])
def test_kinds_that_are_one_function_agree(
    first: type[Attention], second: type[Attention], normalization: str, widths: tuple[int, int, int]
) -> None:
    one = guided(first, widths, normalization=normalization)
    other = guided(second, widths, normalization=normalization)
    other.load_state_dict(one.state_dict())
    assert_agree(one, other, *inputs())


@pytest.mark.parametrize("kind", KINDS.values())
def test_slices_share_the_map_and_meet_nowhere_else(kind: type[Attention]) -> None:
    """Slices in another order come out in that order, and a slice alone as among others."""
    module = guided(kind)
    x, guide = inputs()
    whole = module(x, guide)
    torch.testing.assert_close(module(x.flip(2), guide), whole.flip(2))
    torch.testing.assert_close(module(x[:, :, 1:2], guide), whole[:, :, 1:2])


@pytest.mark.parametrize("kind", KINDS.values())
def test_positions_in_another_order_come_out_in_that_order(kind: type[Attention]) -> None:
    """Without a position code; with one the order matters."""
    x, guide = inputs()
    for position, same in (("none", True), ("sine", False)):
        module = guided(kind, (8, 10, 2), position=position)
        one, other = module(x.flip(4), guide.flip(3)), module(x, guide).flip(4)
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-9) is same


@pytest.mark.parametrize("kind", KINDS.values())
def test_fresh_it_is_the_identity_bit_for_bit(kind: type[Attention]) -> None:
    module = kind(CHANNELS, 4, 6, 2, over="plane", guide_channels=GUIDE)
    x, guide = (part.float() for part in inputs())
    assert torch.equal(module(x, guide), x)


def test_layouts() -> None:
    """Channels-last keeps its layout; a layout that is neither is taken too."""
    module = guided()
    x, guide = inputs()
    last = x.to(memory_format=torch.channels_last_3d)
    assert_agree(module, naive_twin(module), last, guide)
    assert module(last, guide).is_contiguous(memory_format=torch.channels_last_3d)
    assert_agree(module, naive_twin(module), x.permute(0, 1, 2, 4, 3), guide.transpose(2, 3))
    assert_agree(module, naive_twin(module), x[..., ::2], guide[..., ::2])


@pytest.mark.parametrize("wanted", [{"x"}, {"guide"}, {"keys.weight"}, {"values.bias", "reprojection.weight"}])
def test_gradients_of_any_subset(wanted: set[str]) -> None:
    module = guided()
    x, guide = inputs()
    grads: list[list[Any]] = []
    for form in (module, naive_twin(module)):
        mine, its_guide = x.clone().requires_grad_("x" in wanted), guide.clone().requires_grad_("guide" in wanted)
        for name, parameter in form.named_parameters():
            parameter.requires_grad_(name in wanted)
        form(mine, its_guide).square().sum().backward()
        grads.append([mine.grad, its_guide.grad, *(parameter.grad for parameter in form.parameters())])
    for one, other in zip(*grads, strict=True):
        assert (one is None) == (other is None)
        if other is not None:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    assert sum(grad is not None for grad in grads[0]) == len(wanted)


def test_gradient_by_finite_differences() -> None:
    x, guide = inputs(1, 2, 2, 3)
    assert torch.autograd.gradcheck(guided(), (x.requires_grad_(), guide.requires_grad_()))


def test_a_second_derivative_is_refused() -> None:
    x, guide = inputs()
    (grad,) = torch.autograd.grad(guided()(x.requires_grad_(), guide).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_compiles() -> None:
    module = guided()
    x, guide = inputs()
    compiled = torch.compile(lambda value: module(value * 2, guide) + 1, backend="aot_eager")
    output = compiled(x.requires_grad_())
    torch.testing.assert_close(output, module(x * 2, guide) + 1)
    output.sum().backward()
    assert x.grad is not None


def test_half_precision_sums_in_float32() -> None:
    """Against float64 on the same rounded input: the rounding of the result, of queries, and of keys is lost."""
    module = guided().float()
    x, guide = (part.bfloat16() for part in inputs(height=20, width=30))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = module(x, guide)
    assert output.dtype == torch.bfloat16
    exact = module.double()(x.double(), guide.double())
    assert (output - exact).abs().max() <= 2 * torch.finfo(torch.bfloat16).eps * exact.abs().max()


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="over is 'plane', guide_channels None; plane needs them"):
        DotProductAttention(6, over="plane")
    with pytest.raises(ConfigError, match="over is 'volume', guide_channels 5"):
        DotProductAttention(6, guide_channels=5)
    with pytest.raises(ConfigError, match="over is 'disparity', position 'none'; efficient attention is over"):
        EfficientAttention(6, over="disparity")
    with pytest.raises(ConfigError, match="unknown position code 'cosine', expected one of none, sine, rope"):
        EfficientAttention(6, position="cosine")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="position 'rope'; efficient attention is over"):
        EfficientAttention(6, position="rope")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda() -> None:
    module = guided().to("cuda")
    x, guide = inputs()
    assert_agree(module, naive_twin(module), x.to("cuda"), guide.to("cuda"), 1e-9)
