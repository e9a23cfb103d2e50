"""What the extractors of a pyramid to 1/16 share: its widths, and how it is merged back to ¼."""

from torch import Tensor, nn

from stereo.config import ModelConfig
from stereo.model.attention import build_attention
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import ResidualBlock, upsample


class PyramidFeatures(FeatureExtractor):
    """Base of the extractors that merge a pyramid of four stages back to ¼ (a small feature pyramid network).

    One of them makes the layers of its stages, then calls `add_merging`, and says in `stages` how to run them. H and W
    must be multiples of 16.
    """

    half_channels = 16

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.features.channels
        self.quarter_channels, self.eighth_channels, self.sixteenth_channels = channels, channels * 3 // 2, channels * 2
        self.matching_channels = config.features.matching_channels

    def add_merging(self, config: ModelConfig) -> None:
        """Make the layers that merge the stages."""
        channels, eighth = self.quarter_channels, self.eighth_channels
        self.lateral_sixteenth = nn.Conv2d(self.sixteenth_channels, eighth, 1)
        self.merge_eighth = ResidualBlock(eighth)
        self.lateral_eighth = nn.Conv2d(eighth, channels, 1)
        self.merge_quarter = ResidualBlock(channels)
        self.attention = build_attention(config.attention, "features", channels)
        self.matching = nn.Conv2d(channels, self.matching_channels, 3, padding=1)

    def stages(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps at ½, ¼, ⅛ and 1/16, before they are merged, of the widths of Features."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Features:
        """Return the features of image [B, 3, H, W], normalized."""
        half, quarter, eighth, sixteenth = self.stages(image)
        eighth = self.merge_eighth(eighth + upsample(self.lateral_sixteenth(sixteenth)))
        quarter = quarter + upsample(self.lateral_eighth(eighth))
        merged = self.attention(self.merge_quarter(quarter))
        return Features(self.matching(merged), merged, half, eighth, sixteenth)
