"""The feature extractor of PSMNet."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import ModelConfig
from stereo.model.attention import build_attention
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import conv2d


class PsmnetFeatures(FeatureExtractor):
    """PSMNet's feature network: residual stages at ½ and ¼, the last dilated, and spatial pyramid pooling.

    The pyramid averages the last stage over cells of 64, 32, 16 and 8 positions, each projected to few channels and
    interpolated back, which gives every position the context of its region. H and W must be multiples
    of 16, and of 256 px or more: the largest cell covers 64 positions at ¼.

    Source: Chang & Chen, "Pyramid Stereo Matching Network", CVPR 2018, table 1, as in the authors' code: stage 4 has
        dilation 2 alone (the paper's table says 2 and 4 for stages 3 and 4), and no activation follows the addition
        in a residual block. Attention at the site `features` follows stage 4.
    """

    POOLS = (64, 32, 16, 8)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.features.channels
        self.half_channels, self.quarter_channels = channels, 2 * channels
        self.matching_channels = config.features.matching_channels
        self.align_corners = config.align_corners
        last = 4 * channels
        self.eighth_channels = self.sixteenth_channels = last
        self.stem = nn.Sequential(conv2d(3, channels, stride=2), conv2d(channels, channels), conv2d(channels, channels))
        self.stage1 = _stage(channels, channels, blocks=3)
        self.stage2 = _stage(channels, 2 * channels, blocks=16, stride=2)
        self.stage3 = _stage(2 * channels, last, blocks=3)
        self.stage4 = _stage(last, last, blocks=3, dilation=2)
        self.attention = build_attention(config.attention, "features", last)
        self.pyramid = nn.ModuleList(
            nn.Sequential(nn.AvgPool2d(pool), conv2d(last, channels, kernel=1)) for pool in self.POOLS
        )
        joined = 2 * channels + last + len(self.POOLS) * channels
        self.fuse = conv2d(joined, last)
        self.matching = nn.Conv2d(last, self.matching_channels, 1, bias=False)

    def forward(self, image: Tensor) -> Features:
        """Return the features of image [B, 3, H, W], normalized."""
        half = self.stage1(self.stem(image))
        quarter = self.stage2(half)
        last = self.attention(self.stage4(self.stage3(quarter)))
        size = last.shape[2:]
        regions = [
            F.interpolate(branch(last), size, mode="bilinear", align_corners=self.align_corners)
            for branch in reversed(self.pyramid)  # from the finest to the coarsest
        ]
        matching = self.matching(self.fuse(torch.cat([quarter, last, *regions], dim=1)))
        # The network has no stage below ¼ (it is dilated instead), so that its last one is averaged.
        eighth = F.avg_pool2d(last, 2)
        return Features(matching, quarter, half, eighth, F.avg_pool2d(eighth, 2))


class PsmnetBlock(nn.Module):
    """Two 3×3 convolutions and a skip connection, projected where the shape changes; no activation after the sum."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv2d(in_channels, out_channels, stride=stride, dilation=dilation),
            conv2d(out_channels, out_channels, dilation=dilation, relu=False),
        )
        self.stride = stride
        same = stride == 1 and in_channels == out_channels
        self.skip = nn.Identity() if same else conv2d(in_channels, out_channels, kernel=1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        # A strided 1×1 convolution is one of the pixels that it keeps. Written so because oneDNN 3.x corrupts memory in
        # the backward pass of the strided form (channels-last, 8 input channels; PyTorch 2.13 on a CPU with AVX-512).
        return self.skip(x[..., :: self.stride, :: self.stride]) + self.body(x)


def _stage(in_channels: int, out_channels: int, blocks: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        PsmnetBlock(in_channels, out_channels, stride, dilation),
        *(PsmnetBlock(out_channels, out_channels, 1, dilation) for _ in range(blocks - 1)),
    )
