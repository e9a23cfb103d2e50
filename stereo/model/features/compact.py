"""The feature extractor of `compact`."""

import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import ModelConfig
from stereo.model.attention import build_attention
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import ResidualBlock, conv2d


class CompactFeatures(FeatureExtractor):
    """A residual pyramid to 1/16, merged back to ¼ (a small feature pyramid network), fit for a CPU.

    H and W must be multiples of 16.
    """

    half_channels = 16

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        half, channels = self.half_channels, config.features.channels
        self.quarter_channels = channels
        self.matching_channels = config.features.matching_channels
        eighth, sixteenth = channels * 3 // 2, channels * 2
        self.eighth_channels, self.sixteenth_channels = eighth, sixteenth
        self.to_half = nn.Sequential(conv2d(3, half, stride=2), conv2d(half, half))
        self.to_quarter = nn.Sequential(
            conv2d(half, channels, stride=2), ResidualBlock(channels), ResidualBlock(channels)
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
        self.attention = build_attention(config.attention, "features", channels)
        self.matching = nn.Conv2d(channels, self.matching_channels, 3, padding=1)

    def forward(self, image: Tensor) -> Features:
        """Return the features of image [B, 3, H, W], normalized."""
        half = self.to_half(image)
        quarter = self.to_quarter(half)
        eighth = self.to_eighth(quarter)
        sixteenth = self.to_sixteenth(eighth)
        eighth = self.merge_eighth(eighth + _upsample(self.lateral_sixteenth(sixteenth)))
        quarter = quarter + _upsample(self.lateral_eighth(eighth))
        merged = self.attention(self.merge_quarter(quarter))
        return Features(self.matching(merged), merged, half, eighth, sixteenth)


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
