"""Attention over any number of spatial axes: efficient, dot-product, and fused dot-product.

The plain forms, written to be read; all three have one signature and one set of weights. Efficient attention runs by
default in the streaming form of :mod:`stereo.model.streaming`, or where several slices share queries and keys in that
of :mod:`stereo.model.folded`; the plain one is the twin of both. :mod:`stereo.model.positions` says what attends to
what.

    efficient     E = ρq(Q) (ρk(K)ᵀ V)     memory O(N (K + V) + K V), work O(N K V)
    dot_product   A = ρ(Q Kᵀ) V            memory O(N²),              work O(N² (K + V))
    sdpa          the same A, computed in tiles: memory O(N (K + V)), work O(N² (K + V))

Shen et al., "Efficient Attention: Attention with Linear Complexities", arXiv 1812.01243.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from stereo.config import AttentionConfig, choose
from stereo.errors import ConfigError
from stereo.model.folded import folded_attention
from stereo.model.layers import PointwiseConv
from stereo.model.positions import OVER, POSITION_CODES
from stereo.model.streaming import streaming_attention

Normalization = Literal["softmax", "scaling"]
Implementation = Literal["streaming", "naive"]
Over = Literal["volume", "disparity", "plane"]
Position = Literal["none", "sine", "rope"]

# The kernels of sdpa. MATH is left out on purpose: it is PyTorch's silent fallback, and it materializes the N×N map.
FUSED_BACKENDS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION]


class Attention(nn.Module, ABC):
    """Base of the kinds of attention: projections to queries, keys and values, heads, reprojection, residual.

    The official module takes its arguments in another order (in_channels, key_channels, head_count, value_channels):
    name them.

    Args:
        in_channels: Channels C of the input and the output.
        key_channels: Channels of keys and queries, all heads together. None: as many as in_channels.
        value_channels: Channels of the values, all heads together. None: as many as in_channels.
        num_heads: Divides key_channels and value_channels.
        normalization: softmax or scaling; what it means stands with each kind.
        over: What attends to what. volume: every position to every other. disparity: those of a pixel to each other.
            plane: those of a disparity slice to each other, with queries and keys from a guide.
        position: The code that queries and keys carry: none, sine (added) or rope (rotated), along the axes that are
            attended over.
        guide_channels: Of over = plane: channels of the guide, which it needs.

    Raises: ConfigError where num_heads does not divide the channels, or a choice is unknown.
    Source: arXiv 1812.01243, section 3; the residual and reprojection follow the authors' module, whose parameter
        names and shapes these are. We depart from it in one point: reprojection starts at zero, so that fresh
        attention is the identity.
    """

    # The normalizations that the kind knows; its own code says what each does.
    normalizations: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        in_channels: int,
        key_channels: int | None = None,
        value_channels: int | None = None,
        num_heads: int = 1,
        normalization: Normalization = "softmax",
        *,
        over: Over = "volume",
        position: Position = "none",
        guide_channels: int | None = None,
    ) -> None:
        super().__init__()
        key_channels = in_channels if key_channels is None else key_channels
        value_channels = in_channels if value_channels is None else value_channels
        for name, channels in (("key_channels", key_channels), ("value_channels", value_channels)):
            if num_heads < 1 or channels < 1 or channels % num_heads:
                raise ConfigError(
                    f"attention: {name} ({channels}) is not divisible by num_heads ({num_heads}); change one of them"
                )
        if normalization not in self.normalizations:
            raise ConfigError(
                f"attention: normalization is '{normalization}', expected {' or '.join(self.normalizations)} "
                f"for {type(self).__name__}"
            )
        if (over == "plane") != (guide_channels is not None):
            raise ConfigError(
                f"attention: over is '{over}', guide_channels {guide_channels}; plane needs them, the others take none"
            )
        self.num_heads = num_heads
        self.normalization = normalization
        self.over = choose(over, list(OVER), "arrangement of attention")
        self.code = POSITION_CODES[choose(position, list(POSITION_CODES), "position code")]
        self.position = position
        self.keys = PointwiseConv(guide_channels or in_channels, key_channels)
        self.queries = PointwiseConv(guide_channels or in_channels, key_channels)
        self.values = PointwiseConv(in_channels, value_channels)
        self.reprojection = PointwiseConv(value_channels, in_channels)
        for parameter in self.reprojection.parts():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        """Return x plus what its positions attend to, in the same shape.

        Args:
            x: [B, C, *spatial]; over disparity and over the plane [B, C, D, H, W].
            guide: Of over = plane: [B, guide_channels, H, W]. Otherwise it is not looked at.
        """
        source = self._source(x, guide).flatten(2)
        attended = OVER[self.over](
            self.attend,
            self.code,
            x.shape[2:],
            self._split_heads(self.queries(source)),
            self._split_heads(self.keys(source)),
            self._split_heads(self.values(x.flatten(2))),
        )
        return x + self.reprojection(attended.flatten(1, 2)).view_as(x)

    @abstractmethod
    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return what is attended, in the shape of the values.

        Args:
            queries, keys: [B, heads, K / heads, N].
            values: [B, heads, V / heads, N].
        """

    def _source(self, x: Tensor, guide: Tensor | None) -> Tensor:
        """Return what queries and keys are made of."""
        if self.over != "plane":
            return x
        assert guide is not None, "attention over the plane needs a guide"
        return guide

    def _split_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (self.num_heads, -1))


class EfficientAttention(Attention):
    """Global attention in time and memory linear in the number of positions: E = ρq(Q) (ρk(K)ᵀ V).

    Each key channel is a global attention map over all positions (not: for each position a map). With `softmax`,
    queries are normalized over their channels and keys over all positions, and this is another function than softmax
    dot-product attention. With `scaling` both are divided by √N, and this equals :class:`DotProductAttention`.

    Args:
        implementation: streaming: exact, in constant extra memory (:mod:`stereo.model.streaming`); with a guide or a
            position code in that of queries and keys (:mod:`stereo.model.folded`). naive: its twin, step by step as in
            the paper; it has second derivatives too.
        chunk_size: Positions in one chunk of `streaming`. None: as many as fit the cache.
        The others as for :class:`Attention`. Not over disparity, where exact attention costs next to nothing; nor with
            rope, since no query meets a key.
    """

    normalizations: ClassVar[Mapping[str, Any]] = {
        "softmax": lambda queries, keys: (queries.softmax(dim=2), keys.softmax(dim=3)),
        "scaling": lambda queries, keys: (queries * keys.shape[3] ** -0.5, keys * keys.shape[3] ** -0.5),
    }

    def __init__(
        self,
        in_channels: int,
        key_channels: int | None = None,
        value_channels: int | None = None,
        num_heads: int = 1,
        normalization: Normalization = "softmax",
        implementation: Implementation = "streaming",
        chunk_size: int | None = None,
        *,
        over: Over = "volume",
        position: Position = "none",
        guide_channels: int | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            key_channels,
            value_channels,
            num_heads,
            normalization,
            over=over,
            position=position,
            guide_channels=guide_channels,
        )
        if over == "disparity" or position == "rope":
            raise ConfigError(
                f"attention: over is '{over}', position '{position}'; efficient attention is over volume or plane, "
                "with position none or sine: use dot_product or sdpa"
            )
        if implementation not in IMPLEMENTATIONS:
            raise ConfigError(
                f"attention: implementation is '{implementation}', expected {' or '.join(IMPLEMENTATIONS)}"
            )
        if chunk_size is not None and chunk_size < 1:
            raise ConfigError(f"attention: chunk_size is {chunk_size}, expected None or 1 or more")
        self.implementation = implementation
        self.chunk_size = chunk_size

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        return IMPLEMENTATIONS[self.implementation](self, x, guide)

    def stream(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        """Return the same as the naive form, without values for each position."""
        if self.over == "plane" or self.position != "none":
            return self._fold(x, guide)
        return streaming_attention(
            x,
            self.keys.parts(),
            self.queries.parts(),
            self.values.parts(),
            self.reprojection.parts(),
            self.num_heads,
            self.normalization,
            self.chunk_size,
        )

    def _fold(self, x: Tensor, guide: Tensor | None) -> Tensor:
        source = self._source(x, guide)
        grid = source.shape[2:]
        queries, keys = (
            self.code(self._split_heads(layer(source.flatten(2))), grid) for layer in (self.queries, self.keys)
        )
        queries, keys = self.normalizations[self.normalization](queries, keys)
        slices = (x if self.over == "plane" else x.unsqueeze(2)).flatten(3)  # [B, C, slices, positions]
        output = folded_attention(
            slices,
            keys.flatten(1, 2),
            queries.flatten(1, 2),
            self.values.parts(),
            self.reprojection.parts(),
            self.num_heads,
        )
        return output.unflatten(3, grid).view_as(x)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        queries, keys = self.normalizations[self.normalization](queries, keys)
        context = values @ keys.transpose(2, 3)  # [B, heads, V / heads, K / heads]
        return context @ queries


IMPLEMENTATIONS: dict[str, Callable[[EfficientAttention, Tensor, Tensor | None], Tensor]] = {
    "streaming": EfficientAttention.stream,
    "naive": Attention.forward,
}


class DotProductAttention(Attention):
    """Dot-product attention, A = ρ(Q Kᵀ) V, with its N×N map in memory: the non-local block.

    With `softmax`, ρ is the softmax over the keys' positions, without the 1/√K of the Transformer (embedded Gaussian
    of Wang et al., "Non-local Neural Networks", CVPR 2018, eq. 3); with `scaling`, ρ is division by N (eq. 4).
    """

    normalizations: ClassVar[Mapping[str, Any]] = {
        "softmax": lambda similarity: similarity.softmax(dim=3),
        "scaling": lambda similarity: similarity / similarity.shape[3],
    }

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        similarity = queries.transpose(2, 3) @ keys  # [B, heads, N, N]
        similarity = self.normalizations[self.normalization](similarity)
        # Not values @ similarityᵀ, whose gradient would be one more transposed copy of the map.
        return (similarity @ values.transpose(2, 3)).transpose(2, 3)


class FusedDotProductAttention(Attention):
    """Softmax dot-product attention by PyTorch's fused kernels, which never hold the N×N map.

    The same function as :class:`DotProductAttention` with softmax, and the same quadratic work.

    Raises: RuntimeError by PyTorch where no fused kernel takes the input (on CUDA: float64).
    """

    normalizations: ClassVar[Mapping[str, Any]] = {"softmax": None}  # the kernels' own

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        value_channels = values.shape[2]
        # The kernels want positions before channels, channels adjacent in memory, and as many for keys as for values:
        # zeros change neither the products of queries and keys nor the values that are kept.
        channels = max(keys.shape[2], value_channels)
        queries, keys, values = (_pad_channels(part, channels) for part in (queries, keys, values))  # [B, heads, N, C]
        with sdpa_kernel(FUSED_BACKENDS):
            attended = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        return attended[..., :value_channels].transpose(2, 3)


def _pad_channels(x: Tensor, channels: int) -> Tensor:
    """Return x [B, heads, c, N] as contiguous [B, heads, N, channels]."""
    return F.pad(x.transpose(2, 3), (0, channels - x.shape[2])).contiguous()


class NoAttention(nn.Identity):
    """The identity, called as attention is."""

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        return x


# `none` is not here: then there is no module.
KINDS: dict[str, type[Attention]] = {
    "efficient": EfficientAttention,
    "dot_product": DotProductAttention,
    "sdpa": FusedDotProductAttention,
}


def build_attention(
    config: AttentionConfig, site: str, channels: int, guide_channels: int | None = None
) -> Attention | NoAttention:
    """Return the attention module for `site`; the identity where the configuration has none.

    Args:
        channels: Of the site.
        guide_channels: Of the left image's features at the site's resolution. None: there are none, as in the site
            `features`, and attention over the plane is not possible.
    """
    if config.kind == "none" or site not in config.sites:
        return NoAttention()
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
