"""What a step of the refinement looks at: the features that it compares, and how they compare around the estimate."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import RefinementConfig
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import conv2d, upsample


class HalfMatching(nn.Conv2d):
    """Gives what is compared at ½ from the features of ½ alone."""

    def __init__(self, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__(features.half_channels, config.matching_channels, 3, padding=1)

    def forward(self, view: Features) -> Tensor:  # type: ignore[override]
        return super().forward(view.half)


class MergedMatching(nn.Module):
    """Gives what is compared at ½ from the features of ½ and those of ¼, which have seen far more of the image."""

    def __init__(self, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__()
        channels = features.half_channels
        self.lateral = nn.Conv2d(features.quarter_channels, channels, 1)
        self.merge = conv2d(channels, channels)
        self.output = nn.Conv2d(channels, config.matching_channels, 3, padding=1)

    def forward(self, view: Features) -> Tensor:
        """Return [B, matching_channels, H/2, W/2] of the features of one view."""
        output: Tensor = self.output(self.merge(view.half + upsample(self.lateral(view.quarter))))
        return output


class LocalVolume(nn.Module):
    """Compares the views at the estimate and a few disparities around it: a small cost volume that follows it.

    Cosine similarity within channel groups, at −radius … radius full-resolution pixels, which are half pixels at ½.
    """

    def __init__(self, config: RefinementConfig) -> None:
        super().__init__()
        self.groups, self.radius = config.groups, config.radius
        self.channels = config.groups * (2 * config.radius + 1)

    def forward(self, left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
        """Return the similarities [B, channels, h, w], in −1 … 1: all groups at the first offset, and so on.

        Args:
            left, right: [B, C, h, w], the features to match.
            disparity: [B, h, w], in pixels of these maps.
        """
        left, right = (F.normalize(view.unflatten(1, (self.groups, -1)), dim=2) for view in (left, right))
        width, dtype = left.shape[-1], disparity.dtype
        place = torch.arange(width, device=disparity.device, dtype=dtype) - disparity - self.radius / 2
        first = place.detach().floor()
        fraction = (place - first)[:, None, None]  # [B, 1, 1, h, w]
        similarity = self._at_columns(left, right, first.long())  # [B, groups, radius + 2, h, w]
        whole = _lerp(similarity[:, :, :-1], similarity[:, :, 1:], fraction)
        # Half a column further, the place is between the same two columns or between the next two.
        later = fraction >= 0.5
        begin = torch.where(later, similarity[:, :, 1:-1], similarity[:, :, :-2])
        end = torch.where(later, similarity[:, :, 2:], similarity[:, :, 1:-1])
        half = _lerp(begin, end, fraction + 0.5 - later.to(dtype))
        # Places go from left to right, offsets of the disparity the other way.
        ordered = [(half if k % 2 else whole)[:, :, k // 2] for k in reversed(range(2 * self.radius + 1))]
        return torch.cat(ordered, dim=1)

    def _at_columns(self, left: Tensor, right: Tensor, first: Tensor) -> Tensor:
        """Return the similarities [B, groups, radius + 2, h, w] to the columns of the right view from `first` on.

        Similarity is linear in the right view's features, so that it can be interpolated in their place: each column is
        read once, where warping would read two columns for each of the 2 · radius + 1 offsets.

        Args:
            left, right: [B, groups, C, h, w].
            first: [B, h, w], integer columns, also outside the image, where the similarity is 0.
        """
        groups, channels, height, width = left.shape[1:]
        # A column of zeros to either side stands for all that is outside.
        padded = F.pad(right, (1, 1)).flatten(1, 2)
        similarities = []
        for column in range(self.radius + 2):
            index = (first + column + 1).clamp(0, width + 1).unsqueeze(1)
            values = padded.gather(3, index.expand(-1, groups * channels, height, width))
            similarities.append((left * values.view_as(left)).sum(2))
        return torch.stack(similarities, dim=2)


def _lerp(begin: Tensor, end: Tensor, fraction: Tensor) -> Tensor:
    return begin + fraction * (end - begin)


class WarpedResidual(nn.Module):
    """Takes the right view's features, warped by the estimate, from the left view's: what the estimate leaves open."""

    def __init__(self, config: RefinementConfig) -> None:
        super().__init__()
        self.channels = config.matching_channels

    def forward(self, left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
        """Return the difference [B, C, h, w]; arguments as of :class:`LocalVolume`."""
        return left - warp(right, disparity)


def warp(features: Tensor, disparity: Tensor) -> Tensor:
    """Return the right view's features where the left view's pixels see them: linear between columns, 0 outside.

    Args:
        features: [B, C, H, W], of the right view.
        disparity: [B, H, W], in pixels of this map: left pixel x takes what is at x − d.
    """
    height, width = features.shape[2:]
    columns = torch.arange(width, device=disparity.device, dtype=disparity.dtype)
    rows = torch.arange(height, device=disparity.device, dtype=disparity.dtype).unsqueeze(1)
    x, y = columns - disparity, rows.expand_as(disparity)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(features, grid, padding_mode="zeros", align_corners=False)


# Which features are compared, by refinement.matching.
MATCHINGS: dict[str, Callable[[RefinementConfig, FeatureExtractor], nn.Module]] = {
    "half": HalfMatching,
    "merged": MergedMatching,
}
# How they are compared, by refinement.kind.
EVIDENCE: dict[str, Callable[[RefinementConfig], LocalVolume | WarpedResidual]] = {
    "local_volume": LocalVolume,
    "residual": WarpedResidual,
}
