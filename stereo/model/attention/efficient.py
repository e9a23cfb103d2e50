"""Efficient attention, in its streaming and folded forms and in the plain one."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor

from stereo.errors import ConfigError
from stereo.model.attention.base import Attention, Normalization, Over, Position
from stereo.model.attention.folded import folded_attention
from stereo.model.attention.streaming import streaming_attention

Implementation = Literal["streaming", "naive"]


class EfficientAttention(Attention):
    """Global attention in time and memory linear in the number of positions: E = ρq(Q) (ρk(K)ᵀ V).

    Each key channel is a global attention map over all positions (not: for each position a map). With `softmax`,
    queries are normalized over their channels and keys over all positions, and this is another function than softmax
    dot-product attention. With `scaling` both are divided by √N, and this equals :class:`DotProductAttention`.

    Args:
        implementation: streaming: exact, in constant extra memory (:mod:`stereo.model.attention.streaming`); with a
            guide or a position code in that of queries and keys (:mod:`stereo.model.attention.folded`). naive: its
            twin, step by step as in the paper; it has second derivatives too.
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

    def forward(
        self, x: Tensor, guide: Tensor | None = None, *, onto: Tensor | None = None, asking: Tensor | None = None
    ) -> Tensor:
        return IMPLEMENTATIONS[self.implementation](self, x, guide, onto=onto, asking=asking)

    def stream(
        self, x: Tensor, guide: Tensor | None = None, *, onto: Tensor | None = None, asking: Tensor | None = None
    ) -> Tensor:
        """Return the same as the naive form, without values for each position."""
        if self.over == "plane" or self.position != "none" or asking is not None:
            return self._fold(x, guide, onto, asking)
        return streaming_attention(
            x,
            self.keys.parts(),
            self.queries.parts(),
            self.values.parts(),
            self.reprojection.parts(),
            self.num_heads,
            self.normalization,
            self.chunk_size,
            onto,
        )

    def _fold(self, x: Tensor, guide: Tensor | None, onto: Tensor | None, asking: Tensor | None) -> Tensor:
        source = self._source(x, guide)
        grid = source.shape[2:]
        sources = ((self.queries, source if asking is None else asking), (self.keys, source))
        queries, keys = (self.code(self._split_heads(layer(part.flatten(2))), grid) for layer, part in sources)
        queries, keys = self.normalizations[self.normalization](queries, keys)
        output = folded_attention(
            self._slices(x),
            keys.flatten(1, 2),
            queries.flatten(1, 2),
            self.values.parts(),
            self.reprojection.parts(),
            self.num_heads,
            None if onto is None else self._slices(onto),
        )
        return output.unflatten(3, grid).view_as(x)

    def _slices(self, x: Tensor) -> Tensor:
        """Return x as [B, C, slices, positions of one]: the whole is one slice where there is no plane."""
        return (x if self.over == "plane" else x.unsqueeze(2)).flatten(3)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        queries, keys = self.normalizations[self.normalization](queries, keys)
        context = values @ keys.transpose(2, 3)  # [B, heads, V / heads, K / heads]
        return context @ queries


IMPLEMENTATIONS: dict[str, Callable[..., Tensor]] = {
    "streaming": EfficientAttention.stream,
    "naive": Attention.forward,
}
