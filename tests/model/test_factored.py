"""3D convolutions computed in 2D, against PyTorch's 3D ones with the same weights."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from stereo.model.factored import (
    DisparityConv3d,
    DisparityUpconv3d,
    PlaneConv3d,
    PlaneUpconv3d,
    factored_conv3d,
    factored_upconv3d,
    plane_conv3d,
    plane_upconv3d,
)
from stereo.model.layers import fold_batch_norm

CONVOLUTIONS: dict[str, Callable[[], nn.Conv3d | nn.ConvTranspose3d]] = {
    "1×3×3": lambda: PlaneConv3d(3, 4),
    "1×3×3, strided": lambda: PlaneConv3d(3, 4, stride=2),
    "1×4×4, transposed": lambda: PlaneUpconv3d(3, 4),
    "3×1×1": lambda: DisparityConv3d(3, 4),
    "3×1×1, strided": lambda: DisparityConv3d(3, 4, stride=2),
    "4×1×1, transposed": lambda: DisparityUpconv3d(3, 4),
}


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_values_and_gradients_are_those_of_the_3d_layer(kind: str, layout: torch.memory_format) -> None:
    convolution = CONVOLUTIONS[kind]().double()
    base = nn.Conv3d if isinstance(convolution, nn.Conv3d) else nn.ConvTranspose3d
    x = torch.randn(2, 3, 5, 6, 7, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    expected, got = base.forward(convolution, x), convolution(x)  # type: ignore[arg-type]
    torch.testing.assert_close(got, expected)
    inputs = (x, convolution.weight)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(got, inputs, grad), torch.autograd.grad(expected, inputs, grad), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        (factored_conv3d(3, 4), (2, 4, 4, 6, 8)),
        (factored_conv3d(3, 4, stride=2), (2, 4, 2, 3, 4)),
        (factored_upconv3d(3, 4), (2, 4, 8, 12, 16)),
        (plane_conv3d(3, 4, stride=2), (2, 4, 4, 3, 4)),
        (plane_upconv3d(3, 4), (2, 4, 4, 12, 16)),
    ],
)
def test_shapes_and_folded_normalization(block: nn.Module, shape: tuple[int, ...]) -> None:
    for module in block.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    block = block.eval().double()
    x = torch.randn(2, 3, 4, 6, 8, dtype=torch.float64)
    expected = block(x)
    assert expected.shape == shape
    fold_batch_norm(block)
    assert not [module for module in block.modules() if isinstance(module, nn.BatchNorm3d)]
    torch.testing.assert_close(block(x), expected)
