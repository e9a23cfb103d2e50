"""The 3D network that turns the cost volume into one cost for each position and disparity."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import AggregationConfig, AttentionConfig
from stereo.model.attention import build_attention
from stereo.model.attention.placement import PLACEMENTS
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.guidance import GUIDANCE
from stereo.model.layers import conv3d, recomputed, upconv3d

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
        if torch.is_grad_enabled() or self.training:
            return self.entry(volume(0, num_bins))
        return self.entry[1](_in_slabs(self.entry[0], volume, num_bins, reach=1))

    def read(self, head: nn.Module, x: Tensor, reach: int) -> Tensor:
        """Return a head's costs [B, D, H, W]; `reach`: how many bins its convolutions look to either side."""
        if torch.is_grad_enabled() or self.training:
            return head(x).squeeze(1)
        return _in_slabs(head, lambda start, stop: x[:, :, start:stop], x.shape[2], reach).squeeze(1)


def _in_slabs(module: nn.Module, volume: VolumeBins, num_bins: int, reach: int) -> Tensor:
    """Return module(volume), slab by slab of bins, each with the bins that the module reaches on either side."""
    slabs = []
    for start in range(0, num_bins, SLAB_BINS):
        stop = min(start + SLAB_BINS, num_bins)
        first, last = max(start - reach, 0), min(stop + reach, num_bins)
        slabs.append(module(volume(first, last))[:, :, start - first : stop - first])
    return torch.cat(slabs, dim=2)


class Hourglass(nn.Module):
    """Down to ⅛ and 1/16 and back to ¼, with skip connections and attention at each resolution.

    [B, C, D, H, W] to the same; D, H and W must be multiples of 4.

    Source: the stacked hourglass of PSMNet (Chang & Chen, CVPR 2018, table 1), narrower (C, 2C, 3C) and with 1×1×1
        convolutions on the skips. Efficient attention inside the 3D aggregation is this project's insertion; the
        paper's first version (arXiv 1812.01243) has it in the 2D features. Guidance follows the way down to ⅛ and to
        1/16 and each way up.
    """

    def __init__(self, config: AggregationConfig, attention: AttentionConfig, features: FeatureExtractor) -> None:
        super().__init__()
        channels = config.channels
        eighth, sixteenth = 2 * channels, 3 * channels
        guide = GUIDANCE[config.guidance]
        self.guide_down_eighth = guide(features.eighth_channels, eighth)
        self.guide_sixteenth = guide(features.sixteenth_channels, sixteenth)
        self.guide_up_eighth = guide(features.eighth_channels, eighth)
        self.guide_up_quarter = guide(features.quarter_channels, channels)
        self.place = PLACEMENTS[attention.placement]
        self.attention_quarter = build_attention(attention, "quarter", channels, features.quarter_channels)
        self.down_eighth = nn.Sequential(conv3d(channels, eighth, stride=2), conv3d(eighth, eighth))
        self.attention_eighth = build_attention(attention, "eighth", eighth, features.eighth_channels)
        self.down_sixteenth = nn.Sequential(conv3d(eighth, sixteenth, stride=2), conv3d(sixteenth, sixteenth))
        self.attention_sixteenth = build_attention(attention, "sixteenth", sixteenth, features.sixteenth_channels)
        self.up_eighth = upconv3d(sixteenth, eighth)
        self.skip_eighth = conv3d(eighth, eighth, kernel=1, relu=False)
        self.up_quarter = upconv3d(eighth, channels)
        self.skip_quarter = conv3d(channels, channels, kernel=1, relu=False)

    def forward(self, x: Tensor, left: Features) -> Tensor:
        quarter = self.attention_quarter(x, left.quarter)
        eighth = self.place(
            self.attention_eighth,
            self.down_eighth[0],
            lambda x: self.guide_down_eighth(self.down_eighth[1](x), left.eighth),
            quarter,
            left.eighth,
        )
        sixteenth = self.place(
            self.attention_sixteenth,
            self.down_sixteenth[0],
            lambda x: self.guide_sixteenth(self.down_sixteenth[1](x), left.sixteenth),
            eighth,
            left.sixteenth,
        )
        eighth = F.relu(self.up_eighth(sixteenth).add_(self.skip_eighth(eighth)), inplace=True)
        eighth = self.guide_up_eighth(eighth, left.eighth)
        quarter = F.relu(self.up_quarter(eighth).add_(self.skip_quarter(quarter)), inplace=True)
        return self.guide_up_quarter(quarter, left.quarter)


class StackedHourglass(Aggregation):
    """Hourglasses one after the other, each with a head."""

    def __init__(
        self,
        volume_channels: int,
        config: AggregationConfig,
        attention: AttentionConfig,
        features: FeatureExtractor,
    ) -> None:
        super().__init__(volume_channels, config)
        channels = config.channels
        self.hourglasses = nn.ModuleList(Hourglass(config, attention, features) for _ in range(config.num_hourglasses))
        self.heads = nn.ModuleList(
            nn.Conv3d(channels, 1, 3, padding=1, bias=False) for _ in range(config.num_hourglasses)
        )

    def forward(self, volume: VolumeBins, num_bins: int, left: Features) -> list[Tensor]:
        x = self.enter(volume, num_bins)
        costs = []
        for index, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            x = recomputed(hourglass, x, left) if self.recompute else hourglass(x, left)
            if self.training or index == len(self.heads) - 1:
                costs.append(self.read(head, x, reach=1))
        return costs


class PsmnetHourglass(nn.Module):
    """PSMNet's hourglass, [B, C, D, H, W] to the same, with 2C channels at ⅛ and 1/16; D, H and W multiples of 4.

    Source: Chang & Chen, CVPR 2018, table 1 and the authors' code. Attention is this project's insertion: at ¼ on the
        input, at ⅛ after the way down, at 1/16 before the way up. Guidance comes before the attention at ⅛ and 1/16
        and after each way up.
    """

    def __init__(self, config: AggregationConfig, attention: AttentionConfig, features: FeatureExtractor) -> None:
        super().__init__()
        channels = config.channels
        inner = 2 * channels
        guide = GUIDANCE[config.guidance]
        self.guide_down_eighth = guide(features.eighth_channels, inner)
        self.guide_sixteenth = guide(features.sixteenth_channels, inner)
        self.guide_up_eighth = guide(features.eighth_channels, inner)
        self.guide_up_quarter = guide(features.quarter_channels, channels)
        self.place = PLACEMENTS[attention.placement]
        self.attention_quarter = build_attention(attention, "quarter", channels, features.quarter_channels)
        self.down_eighth = nn.Sequential(conv3d(channels, inner, stride=2), conv3d(inner, inner, relu=False))
        self.attention_eighth = build_attention(attention, "eighth", inner, features.eighth_channels)
        self.down_sixteenth = nn.Sequential(conv3d(inner, inner, stride=2), conv3d(inner, inner))
        self.attention_sixteenth = build_attention(attention, "sixteenth", inner, features.sixteenth_channels)
        self.up_eighth = upconv3d(inner, inner, kernel=3)
        self.up_quarter = upconv3d(inner, channels, kernel=3)

    def forward(
        self, x: Tensor, skip_up: Tensor | None, skip_down: Tensor | None, left: Features
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the output at ¼ before any residual, and the maps at ⅛ on the way down and on the way up.

        Args:
            x: [B, C, D, H, W].
            skip_up: [B, 2C, D/2, H/2, W/2], added on the way up; None: this hourglass's own way down.
            skip_down: of the same shape, added on the way down.
            left: of the left image.
        """
        down = self.descend(x, skip_down, left)
        output, up = self.ascend(down, skip_up, left)
        return output, down, up

    def descend(self, x: Tensor, skip_down: Tensor | None, left: Features) -> Tensor:
        """Return the map at ⅛ on the way down. Nothing after it needs x."""

        def convolve(down: Tensor) -> Tensor:
            down = self.down_eighth[1](down)
            down = F.relu(down if skip_down is None else down + skip_down, inplace=True)
            return self.guide_down_eighth(down, left.eighth)

        quarter = self.attention_quarter(x, left.quarter)
        return self.place(self.attention_eighth, self.down_eighth[0], convolve, quarter, left.eighth)

    def ascend(self, down: Tensor, skip_up: Tensor | None, left: Features) -> tuple[Tensor, Tensor]:
        """Return the output, and the map at ⅛ on the way up."""
        sixteenth = self.place(
            self.attention_sixteenth,
            self.down_sixteenth[0],
            lambda x: self.guide_sixteenth(self.down_sixteenth[1](x), left.sixteenth),
            down,
            left.sixteenth,
        )
        up = self.up_eighth(sixteenth)
        up = F.relu(up.add_(down if skip_up is None else skip_up), inplace=True)
        up = self.guide_up_eighth(up, left.eighth)
        return self.guide_up_quarter(self.up_quarter(up), left.quarter), up


class PsmnetStackedHourglass(Aggregation):
    """PSMNet's stack: each hourglass takes the one before as its input and, at ⅛, as its skips.

    Every head's logits are added to those of the head before.

    Source: Chang & Chen, CVPR 2018, section 3.4 and figure 1, and the authors' code.
    """

    def __init__(
        self,
        volume_channels: int,
        config: AggregationConfig,
        attention: AttentionConfig,
        features: FeatureExtractor,
    ) -> None:
        super().__init__(volume_channels, config)
        channels = config.channels
        self.entry_residual = _psmnet_block(channels)
        self.hourglasses = nn.ModuleList(
            PsmnetHourglass(config, attention, features) for _ in range(config.num_hourglasses)
        )
        self.heads = nn.ModuleList(_psmnet_head(channels) for _ in range(config.num_hourglasses))

    def forward(self, volume: VolumeBins, num_bins: int, left: Features) -> list[Tensor]:
        entry = self.enter(volume, num_bins)
        entry = self.entry_residual(entry).add_(entry)
        x = entry
        first_down: Tensor | None = None
        up: Tensor | None = None
        costs: list[Tensor] = []
        for hourglass, head in zip(self.hourglasses, self.heads, strict=True):
            assert isinstance(hourglass, PsmnetHourglass)
            if self.recompute:
                x, down, up = recomputed(hourglass, x, first_down, up, left)
            else:
                down = hourglass.descend(x, up, left)
                del x  # at full size for the length of a hourglass, if nothing else refers to it
                x, up = hourglass.ascend(down, first_down, left)
            first_down = down if first_down is None else first_down
            del down
            x.add_(entry)  # nothing else refers to it, and no gradient needs it as it was
            cost = self.read(head, x, reach=2)
            costs.append(cost + costs[-1] if costs else cost)
        return costs if self.training else costs[-1:]


class PsmnetBasic(Aggregation):
    """PSMNet's aggregation without an hourglass: four residual blocks at ¼ and one head.

    Attention at the site `quarter`, this project's insertion, comes before the head.

    Source: Chang & Chen, CVPR 2018, section 3.4 ("basic"), and the authors' code.
    """

    def __init__(
        self,
        volume_channels: int,
        config: AggregationConfig,
        attention: AttentionConfig,
        features: FeatureExtractor,
    ) -> None:
        super().__init__(volume_channels, config)
        channels = config.channels
        self.blocks = nn.ModuleList(_psmnet_block(channels) for _ in range(4))
        self.attention_quarter = build_attention(attention, "quarter", channels, features.quarter_channels)
        self.head = _psmnet_head(channels)

    def forward(self, volume: VolumeBins, num_bins: int, left: Features) -> list[Tensor]:
        x = self.enter(volume, num_bins)
        for block in self.blocks:
            x = (recomputed(block, x) if self.recompute else block(x)).add_(x)
        return [self.read(self.head, self.attention_quarter(x, left.quarter), reach=2)]


def _psmnet_block(channels: int) -> nn.Sequential:
    return nn.Sequential(conv3d(channels, channels), conv3d(channels, channels, relu=False))


def _psmnet_head(channels: int) -> nn.Sequential:
    return nn.Sequential(conv3d(channels, channels), nn.Conv3d(channels, 1, 3, padding=1, bias=False))


AGGREGATIONS: dict[str, Callable[[int, AggregationConfig, AttentionConfig, FeatureExtractor], Aggregation]] = {
    "hourglass": StackedHourglass,
    "stackhourglass": PsmnetStackedHourglass,
    "basic": PsmnetBasic,
}


def build_aggregation(
    volume_channels: int, config: AggregationConfig, attention: AttentionConfig, features: FeatureExtractor
) -> Aggregation:
    """Return the aggregation that the configuration chooses; `features` tells the widths of the left features."""
    return AGGREGATIONS[config.kind](volume_channels, config, attention, features)
