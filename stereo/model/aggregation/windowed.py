"""A short 3D part, then 2D hourglasses with the disparities of a window as channels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import AggregationConfig, AttentionConfig
from stereo.model.aggregation.base import Aggregation, VolumeBins
from stereo.model.aggregation.hourglass import PLANES, Hourglass
from stereo.model.convolution import CostConv3d
from stereo.model.factored import PlaneConv3d, plane_conv3d
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import recomputed

# Bins of a window, 64 px.
WINDOW = 16
# Channels of the hourglasses at ¼, as a multiple of those of the 3D part.
WIDENING = 4


class WindowedHourglass(Aggregation):
    """Two 3D convolutions and a head give costs, which 2D hourglasses correct window by window of 16 bins.

    A 2D network that took all D bins as its channels would have weights for one range alone. Here its channels are the
    bins of a window and of half a window to either side, and all windows share its weights, so that the range can be
    any, as with the other kinds; bins beyond the range are zero. Windows see each other in that overlap and in the
    attention. A map is [B, channels, windows, H, W], so that gates and attention work on it as on a volume.

    The corrections start at zero: a fresh network gives the costs of the 3D part.

    Source: disparities as the channels of a 2D network are those of DispNetC (Mayer et al., CVPR 2016); windows and
        corrections are this project's.
    """

    def __init__(
        self,
        volume_channels: int,
        config: AggregationConfig,
        attention: AttentionConfig,
        features: FeatureExtractor,
    ) -> None:
        super().__init__(volume_channels, config)
        width = WIDENING * config.channels
        self.head = CostConv3d(config.channels, 1, 3, padding=1, bias=False)
        self.join = plane_conv3d(2 * WINDOW, width)
        self.hourglasses = nn.ModuleList(
            Hourglass(width, PLANES, config.guidance, attention, features) for _ in range(config.num_hourglasses)
        )
        self.corrections = nn.ModuleList(PlaneConv3d(width, WINDOW) for _ in range(config.num_hourglasses))
        for weight in self.corrections.parameters():
            nn.init.zeros_(weight)

    def forward(self, volume: VolumeBins, num_bins: int, left: Features) -> list[Tensor]:
        cost = self.read(self.head, self.enter(volume, num_bins), reach=1)
        x = self.join(windows(cost))
        costs = []
        for hourglass, correction in zip(self.hourglasses, self.corrections, strict=True):
            x = recomputed(hourglass, x, left) if self.recompute else hourglass(x, left)
            cost = cost + correction(x).transpose(1, 2).flatten(1, 2)[:, :num_bins]
            costs.append(cost)
        return costs if self.training else costs[-1:]


def windows(cost: Tensor) -> Tensor:
    """Return the windows of a cost volume, each with half a window before and after it.

    [B, D, H, W] to [B, 2 · WINDOW, ⌈D / WINDOW⌉, H, W]; zero beyond the volume.
    """
    count = -(-cost.shape[1] // WINDOW)
    half = WINDOW // 2
    padded = F.pad(cost, (0, 0, 0, 0, half, half + count * WINDOW - cost.shape[1]))
    return torch.stack([padded[:, start : start + 2 * WINDOW] for start in range(0, count * WINDOW, WINDOW)], dim=2)
