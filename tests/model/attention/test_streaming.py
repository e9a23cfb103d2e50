"""Streaming efficient attention against its naive twin: values and every gradient."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

import stereo.model.attention.streaming as streaming_module
from stereo.errors import ConfigError
from stereo.model.attention import EfficientAttention, products


def twins(
    channels: int,
    keys: int,
    values: int,
    heads: int = 1,
    normalization: str = "softmax",
    chunk_size: int | None = None,
    dtype: torch.dtype = torch.float64,
) -> tuple[EfficientAttention, EfficientAttention]:
    """The streaming and the naive form with the same weights, none of them zero."""
    streaming = EfficientAttention(channels, keys, values, heads, normalization, chunk_size=chunk_size).to(dtype)  # type: ignore[arg-type]
    for parameter in streaming.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    naive = copy.deepcopy(streaming)
    naive.implementation = "naive"
    return streaming, naive


def run(module: EfficientAttention, x: Tensor, upstream: Tensor) -> list[Tensor]:
    """The output, the gradient of x, and those of the eight parameters."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    output = module(x)
    return [output.detach(), *torch.autograd.grad(output, [x, *module.parameters()], upstream)]


def assert_twins_agree(
    streaming: EfficientAttention, naive: EfficientAttention, x: Tensor, relative: float = 1e-10
) -> None:
    """Each output and gradient within `relative` of the largest value of its kind; 1 where that is smaller."""
    upstream = torch.randn_like(x)
    got, want = run(streaming, x, upstream), run(naive, x, upstream)
    assert len(got) == len(want) == 10
    names = ["output", "x", *(name for name, _ in naive.named_parameters())]
    for name, one, other in zip(names, got, want, strict=True):
        error = (one - other).abs().max()
        assert error <= relative * other.abs().max().clamp_min(1), f"{name}: {error}"


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize(("keys", "values", "heads"), [(4, 10, 1), (4, 10, 2), (12, 6, 3)])
@pytest.mark.parametrize("shape", [(1, 6, 17), (2, 6, 5, 7), (3, 6, 3, 5, 7)])
@pytest.mark.parametrize("chunk_size", [1, 16, 35, 1000, None])
def test_equals_the_naive_form(
    normalization: str, keys: int, values: int, heads: int, shape: tuple[int, ...], chunk_size: int | None
) -> None:
    streaming, naive = twins(6, keys, values, heads, normalization, chunk_size)
    assert_twins_agree(streaming, naive, torch.randn(shape, dtype=torch.float64))


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("chunk_size", [16, 1000])
@pytest.mark.parametrize("block", [3, 7, 1000])
def test_samples_together_as_on_a_gpu(
    normalization: str, layout: torch.memory_format, chunk_size: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming_module, "_groups", lambda x: [slice(0, len(x))])
    monkeypatch.setattr(products, "_block_size", lambda length, device: min(length, block))
    streaming, naive = twins(6, 4, 10, 2, normalization, chunk_size)
    x = torch.randn(3, 6, 3, 5, 7, dtype=torch.float64).to(memory_format=layout)
    assert_twins_agree(streaming, naive, x)
    addend = torch.randn(3, 6, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(streaming(x, addend), naive(x, addend))
    half = x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):  # parts in float32, and the sum in bf16
        rounded = streaming.float()(half)
    expected = naive.float()(half.float())
    assert (rounded.float() - expected).abs().max() < 2**-7 * expected.abs().max()


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
def test_layouts(normalization: str) -> None:
    """Channels-last keeps its layout; a layout that is neither is taken too."""
    streaming, naive = twins(6, 4, 10, 2, normalization, chunk_size=16)
    x = torch.randn(2, 6, 3, 5, 7, dtype=torch.float64)
    last = x.to(memory_format=torch.channels_last_3d)
    assert_twins_agree(streaming, naive, last)
    assert streaming(last).is_contiguous(memory_format=torch.channels_last_3d)
    assert_twins_agree(streaming, naive, x.permute(0, 1, 3, 4, 2))
    assert_twins_agree(streaming, naive, x[:, :, :, ::2])


@pytest.mark.parametrize("magnitude", [1e2, 1e4])
def test_extreme_logits_do_not_overflow(magnitude: float) -> None:
    """Logits of ± the magnitude that rise along the positions, so that later chunks exceed all before, or fall."""
    streaming, naive = twins(6, 4, 6, 2, chunk_size=16)
    for module in (streaming, naive):
        for layer in (module.keys, module.queries):
            for parameter in layer.parameters():
                parameter.data *= magnitude
    ramp = torch.linspace(-1, 1, 100, dtype=torch.float64) * torch.randn(6, 1, dtype=torch.float64).sign()
    for x in (ramp, ramp.flip(1), torch.randn(6, 100, dtype=torch.float64)):
        assert streaming.keys(x).abs().max() > magnitude
        assert_twins_agree(streaming, naive, x[None])
        results = run(copy.deepcopy(streaming).float(), x[None].float(), torch.ones(1, 6, 100))
        assert all(result.isfinite().all() for result in results)


def test_not_a_number_stays_one() -> None:
    streaming, _ = twins(6, 4, 6, chunk_size=16)
    x = torch.randn(1, 6, 100, dtype=torch.float64)
    x[0, 0, 50] = torch.nan
    assert streaming(x).isnan().all()


def test_float32_at_the_size_of_a_training_crop() -> None:
    """N = 393,216: the ¼ volume of 256×512 px at 192 disparities. The measure is the naive form in float64: in float32
    its own key bias has a gradient of 1e-3 of rounding errors, where the true one is 0."""
    single, exact = twins(8, 8, 8, 2, dtype=torch.float32)
    x = torch.randn(1, 8, 48, 64, 128)
    upstream = torch.randn_like(x)
    exact.double()
    got, want = run(single, x, upstream), run(exact, x.double(), upstream.double())
    for one, other in zip(got, want, strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max().clamp_min(1)


@pytest.mark.parametrize("wanted", [{"x"}, {"keys.weight"}, {"values.bias", "queries.weight"}, {"reprojection.bias"}])
@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
def test_gradients_of_any_subset(normalization: str, wanted: set[str]) -> None:
    streaming, naive = twins(6, 4, 10, 2, normalization, chunk_size=16)
    x = torch.randn(2, 6, 50, dtype=torch.float64)
    grads: list[list[Any]] = []
    for module in (streaming, naive):
        mine = x.clone().requires_grad_("x" in wanted)
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name in wanted)
        module(mine).square().sum().backward()
        grads.append([mine.grad, *(parameter.grad for parameter in module.parameters())])
    for one, other in zip(*grads, strict=True):
        assert (one is None) == (other is None)
        if other is not None:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    assert sum(grad is not None for grad in grads[0]) == len(wanted)


def test_gradient_by_finite_differences() -> None:
    streaming, _ = twins(3, 4, 2, 2, chunk_size=4)
    assert torch.autograd.gradcheck(streaming, torch.randn(1, 3, 10, dtype=torch.float64, requires_grad=True))


def test_a_second_derivative_is_refused() -> None:
    streaming, naive = twins(6, 4, 6)
    x = torch.randn(1, 6, 20, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(streaming(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()
    (grad,) = torch.autograd.grad(naive(x).square().sum(), x, create_graph=True)
    grad.sum().backward()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_sums_in_float32(dtype: torch.dtype) -> None:
    """Against float64 on the same rounded input, nothing but the rounding of the result is lost."""
    streaming, exact = twins(6, 4, 10, 2, chunk_size=64, dtype=torch.float32)
    x = torch.randn(2, 6, 500).to(dtype)
    upstream = torch.randn_like(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = run(streaming, x, upstream)
    assert got[0].dtype == got[1].dtype == dtype
    want = run(exact.double(), x.double(), upstream.double())
    for one, other in zip(got, want, strict=True):
        assert (one - other).abs().max() <= torch.finfo(dtype).eps * other.abs().max().clamp_min(1)


def test_compiles() -> None:
    streaming, _ = twins(6, 4, 6)
    x = torch.randn(1, 6, 20, dtype=torch.float64, requires_grad=True)
    compiled = torch.compile(lambda value: streaming(value * 2) + 1, backend="aot_eager")
    output = compiled(x)
    torch.testing.assert_close(output, streaming(x * 2) + 1)
    output.sum().backward()
    assert x.grad is not None


def test_fresh_attention_is_the_identity_bit_for_bit() -> None:
    for normalization in ("softmax", "scaling"):
        x = torch.randn(2, 6, 4, 5, 7)
        assert torch.equal(EfficientAttention(6, 4, 6, 2, normalization)(x), x)


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="implementation is 'fast', expected streaming or naive"):
        EfficientAttention(6, 4, 6, implementation="fast")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="chunk_size is 0"):
        EfficientAttention(6, 4, 6, chunk_size=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
def test_on_cuda(normalization: str) -> None:
    streaming, naive = twins(6, 4, 10, 2, normalization, chunk_size=100)
    x = torch.randn(2, 6, 7, 9, 11, dtype=torch.float64, device="cuda")
    assert_twins_agree(streaming.to("cuda"), naive.to("cuda"), x, 1e-9)
