"""3D convolutions that are 2D: of the planes of a volume (1×k×k), or along its disparities (k×1×1).

They are computed as 2D convolutions over a view of the volume, which on a CPU are several times faster than 3D ones of
these kernels. Their weights are those of PyTorch's 3D layers.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


class PlaneConv3d(nn.Conv3d):
    """A 1×3×3 convolution without bias that keeps D, H and W; H and W over stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weight, stride = self.weight[:, :, 0], self.stride[1:]
        return _in_planes(x, lambda planes: F.conv2d(planes, weight, self.bias, stride, padding=1))


class PlaneUpconv3d(nn.ConvTranspose3d):
    """A transposed 1×4×4 convolution without bias that doubles H and W."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, (1, 4, 4), (1, 2, 2), (0, 1, 1), bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight[:, :, 0]
        return _in_planes(x, lambda planes: F.conv_transpose2d(planes, weight, self.bias, stride=2, padding=1))


class DisparityConv3d(nn.Conv3d):
    """A 3×1×1 convolution without bias that keeps D, H and W; D over stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weight, stride = self.weight[..., 0], (self.stride[0], 1)
        return _in_columns(x, lambda columns: F.conv2d(columns, weight, self.bias, stride, padding=(1, 0)))


class DisparityUpconv3d(nn.ConvTranspose3d):
    """A transposed 4×1×1 convolution without bias that doubles D."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, (4, 1, 1), (2, 1, 1), (1, 0, 0), bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight[..., 0]
        return _in_columns(
            x, lambda columns: F.conv_transpose2d(columns, weight, self.bias, stride=(2, 1), padding=(1, 0))
        )


def plane_conv3d(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Return a 1×3×3 convolution that keeps the size (H and W over stride), batch normalization and ReLU."""
    return nn.Sequential(
        PlaneConv3d(in_channels, out_channels, stride), nn.BatchNorm3d(out_channels), nn.ReLU(inplace=True)
    )


def plane_upconv3d(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return a transposed 1×4×4 convolution that doubles H and W, and batch normalization."""
    return nn.Sequential(PlaneUpconv3d(in_channels, out_channels), nn.BatchNorm3d(out_channels))


def factored_conv3d(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Return a 1×3×3 and a 3×1×1 convolution that keep the size (over stride).

    Batch normalization and ReLU follow each of them.

    Source: R(2+1)D (Tran et al., CVPR 2018), section 3.5, whose inner width makes up for the parameters saved; here it
        is the output's.
    """
    return nn.Sequential(
        *plane_conv3d(in_channels, out_channels, stride),
        DisparityConv3d(out_channels, out_channels, stride),
        nn.BatchNorm3d(out_channels),
        nn.ReLU(inplace=True),
    )


def factored_upconv3d(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return a 4×1×1 and a 1×4×4 transposed convolution that double every axis.

    Batch normalization follows each of them, and ReLU the first. Disparities come first, where the map is smaller.
    """
    return nn.Sequential(
        DisparityUpconv3d(in_channels, out_channels),
        nn.BatchNorm3d(out_channels),
        nn.ReLU(inplace=True),
        *plane_upconv3d(out_channels, out_channels),
    )


def _in_planes(x: Tensor, convolve: Callable[[Tensor], Tensor]) -> Tensor:
    """Return each plane [B·D, C, H, W] of x [B, C, D, H, W] convolved."""
    planes = convolve(x.transpose(1, 2).flatten(0, 1))
    return planes.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)


def _in_columns(x: Tensor, convolve: Callable[[Tensor], Tensor]) -> Tensor:
    """Return x [B, C, D, H, W] convolved as [B, C, D, H·W]."""
    return convolve(x.flatten(3)).unflatten(3, x.shape[3:])
