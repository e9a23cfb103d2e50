"""The feature extractor of `compact`."""

from torch import Tensor, nn

from stereo.config import ModelConfig
from stereo.model.features.pyramid import PyramidFeatures
from stereo.model.layers import ResidualBlock, conv2d


class CompactFeatures(PyramidFeatures):
    """A residual pyramid to 1/16, merged back to ¼, fit for a CPU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        half, channels = self.half_channels, self.quarter_channels
        eighth, sixteenth = self.eighth_channels, self.sixteenth_channels
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
        self.add_merging(config)

    def stages(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps at ½, ¼, ⅛ and 1/16, before they are merged."""
        half = self.to_half(image)
        quarter = self.to_quarter(half)
        eighth = self.to_eighth(quarter)
        return half, quarter, eighth, self.to_sixteenth(eighth)
