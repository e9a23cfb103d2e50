"""What every feature extractor gives."""

from typing import NamedTuple

from torch import Tensor, nn


class Features(NamedTuple):
    """The features of one image of H×W."""

    matching: Tensor  # [B, matching_channels, H/4, W/4]: the cost volume compares these
    quarter: Tensor  # [B, quarter_channels, H/4, W/4]: context, for the upsampling and the guidance
    half: Tensor  # [B, half_channels, H/2, W/2]: edges, for the upsampling and the refinement
    eighth: Tensor  # [B, eighth_channels, H/8, W/8]: context, for the guidance
    sixteenth: Tensor  # [B, sixteenth_channels, H/16, W/16]: context, for the guidance


class FeatureExtractor(nn.Module):
    """Base of the extractors: maps a normalized image [B, 3, H, W] to Features of these widths."""

    matching_channels: int
    quarter_channels: int
    half_channels: int
    eighth_channels: int
    sixteenth_channels: int
