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

    membership: Tensor  # [C, groups], 1 where a channel is of the group

    def __init__(self, config: RefinementConfig) -> None:
        super().__init__()
        self.groups, self.radius = config.groups, config.radius
        self.channels = config.groups * (2 * config.radius + 1)
        membership = torch.eye(config.groups).repeat_interleave(config.matching_channels // config.groups, dim=0)
        self.register_buffer("membership", membership, persistent=False)

    def forward(self, left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
        """Return the similarities [B, channels, h, w], in −1 … 1: all groups at the first offset, and so on.

        Args:
            left, right: [B, C, h, w], the features to match.
            disparity: [B, h, w], in pixels of these maps.
        """
        place = torch.arange(left.shape[-1], device=disparity.device, dtype=disparity.dtype)
        place = place - disparity - self.radius / 2
        first = place.detach().floor()
        with torch.autocast(left.device.type, enabled=False):  # features may be of bf16's precision, sums of them not
            similarity = self._at_columns(self._normalize(left), self._normalize(right), first.long())
        step = similarity[:, :, 1:] - similarity[:, :, :-1]
        fraction = (place - first)[:, None, None]  # [B, 1, 1, h, w]
        whole = torch.addcmul(similarity[:, :, :-1], fraction, step)
        # Half a column further is a little before the next column, or a little after it.
        before, after = (fraction - 0.5).clamp_max(0), (fraction - 0.5).clamp_min(0)
        half = torch.addcmul(similarity[:, :, 1:-1], before, step[:, :, :-1]).addcmul(after, step[:, :, 1:])
        # Places go from left to right, offsets of the disparity the other way.
        ordered = [(half if k % 2 else whole)[:, :, k // 2] for k in reversed(range(2 * self.radius + 1))]
        return torch.cat(ordered, dim=1)

    def _normalize(self, view: Tensor) -> Tensor:
        """Return the features [B, C, h, w] as [B, h, w, C], of length one in each group."""
        features = view.permute(0, 2, 3, 1)
        squares = features.square() @ self.membership
        return features * (squares.clamp_min(1e-24).rsqrt() @ self.membership.T)

    def _at_columns(self, left: Tensor, right: Tensor, first: Tensor) -> Tensor:
        """Return the similarities [B, groups, radius + 2, h, w] to the columns of the right view from `first` on.

        Similarity is linear in the right view's features, so that it can be interpolated in their place: each column is
        read once, where warping would read two columns for each of the 2 · radius + 1 offsets.

        Args:
            left, right: [B, h, w, C]: all that is known of a pixel is read at once.
            first: [B, h, w], integer columns, also outside the image, where the similarity is 0.
        """
        batch, height, width = first.shape
        # A column of zeros to either side stands for all that is outside.
        table = F.pad(right, (0, 0, 1, 1)).flatten(0, 2)
        rows = torch.arange(batch * height, device=first.device).view(batch, height, 1) * (width + 2)
        similarities = []
        for column in range(self.radius + 2):
            index = rows + (first + column + 1).clamp(0, width + 1)
            products = left * F.embedding(index, table)
            # Summed within the groups in this order, since what follows reads map after map.
            similarities.append(self.membership.T @ products.flatten(0, 2).T)
        similarity = torch.stack(similarities, dim=1)  # [groups, radius + 2, B·h·w]
        return similarity.unflatten(2, (batch, height, width)).permute(2, 0, 1, 3, 4)


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
