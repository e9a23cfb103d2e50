"""Which attention a site of the network has."""

from torch import Tensor, nn

from stereo.config import AttentionConfig
from stereo.model.attention.base import Attention
from stereo.model.attention.dot_product import DotProductAttention, FusedDotProductAttention
from stereo.model.attention.efficient import EfficientAttention
from stereo.model.pointwise import PointwiseBlock


class NoAttention(nn.Identity):
    """The identity, called as attention is."""

    def forward(self, x: Tensor, guide: Tensor | None = None, *, onto: Tensor | None = None) -> Tensor:
        return x if onto is None else onto


# `none` and `pointwise` are not here: they attend to nothing.
KINDS: dict[str, type[Attention]] = {
    "efficient": EfficientAttention,
    "dot_product": DotProductAttention,
    "sdpa": FusedDotProductAttention,
}


def build_attention(
    config: AttentionConfig, site: str, channels: int, guide_channels: int | None = None
) -> Attention | PointwiseBlock | NoAttention:
    """Return the attention module for `site`; the identity where the configuration has none.

    Args:
        channels: Of the site.
        guide_channels: Of the left image's features at the site's resolution. None: there are none, as in the site
            `features`, and attention over the plane is not possible.
    """
    if config.kind == "none" or site not in config.sites:
        return NoAttention()
    if config.kind == "pointwise":
        return PointwiseBlock(channels, config.key_channels or channels, config.value_channels or channels)
    return KINDS[config.kind](
        in_channels=channels,
        key_channels=config.key_channels or channels,
        value_channels=config.value_channels or channels,
        num_heads=config.num_heads,
        normalization=config.normalization,
        over=config.over,
        position=config.position,
        guide_channels=guide_channels if config.over == "plane" else None,
        **({"implementation": config.implementation} if config.kind == "efficient" else {}),
    )
