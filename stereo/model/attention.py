"""Efficient attention over any number of spatial axes: the naive form, written to be read.

Shen et al., "Efficient Attention: Attention with Linear Complexities", arXiv 1812.01243.
"""

from typing import Any, Literal

from torch import Tensor, nn

from stereo.config import AttentionConfig
from stereo.errors import ConfigError

Normalization = Literal["softmax", "scaling"]


class PointwiseConv(nn.Conv1d):
    """A 1×1 convolution over flattened positions, [B, C, N] to [B, C', N].

    Its weights are the same for 1, 2 and 3 spatial axes, so a state dictionary written for one of them (the official
    2D module's weight is [C', C, 1, 1]) loads into any: trailing axes of size one are dropped or added on loading.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=1)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        weight = state_dict.get(prefix + "weight")
        if isinstance(weight, Tensor) and weight.ndim >= 2 and all(size == 1 for size in weight.shape[2:]):
            state_dict[prefix + "weight"] = weight.reshape(*weight.shape[:2], 1)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class EfficientAttention(nn.Module):
    """Global attention in time and memory linear in the number of positions: E = ρq(Q) (ρk(K)ᵀ V).

    Each key channel is a global attention map over all positions (not: for each position a map). With `softmax`
    this is another function than softmax dot-product attention; with `scaling` the two are equal.

    Args:
        in_channels: Channels C of the input and the output.
        key_channels: Channels of keys and queries, all heads together.
        value_channels: Channels of the values, all heads together.
        num_heads: Divides key_channels and value_channels.
        normalization: softmax: queries over their channels, keys over all positions. scaling: both divided by √N.

    Raises: ConfigError where num_heads does not divide the channels, or the normalisation is unknown.
    Source: arXiv 1812.01243, section 3; the residual and reprojection follow the authors' module, whose parameter
        names and shapes these are. We depart from it in one point: reprojection starts at zero, so that fresh
        attention is the identity.
    """

    def __init__(
        self,
        in_channels: int,
        key_channels: int,
        value_channels: int,
        num_heads: int = 1,
        normalization: Normalization = "softmax",
    ) -> None:
        super().__init__()
        for name, channels in (("key_channels", key_channels), ("value_channels", value_channels)):
            if num_heads < 1 or channels < 1 or channels % num_heads:
                raise ConfigError(
                    f"attention: {name} ({channels}) is not divisible by num_heads ({num_heads}); change one of them"
                )
        if normalization not in ("softmax", "scaling"):
            raise ConfigError(f"attention: normalization is '{normalization}', expected softmax or scaling")
        self.num_heads = num_heads
        self.normalization = normalization
        self.keys = PointwiseConv(in_channels, key_channels)
        self.queries = PointwiseConv(in_channels, key_channels)
        self.values = PointwiseConv(in_channels, value_channels)
        self.reprojection = PointwiseConv(value_channels, in_channels)
        nn.init.zeros_(self.reprojection.weight)
        assert self.reprojection.bias is not None
        nn.init.zeros_(self.reprojection.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Attend over all positions of x [B, C, *spatial]; the output has the same shape."""
        positions = x.flatten(2)  # [B, C, N]
        queries = self._split_heads(self.queries(positions))  # [B, heads, K / heads, N]
        keys = self._split_heads(self.keys(positions))  # [B, heads, K / heads, N]
        values = self._split_heads(self.values(positions))  # [B, heads, V / heads, N]

        if self.normalization == "softmax":
            queries = queries.softmax(dim=2)
            keys = keys.softmax(dim=3)
        else:
            scale = positions.shape[2] ** -0.5
            queries = queries * scale
            keys = keys * scale

        context = values @ keys.transpose(2, 3)  # [B, heads, V / heads, K / heads]
        attended = (context @ queries).flatten(1, 2)  # [B, V, N]
        return x + self.reprojection(attended).view_as(x)

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (self.num_heads, -1))


def build_attention(config: AttentionConfig, site: str, channels: int) -> nn.Module:
    """The attention module for `site` with so many channels, or the identity where the configuration has none."""
    if config.kind == "none" or site not in config.sites:
        return nn.Identity()
    return EfficientAttention(
        in_channels=channels,
        key_channels=config.key_channels or channels,
        value_channels=config.value_channels or channels,
        num_heads=config.num_heads,
        normalization=config.normalization,
    )
