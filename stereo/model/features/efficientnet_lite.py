"""The feature extractor whose trunk is EfficientNet-Lite0, which may come with weights trained on ImageNet."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import ModelConfig
from stereo.model.convolution_gradients import depthwise_conv2d
from stereo.model.features.base import IMAGE_MEAN, IMAGE_STD
from stereo.model.features.pyramid import PyramidFeatures
from stereo.model.layers import conv2d


class EfficientNetLiteFeatures(PyramidFeatures):
    """EfficientNet-Lite0 to 1/16, merged back to ¼ as `compact` merges its own stages.

    Before that a 1×1 convolution brings each of its stages to the width, and by batch normalization to the scale, of
    the stage of `compact`. It is fresh, as the merging is, whatever weights the trunk begins with.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.trunk = EfficientNetLite()
        widths = (self.half_channels, self.quarter_channels, self.eighth_channels, self.sixteenth_channels)
        self.fusions = nn.ModuleList(
            conv2d(trunk, width, kernel=1) for trunk, width in zip(EfficientNetLite.CHANNELS, widths, strict=True)
        )
        self.add_merging(config)

    def get_trunk(self) -> nn.Module:
        """Return EfficientNet-Lite0, without what follows it."""
        return self.trunk

    def stages(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps at ½, ¼, ⅛ and 1/16, before they are merged."""
        half, quarter, eighth, sixteenth = (
            fusion(stage) for fusion, stage in zip(self.fusions, self.trunk(image), strict=True)
        )
        return half, quarter, eighth, sixteenth


class EfficientNetLite(nn.Module):
    """The stages of EfficientNet-Lite0 to 1/16: maps of `CHANNELS` at ½, ¼, ⅛ and 1/16.

    Source: Tan & Le, "EfficientNet", ICML 2019, table 1; Lite as in the authors' TensorFlow code
        (efficientnet_lite_builder.py): ReLU6 for Swish, no squeeze-and-excitation, their padding, batch normalization
        and scale of the images. Training leaves out no block at random, as theirs does (drop connect).
    """

    CHANNELS = (16, 24, 40, 112)

    input_factor: Tensor
    input_offset: Tensor

    def __init__(self) -> None:
        super().__init__()
        # The authors take (color − 127) / 128 of 0 … 255.
        mean, std = torch.tensor(IMAGE_MEAN).view(3, 1, 1), torch.tensor(IMAGE_STD).view(3, 1, 1)
        self.register_buffer("input_factor", std * 255 / 128, persistent=False)
        self.register_buffer("input_offset", (mean * 255 - 127) / 128, persistent=False)
        self.to_half = nn.Sequential(_conv(3, 32, kernel=3, stride=2), InvertedResidual(32, 16, kernel=3, expansion=1))
        self.to_quarter = _stage(16, 24, blocks=2, kernel=3, stride=2)
        self.to_eighth = _stage(24, 40, blocks=2, kernel=5, stride=2)
        self.to_sixteenth = nn.Sequential(
            *_stage(40, 80, blocks=3, kernel=3, stride=2), *_stage(80, 112, blocks=3, kernel=5)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps at ½, ¼, ⅛ and 1/16 of image [B, 3, H, W], normalized as for every extractor."""
        half = self.to_half(image * self.input_factor + self.input_offset)
        quarter = self.to_quarter(half)
        eighth = self.to_eighth(quarter)
        return half, quarter, eighth, self.to_sixteenth(eighth)


class InvertedResidual(nn.Module):
    """MBConv: 1×1 to `expansion` times the channels, a convolution of each channel on its own, 1×1 to few channels.

    The input is added where the shape stays. No activation follows the last convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, expansion: int = 6) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.expand = nn.Identity() if expansion == 1 else _conv(in_channels, inner)
        self.depthwise = _conv(inner, inner, kernel, stride, groups=inner)
        self.project = _conv(inner, out_channels, relu=False)
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return x + out if self.adds_input else out


class SamePaddedConv(nn.Conv2d):
    """A convolution padded as in TensorFlow: at stride 2, of a map of even size, one row and column more at the end."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.center = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        if self.groups > 1 and torch.is_autocast_enabled("cpu") and x.device.type == "cpu":
            # oneDNN convolves single channels faster in fp32, both ways (PyTorch 2.13).
            with torch.autocast("cpu", enabled=False):
                return self._convolved(x.float())
        return self._convolved(x)

    def _convolved(self, x: Tensor) -> Tensor:
        on_gpu = x.device.type == "cuda" and self.groups > 1 and not torch.compiler.is_compiling()
        own_gradient = on_gpu and torch.is_grad_enabled()
        if self.stride == (1, 1):
            return depthwise_conv2d(x, self.weight, 1, self.center) if own_gradient else super().forward(x)
        if torch.is_grad_enabled():
            x = F.pad(x, (self.center - 1, self.center, self.center - 1, self.center))
            if own_gradient:
                return depthwise_conv2d(x, self.weight, self.stride[0], 0)
            return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)
        # A row and column of zeros before the weights move the window as far, without a copy of the map. The backward
        # pass is slow for such a kernel.
        weight = F.pad(self.weight, (1, 0, 1, 0))
        return F.conv2d(x, weight, self.bias, self.stride, self.center, groups=self.groups)


def _conv(
    in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1, relu: bool = True
) -> nn.Sequential:
    """Return convolution, batch normalization (with the authors' constants) and, by default, ReLU6."""
    layers: list[nn.Module] = [
        SamePaddedConv(in_channels, out_channels, kernel, stride, groups),
        nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01),
    ]
    if relu:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


def _stage(in_channels: int, out_channels: int, blocks: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        InvertedResidual(in_channels, out_channels, kernel, stride),
        *(InvertedResidual(out_channels, out_channels, kernel) for _ in range(blocks - 1)),
    )
