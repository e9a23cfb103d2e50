"""What every feature extractor takes and gives."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# The statistics of ImageNet, with which PSMNet and most stereo networks normalize their input.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


class Features(NamedTuple):
    """The features of one image of H×W."""

    matching: Tensor  # [B, matching_channels, H/4, W/4]: the cost volume compares these
    quarter: Tensor  # [B, quarter_channels, H/4, W/4]: context, for the upsampling and the guidance
    half: Tensor  # [B, half_channels, H/2, W/2]: edges, for the upsampling and the refinement
    eighth: Tensor  # [B, eighth_channels, H/8, W/8]: context, for the guidance
    sixteenth: Tensor  # [B, sixteenth_channels, H/16, W/16]: context, for the guidance

    def with_matching(self, matching: Tensor) -> "Features":
        """Return the same but for what the cost volume compares."""
        return Features(matching, self.quarter, self.half, self.eighth, self.sixteenth)

    def of(self, images: slice) -> "Features":
        """Return those of some images of the batch."""
        return Features(*(part[images] for part in self))


class FeatureExtractor(nn.Module):
    """Base of the extractors: maps a normalized image [B, 3, H, W] to Features of these widths.

    frozen_statistics: in training mode, batch normalization of the trunk uses its running statistics and leaves them
        as they are, as in evaluation mode; its weights are trained.
    """

    matching_channels: int
    quarter_channels: int
    half_channels: int
    eighth_channels: int
    sixteenth_channels: int

    frozen_statistics = False

    def get_trunk(self) -> nn.Module:
        """Return the part that can have had a training before: all of it, unless an extractor says otherwise."""
        return self

    def train(self, mode: bool = True) -> "FeatureExtractor":
        """Set training or evaluation mode."""
        super().train(mode)
        if self.frozen_statistics:
            for module in self.get_trunk().modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
