"""The 3D network that turns the cost volume into one cost for each position and disparity."""

import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import AggregationConfig, AttentionConfig
from stereo.model.attention import build_attention
from stereo.model.layers import conv3d, upconv3d


class Hourglass(nn.Module):
    """Down to ⅛ and 1/16 and back to ¼, with skip connections and attention at each resolution.

    [B, C, D, H, W] to the same; D, H and W must be multiples of 4.

    Source: the stacked hourglass of PSMNet (Chang & Chen, CVPR 2018, table 1), narrower (C, 2C, 3C) and with 1×1×1
        convolutions on the skips. Efficient attention inside the 3D aggregation is this project's insertion; the
        paper's first version (arXiv 1812.01243) has it in the 2D features.
    """

    def __init__(self, channels: int, attention: AttentionConfig) -> None:
        super().__init__()
        eighth, sixteenth = 2 * channels, 3 * channels
        self.attention_quarter = build_attention(attention, "quarter", channels)
        self.down_eighth = nn.Sequential(conv3d(channels, eighth, stride=2), conv3d(eighth, eighth))
        self.attention_eighth = build_attention(attention, "eighth", eighth)
        self.down_sixteenth = nn.Sequential(conv3d(eighth, sixteenth, stride=2), conv3d(sixteenth, sixteenth))
        self.attention_sixteenth = build_attention(attention, "sixteenth", sixteenth)
        self.up_eighth = upconv3d(sixteenth, eighth)
        self.skip_eighth = conv3d(eighth, eighth, kernel=1, relu=False)
        self.up_quarter = upconv3d(eighth, channels)
        self.skip_quarter = conv3d(channels, channels, kernel=1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        quarter = self.attention_quarter(x)
        eighth = self.attention_eighth(self.down_eighth(quarter))
        sixteenth = self.attention_sixteenth(self.down_sixteenth(eighth))
        eighth = F.relu(self.up_eighth(sixteenth) + self.skip_eighth(eighth))
        return F.relu(self.up_quarter(eighth) + self.skip_quarter(quarter))


class StackedHourglass(nn.Module):
    """Hourglasses one after the other, each with a head that gives a cost volume.

    Input: [B, volume_channels, D, H, W]. Output: one [B, D, H, W] for each hourglass in training, first to last; in
    evaluation mode only the last. Higher is more likely (these are logits over D; the literature calls them costs).
    """

    def __init__(self, volume_channels: int, config: AggregationConfig, attention: AttentionConfig) -> None:
        super().__init__()
        channels = config.channels
        self.entry = nn.Sequential(conv3d(volume_channels, channels), conv3d(channels, channels))
        self.hourglasses = nn.ModuleList(Hourglass(channels, attention) for _ in range(config.num_hourglasses))
        self.heads = nn.ModuleList(
            nn.Conv3d(channels, 1, 3, padding=1, bias=False) for _ in range(config.num_hourglasses)
        )

    def forward(self, volume: Tensor) -> list[Tensor]:
        x = self.entry(volume)
        costs = []
        for index, (hourglass, head) in enumerate(zip(self.hourglasses, self.heads, strict=True)):
            x = hourglass(x)
            if self.training or index == len(self.heads) - 1:
                costs.append(head(x).squeeze(1))
        return costs
