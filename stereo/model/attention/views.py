"""Self- and cross-attention between the two views' features, before they are compared."""

import torch
from torch import Tensor, nn

from stereo.config import ViewAttentionConfig
from stereo.model.attention.build import KINDS
from stereo.model.layers import PointwiseConv


class ViewAttention(nn.Module):
    """Lets each view's features attend to their own view and to the other: blocks one after the other.

    Both views go through the same weights, and neither is before the other: exchanged views give exchanged results.
    Fresh it is the identity.

    Source: LoFTR (Sun et al., CVPR 2021), section 3.3, and CREStereo (Li et al., CVPR 2022), section 3.1, which takes
        it for stereo. What differs: attention is any of this project's kinds, where they have linear attention with
        elu + 1; normalization comes before each step instead of after it; the feed-forward part sees the sum alone,
        not the features beside what was attended; the position code is on queries and keys of each attention, not on
        the features once; in cross-attention both views look at the other as it was before, where theirs takes the
        left view's new features for the right; and the last layer of each step starts at zero.
    """

    def __init__(self, channels: int, config: ViewAttentionConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ViewBlock(channels, config) for _ in range(config.blocks))

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the left and of the right view, each [B, C, H, W] as the arguments are."""
        views = torch.cat([left, right])
        for block in self.blocks:
            views = block(views)
        return views[: len(left)], views[len(left) :]


class ViewBlock(nn.Module):
    """Self-attention, cross-attention and a feed-forward part, each added to what it takes after normalization."""

    def __init__(self, channels: int, config: ViewAttentionConfig) -> None:
        super().__init__()

        def attention() -> nn.Module:
            return KINDS[config.kind](
                channels, config.key_channels, channels, num_heads=config.num_heads, position=config.position
            )

        self.self_norm, self.self_attention = ChannelNorm(channels), attention()
        self.cross_norm, self.cross_attention = ChannelNorm(channels), attention()
        self.feed_norm, self.feed_forward = ChannelNorm(channels), FeedForward(channels, config.feed_forward_expansion)

    def forward(self, views: Tensor) -> Tensor:
        """Return the new features.

        Args:
            views: [2 B, C, H, W], all left views and then all right ones.
        """
        views = self.self_attention(self.self_norm(views), onto=views)
        own = self.cross_norm(views)
        other = own.roll(len(own) // 2, dims=0)
        views = self.cross_attention(other, asking=own, onto=views)
        return views + self.feed_forward(self.feed_norm(views))


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of each position of [B, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class FeedForward(nn.Module):
    """1×1 convolution, ReLU, 1×1 convolution over [B, C, H, W]; the last starts at zero."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.widen = PointwiseConv(channels, expansion * channels)
        self.narrow = PointwiseConv(expansion * channels, channels)
        for parameter in self.narrow.parts():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.narrow(self.widen(x.flatten(2)).relu_()).view_as(x)


def build_view_attention(channels: int, config: ViewAttentionConfig) -> ViewAttention | None:
    """Return the attention between the views that the configuration chooses, for so many matching channels, or None."""
    return None if config.kind == "none" else ViewAttention(channels, config)
