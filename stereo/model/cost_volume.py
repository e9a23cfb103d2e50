"""Cost volumes: how well each left position matches the right view at each disparity.

Bin i stands for a shift by i positions of the feature map, that is 4·i pixels. Where the shifted position lies outside
the right view the volume is zero.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import CostVolumeConfig


class GroupCorrelationVolume(nn.Module):
    """Cosine similarity of the two views' features within each of G channel groups, [B, G, D, H, W].

    Source: GwcNet (Guo et al., CVPR 2019), eq. 3; we normalise each group's features to length one, so that the
        correlation is a cosine and does not depend on the features' magnitude.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, left: Tensor, right: Tensor, num_bins: int) -> Tensor:
        """left, right: [B, C, H, W] with C divisible by the groups."""
        left = F.normalize(left.unflatten(1, (self.groups, -1)), dim=2)  # [B, G, C / G, H, W]
        right = F.normalize(right.unflatten(1, (self.groups, -1)), dim=2)
        planes = [
            _pad_left((left_part * right_part).sum(2), left.shape[-1])
            for left_part, right_part in _overlaps(left, right, num_bins)
        ]
        return torch.stack(planes, dim=2)


class ConcatenationVolume(nn.Module):
    """Both views' features stacked along the channels at each disparity, [B, 2C, D, H, W].

    Source: GC-Net (Kendall et al., ICCV 2017), as used by PSMNet (Chang & Chen, CVPR 2018).
    """

    def forward(self, left: Tensor, right: Tensor, num_bins: int) -> Tensor:
        """left, right: [B, C, H, W]."""
        planes = [
            _pad_left(torch.cat([left_part, right_part], dim=1), left.shape[-1])
            for left_part, right_part in _overlaps(left, right, num_bins)
        ]
        return torch.stack(planes, dim=2)


def _overlaps(left: Tensor, right: Tensor, num_bins: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For each bin the columns that overlap: left from the shift on, right up to W − shift; none beyond the width."""
    width = left.shape[-1]
    for shift in range(num_bins):
        overlap = max(width - shift, 0)
        yield left[..., width - overlap :], right[..., :overlap]


def _pad_left(plane: Tensor, width: int) -> Tensor:
    return F.pad(plane, (width - plane.shape[-1], 0))


def build_cost_volume(config: CostVolumeConfig, matching_channels: int) -> tuple[nn.Module, int]:
    """The cost volume and the number of channels it has."""
    if config.kind == "group_correlation":
        return GroupCorrelationVolume(config.groups), config.groups
    return ConcatenationVolume(), 2 * matching_channels
