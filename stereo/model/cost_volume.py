"""Cost volumes: how well each left position matches the right view at each disparity.

Bin i stands for a shift by i positions of the feature map, that is 4·i pixels. Where the shifted position lies outside
the right view the volume is zero. Any range of bins can be had alone, so that a volume need never exist as a whole.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import CostVolumeConfig
from stereo.model.correlation import correlate


class CostVolume(nn.Module, ABC):
    """Base of the cost volumes: one plane for each bin, of the columns that overlap at its shift.

    `prepare` runs once on each view's matching features; `forward` takes what it gives, as often as bins are wanted.
    """

    channels: int

    def forward(self, left: Tensor, right: Tensor, start: int, stop: int) -> Tensor:
        """Return bins start … stop − 1 of the volume of two prepared views: [B, channels, stop − start, H, W]."""
        if torch.is_grad_enabled():
            return torch.stack([self._padded(left, right, shift) for shift in range(start, stop)], dim=2)
        # Written in place: half the memory of planes beside their stack.
        batch, height, width = left.shape[0], left.shape[-2], left.shape[-1]
        volume = left.new_zeros(batch, stop - start, height, width, self.channels).permute(0, 4, 1, 2, 3)
        if left.device.type != "cpu":  # there alone convolutions are faster with the channels last
            volume = volume.contiguous()
        for index, shift in enumerate(range(start, min(stop, width))):
            volume[:, :, index, :, shift:] = self.plane(left[..., shift:], right[..., : width - shift])
        return volume

    def prepare(self, features: Tensor) -> Tensor:
        """Return a view's matching features [B, C, H, W] in the form in which planes compare them."""
        return features

    @abstractmethod
    def plane(self, left: Tensor, right: Tensor) -> Tensor:
        """Return one bin of the columns that overlap, [B, channels, H, W − shift]."""

    def _padded(self, left: Tensor, right: Tensor, shift: int) -> Tensor:
        width = left.shape[-1]
        overlap = max(width - shift, 0)
        return F.pad(self.plane(left[..., width - overlap :], right[..., :overlap]), (width - overlap, 0))


class GroupCorrelationVolume(CostVolume):
    """Cosine similarity of the two views' features within each of G channel groups, [B, G, D, H, W].

    Source: GwcNet (Guo et al., CVPR 2019), eq. 3; we normalize each group's features to length one, so that the
        correlation is a cosine and does not depend on the features' magnitude.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.channels = groups

    def prepare(self, features: Tensor) -> Tensor:
        unit = F.normalize(features.unflatten(1, (self.channels, -1)), dim=2)  # [B, G, C / G, H, W]
        # With W last in memory a CPU adds up the channels of many columns at once; in training bits stay as they were.
        return unit if torch.is_grad_enabled() else unit.contiguous()

    def plane(self, left: Tensor, right: Tensor) -> Tensor:
        return (left * right).sum(2)

    def forward(self, left: Tensor, right: Tensor, start: int, stop: int) -> Tensor:
        if torch.is_grad_enabled() and left.device.type == "cpu" and not torch.compiler.is_compiling():
            return correlate(left, right, start, stop)
        return super().forward(left, right, start, stop)


class ConcatenationVolume(CostVolume):
    """Both views' features stacked along the channels at each disparity, [B, 2C, D, H, W].

    Source: GC-Net (Kendall et al., ICCV 2017), as used by PSMNet (Chang & Chen, CVPR 2018).
    """

    def __init__(self, matching_channels: int) -> None:
        super().__init__()
        self.channels = 2 * matching_channels

    def plane(self, left: Tensor, right: Tensor) -> Tensor:
        return torch.cat([left, right], dim=1)


COST_VOLUMES: dict[str, Callable[[CostVolumeConfig, int], CostVolume]] = {
    "group_correlation": lambda config, matching_channels: GroupCorrelationVolume(config.groups),
    "concatenation": lambda config, matching_channels: ConcatenationVolume(matching_channels),
}


def build_cost_volume(config: CostVolumeConfig, matching_channels: int) -> CostVolume:
    """Return the cost volume that the configuration chooses, for features of so many channels."""
    return COST_VOLUMES[config.kind](config, matching_channels)
