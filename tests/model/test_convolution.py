"""The forms in which 3D convolutions are computed on a CPU, against PyTorch's own."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stereo.model.convolution import Conv3d
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
    called: list[str] = []
    original = getattr(convolution, form)

    def watched(x: Tensor) -> Tensor:
        called.append(form)
        return original(x)

    monkeypatch.setattr(convolution, form, watched)
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
