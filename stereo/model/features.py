"""2D feature extractors: what of an image is compared between the views."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import AttentionConfig, FeaturesConfig
from stereo.model.attention import build_attention
from stereo.model.layers import ResidualBlock, conv2d


class Features(NamedTuple):
    """What the extractor gives of one image of H×W."""

    matching: Tensor  # [B, matching_channels, H/4, W/4]: what the cost volume compares
    quarter: Tensor  # [B, channels, H/4, W/4]: context, for the upsampling
    half: Tensor  # [B, HALF_CHANNELS, H/2, W/2]: edges, for the upsampling


class CompactFeatures(nn.Module):
    """A residual pyramid to 1/16, merged back to ¼ (a small feature pyramid network), fit for a CPU.

    H and W must be multiples of 16.
    """

    HALF_CHANNELS = 16

    def __init__(self, config: FeaturesConfig, attention: AttentionConfig) -> None:
        super().__init__()
        channels = config.channels
        eighth, sixteenth = channels * 3 // 2, channels * 2
        self.to_half = nn.Sequential(
            conv2d(3, self.HALF_CHANNELS, stride=2), conv2d(self.HALF_CHANNELS, self.HALF_CHANNELS)
        )
        self.to_quarter = nn.Sequential(
            conv2d(self.HALF_CHANNELS, channels, stride=2), ResidualBlock(channels), ResidualBlock(channels)
        )
        self.to_eighth = nn.Sequential(conv2d(channels, eighth, stride=2), ResidualBlock(eighth), ResidualBlock(eighth))
        self.to_sixteenth = nn.Sequential(
            conv2d(eighth, sixteenth, stride=2),
            ResidualBlock(sixteenth),
            ResidualBlock(sixteenth, dilation=2),
        )
        self.lateral_sixteenth = nn.Conv2d(sixteenth, eighth, 1)
        self.merge_eighth = ResidualBlock(eighth)
        self.lateral_eighth = nn.Conv2d(eighth, channels, 1)
        self.merge_quarter = ResidualBlock(channels)
        self.attention = build_attention(attention, "features", channels)
        self.matching = nn.Conv2d(channels, config.matching_channels, 3, padding=1)

    def forward(self, image: Tensor) -> Features:
        """image: [B, 3, H, W], normalised."""
        half = self.to_half(image)
        quarter = self.to_quarter(half)
        eighth = self.to_eighth(quarter)
        sixteenth = self.to_sixteenth(eighth)
        eighth = self.merge_eighth(eighth + _upsample(self.lateral_sixteenth(sixteenth)))
        quarter = quarter + _upsample(self.lateral_eighth(eighth))
        merged = self.attention(self.merge_quarter(quarter))
        return Features(self.matching(merged), merged, half)


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
