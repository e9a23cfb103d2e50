"""The building blocks that the 2D and 3D parts share: convolution, batch normalisation, ReLU."""

from torch import Tensor, nn


def conv2d(
    in_channels: int,
    out_channels: int,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    relu: bool = True,
) -> nn.Sequential:
    """2D convolution that keeps the size (over stride), batch normalisation and, by default, ReLU."""
    padding = dilation * (kernel // 2)
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def conv3d(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """3D convolution that keeps the size (over stride), batch normalisation and, by default, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv3d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm3d(out_channels),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def upconv3d(in_channels: int, out_channels: int, kernel: int = 4) -> nn.Sequential:
    """3D transposed convolution that doubles every axis, and batch normalisation.

    Kernel 4 at stride 2 covers each output equally often, where PSMNet's 3 leaves a checkerboard.
    """
    return nn.Sequential(
        nn.ConvTranspose3d(
            in_channels, out_channels, kernel, stride=2, padding=1, output_padding=kernel % 2, bias=False
        ),
        nn.BatchNorm3d(out_channels),
    )


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around a skip connection, [B, C, H, W] to the same."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(conv2d(channels, channels, dilation=dilation), conv2d(channels, channels, relu=False))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.body(x))
