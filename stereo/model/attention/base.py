"""The base of the kinds of attention: projections, heads, reprojection and residual."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from stereo.config import choose
from stereo.errors import ConfigError
from stereo.model.attention.positions import OVER, POSITION_CODES
from stereo.model.layers import PointwiseConv

Normalization = Literal["softmax", "scaling"]
Over = Literal["volume", "disparity", "plane"]
Position = Literal["none", "sine", "rope"]


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

    def forward(
        self, x: Tensor, guide: Tensor | None = None, *, onto: Tensor | None = None, asking: Tensor | None = None
    ) -> Tensor:
        """Return `onto` plus what is attended to among the positions of x, in the same shape.

        Args:
            x: [B, C, *spatial], what values are made of; over disparity and over the plane [B, C, D, H, W].
            guide: Of over = plane: [B, guide_channels, H, W]. Otherwise it is not looked at.
            onto: [B, C, *spatial]. None: x itself, as in a residual connection.
            asking: [B, C, *spatial], what queries are made of; not with a guide. None: what keys are made of.
        """
        onto = x if onto is None else onto
        source = self._source(x, guide)
        attended = OVER[self.over](
            self.attend,
            self.code,
            x.shape[2:],
            self._split_heads(self.queries((source if asking is None else asking).flatten(2))),
            self._split_heads(self.keys(source.flatten(2))),
            self._split_heads(self.values(x.flatten(2))),
        )
        return onto + self.reprojection(attended.flatten(1, 2)).view_as(x)

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
