"""The slim stacked hourglass of `compact`."""

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import AggregationConfig, AttentionConfig
from stereo.model.aggregation.base import Aggregation, VolumeBins
from stereo.model.attention import build_attention
from stereo.model.attention.placement import PLACEMENTS
from stereo.model.convolution import CostConv3d
from stereo.model.factored import factored_conv3d, factored_upconv3d, plane_conv3d, plane_upconv3d
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.guidance import GUIDANCE
from stereo.model.layers import conv3d, recomputed, upconv3d


class Convolutions(NamedTuple):
    """How a hourglass convolves: (in_channels, out_channels), and of the first a stride, to a layer."""

    conv: Callable[..., nn.Module]  # with batch normalization and ReLU
    upconv: Callable[[int, int], nn.Module]  # with batch normalization


CONVOLUTIONS = {
    "full": Convolutions(conv3d, upconv3d),
    "factored": Convolutions(factored_conv3d, factored_upconv3d),
}
# Within planes alone.
PLANES = Convolutions(plane_conv3d, plane_upconv3d)


class Hourglass(nn.Module):
    """Down to ⅛ and 1/16 and back to ¼, with skip connections and attention at each resolution.

    [B, C, D, H, W] to the same; D (which convolutions within planes leave as it is), H and W must be multiples of 4.

    Source: the stacked hourglass of PSMNet (Chang & Chen, CVPR 2018, table 1), narrower (C, 2C, 3C) and with 1×1×1
        convolutions on the skips. Efficient attention inside the 3D aggregation is this project's insertion; the
        paper's first version (arXiv 1812.01243) has it in the 2D features. Guidance follows the way down to ⅛ and to
        1/16 and each way up.
    """

    def __init__(
        self,
        channels: int,
        convolutions: Convolutions,
        guidance: str,
        attention: AttentionConfig,
        features: FeatureExtractor,
    ) -> None:
        super().__init__()
        eighth, sixteenth = 2 * channels, 3 * channels
        conv, upconv = convolutions
        guide = GUIDANCE[guidance]
        self.guide_down_eighth = guide(features.eighth_channels, eighth)
        self.guide_sixteenth = guide(features.sixteenth_channels, sixteenth)
        self.guide_up_eighth = guide(features.eighth_channels, eighth)
        self.guide_up_quarter = guide(features.quarter_channels, channels)
        self.place = PLACEMENTS[attention.placement]
        self.attention_quarter = build_attention(attention, "quarter", channels, features.quarter_channels)
        self.down_eighth = nn.Sequential(conv(channels, eighth, stride=2), conv(eighth, eighth))
        self.attention_eighth = build_attention(attention, "eighth", eighth, features.eighth_channels)
        self.down_sixteenth = nn.Sequential(conv(eighth, sixteenth, stride=2), conv(sixteenth, sixteenth))
        self.attention_sixteenth = build_attention(attention, "sixteenth", sixteenth, features.sixteenth_channels)
        self.up_eighth = upconv(sixteenth, eighth)
        self.skip_eighth = conv3d(eighth, eighth, kernel=1, relu=False)
        self.up_quarter = upconv(eighth, channels)
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
        self.hourglasses = nn.ModuleList(
            Hourglass(channels, CONVOLUTIONS[config.convolutions], config.guidance, attention, features)
            for _ in range(config.num_hourglasses)
        )
        self.heads = nn.ModuleList(
            CostConv3d(channels, 1, 3, padding=1, bias=False) for _ in range(config.num_hourglasses)
        )

    def forward(self, volume: VolumeBins, num_bins: int, left: Features) -> list[Tensor]:
        x = self.enter(volume, num_bins)
        costs = []
        for index, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            x = recomputed(hourglass, x, left) if self.recompute else hourglass(x, left)
            if self.training or index == len(self.heads) - 1:
                costs.append(self.read(head, x, reach=1))
        return costs
