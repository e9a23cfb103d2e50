"""The convolutions with a backward pass of their own: values and gradients are PyTorch's."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import model_preset
from stereo.model.convolution import CostConv3d
from stereo.model.convolution_gradients import depthwise_conv2d, one_channel_conv3d
from stereo.model.features.efficientnet_lite import SamePaddedConv
from stereo.model.network import StereoNetwork


def compare(own: Tensor, expected: Tensor, leaves: list[Tensor]) -> None:
    torch.testing.assert_close(own, expected)
    upstream = torch.randn_like(expected)
    mine, theirs = (torch.autograd.grad(output, leaves, upstream) for output in (own, expected))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (5, 1, 2), (3, 2, 0), (5, 2, 2), (1, 1, 0)])
def test_the_depthwise_convolution(kernel: int, stride: int, padding: int, layout: torch.memory_format) -> None:
    x = torch.randn(2, 3, 9, 12, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    weight = torch.randn(3, 1, kernel, kernel, dtype=torch.float64, requires_grad=True)
    expected = F.conv2d(x, weight, None, stride, padding, groups=3)
    compare(depthwise_conv2d(x, weight, stride, padding), expected, [x, weight])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5, 7), (1, 2, 1, 1, 1), (1, 1, 3, 2, 6)])
def test_the_convolution_to_one_channel(shape: tuple[int, ...], layout: torch.memory_format) -> None:
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    weight = torch.randn(1, shape[1], 3, 3, 3, dtype=torch.float64, requires_grad=True)
    compare(one_channel_conv3d(x, weight), F.conv3d(x, weight, padding=1), [x, weight])


def test_gradients_that_nobody_wants_are_not_computed() -> None:
    volume, weight = torch.randn(1, 2, 3, 3, 3), torch.randn(1, 2, 3, 3, 3, requires_grad=True)
    assert torch.autograd.grad(one_channel_conv3d(volume, weight).sum(), weight)[0].shape == weight.shape
    image, kernel = torch.randn(1, 2, 5, 5, requires_grad=True), torch.randn(2, 1, 3, 3)
    assert torch.autograd.grad(depthwise_conv2d(image, kernel, 1, 1).sum(), image)[0].shape == image.shape


def test_the_depthwise_convolution_is_in_the_type_of_mixed_precision() -> None:
    x, weight = torch.randn(1, 2, 6, 6), torch.randn(2, 1, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        output = depthwise_conv2d(x, weight, 1, 1)
    assert output.dtype == torch.bfloat16
    (gradient,) = torch.autograd.grad(output.float().square().sum(), weight)
    (expected,) = torch.autograd.grad(F.conv2d(x, weight, padding=1, groups=2).square().sum(), weight)
    assert gradient.dtype == torch.float32
    torch.testing.assert_close(gradient, expected, rtol=0.05, atol=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_trains_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    called = set()
    for module, name in (("convolution", "one_channel_conv3d"), ("features.efficientnet_lite", "depthwise_conv2d")):
        own = {"one_channel_conv3d": one_channel_conv3d, "depthwise_conv2d": depthwise_conv2d}[name]

        def watched(*arguments: object, name: str = name, own: object = own) -> Tensor:
            called.add(name)
            return own(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(f"stereo.model.{module}.{name}", watched)
    network = StereoNetwork(model_preset("compact")).with_fast_layout(torch.device("cuda")).train()
    image = torch.rand(1, 3, 128, 128, device="cuda")
    network(image, image)
    assert called == {"one_channel_conv3d", "depthwise_conv2d"}


def test_a_cpu_trains_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (("convolution", "one_channel_conv3d"), ("features.efficientnet_lite", "depthwise_conv2d")):
        monkeypatch.setattr(f"stereo.model.{module}.{name}", None)
    layers: list[tuple[nn.Module, tuple[int, ...]]] = [
        (CostConv3d(2, 1, 3, padding=1, bias=False), (1, 2, 3, 4, 5)),
        (SamePaddedConv(2, 2, 3, 2, groups=2), (1, 2, 6, 6)),
    ]
    for layer, shape in layers:
        layer(torch.randn(shape)).sum().backward()
