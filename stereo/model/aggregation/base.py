"""The base of the aggregations: the way in from the cost volume and the heads, slab by slab in inference."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from stereo.config import AggregationConfig
from stereo.model.features.base import Features
from stereo.model.layers import conv3d

# From start and stop to bins start … stop − 1 of the cost volume: [B, channels, stop − start, H, W].
VolumeBins = Callable[[int, int], Tensor]
# Inference computes so many bins at a time where tensors are widest: in the volume and inside the heads.
SLAB_BINS = 24


class Aggregation(nn.Module, ABC):
    """Base of the aggregations: the way in from the cost volume, and the heads.

    Input: the volume by ranges of bins, the number D of bins, and the left image's features. Output: one [B, D, H, W]
    for each supervised output in training, first to last; in evaluation mode only the last. Higher is more likely
    (these are logits over D; the literature calls them costs).
    """

    def __init__(self, volume_channels: int, config: AggregationConfig) -> None:
        super().__init__()
        self.entry = nn.Sequential(conv3d(volume_channels, config.channels), conv3d(config.channels, config.channels))
        self.recompute = config.recompute

    @abstractmethod
    def forward(self, volume: VolumeBins, num_bins: int, left: Features) -> list[Tensor]: ...

    def enter(self, volume: VolumeBins, num_bins: int) -> Tensor:
        """Return the volume after the two entry convolutions, [B, channels, D, H, W]; nothing after it is as wide."""
        if torch.is_grad_enabled() or self.training or _is_global(self.entry):
            return self.entry(volume(0, num_bins))
        return self.entry[1](_in_slabs(self.entry[0], volume, num_bins, reach=1))

    def read(self, head: nn.Module, x: Tensor, reach: int) -> Tensor:
        """Return a head's costs [B, D, H, W]; `reach`: how many bins its convolutions look to either side."""
        if torch.is_grad_enabled() or self.training or _is_global(head):
            return head(x).squeeze(1)
        return _in_slabs(head, lambda start, stop: x[:, :, start:stop], x.shape[2], reach).squeeze(1)


def _is_global(module: nn.Module) -> bool:
    """Return whether all bins have a part in each value: group normalization takes its statistics over them."""
    return any(isinstance(child, nn.GroupNorm) for child in module.modules())


def _in_slabs(module: nn.Module, volume: VolumeBins, num_bins: int, reach: int) -> Tensor:
    """Return module(volume), slab by slab of bins, each with the bins that the module reaches on either side."""
    slabs = []
    for start in range(0, num_bins, SLAB_BINS):
        stop = min(start + SLAB_BINS, num_bins)
        first, last = max(start - reach, 0), min(stop + reach, num_bins)
        slabs.append(module(volume(first, last))[:, :, start - first : stop - first])
    return torch.cat(slabs, dim=2)
