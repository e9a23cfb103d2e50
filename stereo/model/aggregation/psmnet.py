"""PSMNet's aggregations: the stacked hourglass, and `basic`, which has none."""

import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import AggregationConfig, AttentionConfig
from stereo.model.aggregation.base import Aggregation, VolumeBins
from stereo.model.attention import build_attention
from stereo.model.attention.placement import PLACEMENTS
from stereo.model.convolution import CostConv3d
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.guidance import GUIDANCE
from stereo.model.layers import conv3d, recomputed, upconv3d


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
    return nn.Sequential(conv3d(channels, channels), CostConv3d(channels, 1, 3, padding=1, bias=False))
