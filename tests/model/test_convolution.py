"""The forms in which 3D convolutions are computed on a CPU, against PyTorch's own."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from stereo.model.convolution import Conv3d, ConvTranspose3d, single_columns
from stereo.model.layers import conv3d, fold_batch_norm

CASES: dict[str, tuple[dict[str, Any], tuple[int, ...], str]] = {
    "one tap": ({"kernel_size": 1}, (2, 3, 4, 5, 6), "_one_tap"),
    "one tap, strided": ({"kernel_size": 1, "stride": 2}, (1, 3, 5, 4, 7), "_one_tap"),
    "one channel": ({"kernel_size": 3, "padding": 1, "out_channels": 1}, (2, 3, 4, 5, 6), "_one_channel"),
    "one channel, one bin": ({"kernel_size": 3, "padding": 1, "out_channels": 1}, (1, 3, 1, 5, 6), "_one_channel"),
    "small": ({"kernel_size": 3, "padding": 1}, (2, 3, 4, 5, 6), "_transposed"),
    "small, of unequal axes": (
        {"kernel_size": (1, 3, 5), "padding": (0, 1, 2), "stride": (1, 2, 3)},
        (1, 3, 4, 5, 9),
        "_transposed",
    ),
}


def watch(layer: nn.Module, form: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The list to which each call of this form of the layer is added."""
    called: list[str] = []
    original = getattr(layer, form)

    def watched(x: Tensor) -> Tensor:
        called.append(form)
        result: Tensor = original(x)
        return result

    monkeypatch.setattr(layer, form, watched)
    return called


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("case", CASES)
def test_each_form_is_the_convolution(
    case: str, layout: torch.memory_format, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, shape, form = CASES[case]
    convolution = Conv3d(3, **({"out_channels": 4} | options), bias=bias, dtype=torch.float64)
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    expected = nn.Conv3d.forward(convolution, x)
    wanted = [x, *convolution.parameters()]
    upstream = torch.randn_like(expected)
    gradients = torch.autograd.grad(expected, wanted, upstream)
    called = watch(convolution, form, monkeypatch)
    with torch.no_grad():
        torch.testing.assert_close(convolution(x), expected)
    assert called == [form]
    result = convolution(x)
    in_training = form != "_transposed"  # which is slower where the channels come last, as in training
    assert called == [form] * (1 + in_training)
    assert torch.equal(result, expected) or in_training
    torch.testing.assert_close(result, expected)
    for one, other in zip(torch.autograd.grad(result, wanted, upstream), gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("kernel", "padding"), [(3, 0), (3, 2), (1, 1)])
def test_another_padding_is_heeded(kernel: int, padding: int) -> None:
    convolution = Conv3d(2, 1, kernel, padding=padding, dtype=torch.float64)
    x = torch.randn(1, 2, 4, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(convolution(x), nn.Conv3d.forward(convolution, x))
    with torch.no_grad():
        torch.testing.assert_close(convolution(x), nn.Conv3d.forward(convolution, x))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "options", [{"padding": "same"}, {"padding": 1, "padding_mode": "replicate"}, {"padding": 1, "dilation": 2}]
)
def test_other_options_are_heeded(options: dict[str, Any], channels: int, kernel: int) -> None:
    convolution = Conv3d(3, channels, kernel, **options, dtype=torch.float64)
    x = torch.randn(1, 3, 4, 5, 6, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(convolution(x), nn.Conv3d.forward(convolution, x))


@pytest.mark.parametrize("kernel", [1, 3])
def test_groups_are_heeded(kernel: int) -> None:
    convolution = Conv3d(4, 2, kernel, padding=kernel // 2, groups=2, dtype=torch.float64)
    x = torch.randn(1, 4, 4, 5, 6, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(convolution(x), nn.Conv3d.forward(convolution, x))


def test_what_is_large_stays_as_it_is() -> None:
    convolution = Conv3d(8, 4, 3, padding=1)
    x = torch.randn(1, 8, 16, 200, 3)
    with torch.no_grad():
        assert torch.equal(convolution(x), nn.Conv3d.forward(convolution, x))


def test_folded_normalization_keeps_the_form() -> None:
    block = conv3d(3, 4, kernel=1).eval()
    folded = copy.deepcopy(block)
    fold_batch_norm(folded)
    assert type(folded[0]) is Conv3d
    x = torch.randn(1, 3, 4, 5, 6)
    with torch.no_grad():
        torch.testing.assert_close(folded(x), block(x))


PAIRED: dict[str, tuple[nn.Conv3d | nn.ConvTranspose3d, tuple[int, ...]]] = {
    "convolution": (Conv3d(9, 5, 3, padding=1), (2, 9, 40, 30, 6)),
    "convolution, one pair, one row": (Conv3d(20, 8, 3, padding=1), (1, 20, 1100, 1, 2)),
    "convolution without bias": (Conv3d(8, 2, 3, padding=1, bias=False), (1, 8, 65, 40, 4)),
    "transposed": (ConvTranspose3d(5, 3, 4, stride=2, padding=1), (2, 5, 42, 50, 6)),
    "transposed, no bias": (ConvTranspose3d(2, 8, 4, stride=2, padding=1, bias=False), (1, 2, 2100, 5, 2)),
}


@pytest.fixture
def wide_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")


def channels_last(layer: nn.Module, shape: tuple[int, ...]) -> tuple[nn.Module, Tensor]:
    """A copy of the layer in float64 and an input of this shape, both with the channels last."""
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=torch.channels_last_3d)
    return copy.deepcopy(layer).double().to(memory_format=torch.channels_last_3d), x  # type: ignore[call-overload]


def require_same_without_gradients(layer: nn.Module, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Compare with the layer where gradients are wanted; return the list of calls of its form for two columns."""
    expected = layer(x)
    called = watch(layer, "_paired", monkeypatch)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected)
    return called


@pytest.mark.parametrize("case", PAIRED)
def test_two_columns_at_once_are_the_layer(case: str, wide_vectors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = channels_last(*PAIRED[case])
    called = require_same_without_gradients(layer, x, monkeypatch)
    assert called == ["_paired"]
    layer(x)  # in training they do not pay
    with single_columns(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(x)
    assert called == ["_paired"]
    with torch.no_grad(), FlopCounterMode(display=False) as more:
        layer(x)
    assert called.pop() == "_paired"
    assert counter.get_total_flops() < more.get_total_flops() <= 1.5 * counter.get_total_flops()
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    with torch.no_grad():
        layer(x)
    assert called == ["_paired"]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv3d(9, 9, 3, padding=1), (2, 9, 40, 30, 6)),  # many channels
        (Conv3d(9, 5, 3, padding=1), (2, 9, 40, 30, 7)),  # an odd width
        (Conv3d(9, 6, 3, padding=1, groups=3), (2, 9, 40, 30, 6)),
        (Conv3d(9, 5, 3, padding=1, dilation=(1, 1, 2)), (2, 9, 40, 30, 6)),
        (Conv3d(9, 5, 3, padding=1, padding_mode="replicate"), (2, 9, 40, 30, 6)),
        (Conv3d(9, 5, 3, padding=1, stride=2), (2, 9, 40, 30, 6)),
        (ConvTranspose3d(5, 3, 3, stride=2, padding=1, output_padding=1), (2, 5, 42, 50, 6)),
        (ConvTranspose3d(5, 3, 4, stride=2, padding=1, output_padding=1), (2, 5, 42, 50, 6)),
        (ConvTranspose3d(5, 3, 4, stride=2, padding=1), (2, 5, 42, 50, 7)),
        (ConvTranspose3d(5, 3, 4, stride=2, padding=1), (2, 5, 30, 50, 6)),  # what oneDNN would not take
    ],
)
def test_where_two_columns_are_not_meant_they_are_not_taken(
    layer: nn.Module, shape: tuple[int, ...], wide_vectors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not require_same_without_gradients(*channels_last(layer, shape), monkeypatch)
