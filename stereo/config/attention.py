"""The settings of attention, inside the network and between the views."""

from dataclasses import dataclass, field
from typing import Literal

from stereo.config.checks import require

Site = Literal["features", "quarter", "eighth", "sixteenth"]


@dataclass
class AttentionConfig:
    """Attention inside the network."""

    # none: no attention. efficient: Shen et al., linear in the number of positions. dot_product: the non-local block,
    # quadratic in work and in memory. sdpa: the same function by PyTorch's fused kernels, quadratic in work alone.
    # pointwise: no attention, the control for it; two 1×1×1 convolutions with as many parameters as `efficient` has.
    kind: Literal["none", "efficient", "dot_product", "sdpa", "pointwise"] = "efficient"
    # Where: features (2D, after the last feature stage; the paper's first version), or in the 3D aggregation (this
    # project's insertion) at the hourglass's resolutions quarter, eighth, sixteenth. Any set of them.
    sites: list[Site] = field(default_factory=lambda: ["eighth", "sixteenth"])
    # What attends to what. volume: every position of the site to every other. disparity: the D positions of a pixel to
    # each other, exactly (not of kind efficient). plane: the H·W positions of a disparity slice to each other, guided:
    # queries and keys come from the left image's features and are shared by all slices, values from the slices. The
    # last two concern the sites in the 3D aggregation alone.
    over: Literal["volume", "disparity", "plane"] = "volume"
    # What queries and keys are told of positions along the axes that are attended over. sine: sines and cosines, added.
    # rope: they are rotated, so that products depend on the distance (not of kind efficient).
    position: Literal["none", "sine", "rope"] = "none"
    # inline: after the convolutions of its resolution, over what they give. parallel: beside them, over what they take;
    # the results are added. It concerns the sites eighth and sixteenth alone, where convolutions follow the way down.
    placement: Literal["inline", "parallel"] = "inline"
    # Channels of keys and queries, and of values, summed over the heads. null: the channels of the site
    key_channels: int | None = 16
    value_channels: int | None = None
    num_heads: int = 1
    # softmax: the paper's default. scaling: division by the number of positions; then equal to dot-product attention.
    normalization: Literal["softmax", "scaling"] = "softmax"
    # Of kind efficient. streaming: exact, without values for each position; over the volume without a position code in
    # constant extra memory. naive: its twin, step by step as in the paper.
    implementation: Literal["streaming", "naive"] = "streaming"

    def __post_init__(self) -> None:
        require(len(set(self.sites)) == len(self.sites), f"model.attention.sites names a site twice: {self.sites}")
        require(
            self.normalization == "softmax" or self.kind != "sdpa",
            "model.attention: kind sdpa has softmax normalization alone; use dot_product or efficient for scaling",
        )
        require(
            self.kind != "pointwise" or (self.over, self.position, self.num_heads) == ("volume", "none", 1),
            f"model.attention.kind is pointwise, which looks at one position alone, but over is {self.over}, position "
            f"{self.position}, num_heads {self.num_heads}; leave the three out, or use another kind",
        )
        require(
            self.kind != "efficient" or self.over != "disparity",
            "model.attention.over is disparity, short enough for exact attention; use kind dot_product or sdpa",
        )
        require(
            self.kind != "efficient" or self.position != "rope",
            "model.attention.position is rope, but in kind efficient no query meets a key; use sine, or kind "
            "dot_product or sdpa",
        )
        require(
            self.kind == "none" or self.over == "volume" or "features" not in self.sites,
            f"model.attention.over is {self.over}, but the site features has neither disparities nor a guide; leave it "
            "out, or use over=volume",
        )
        beside_nothing = [site for site in self.sites if site in ("features", "quarter")]
        require(
            self.kind == "none" or self.placement == "inline" or not beside_nothing,
            f"model.attention.placement is parallel, but at {' and '.join(beside_nothing)} no convolution stands that "
            "attention could be beside; use the sites eighth and sixteenth, or placement=inline",
        )
        require(self.num_heads >= 1, f"model.attention.num_heads is {self.num_heads}, expected 1 or more")
        for name in ("key_channels", "value_channels"):
            value = getattr(self, name)
            require(
                value is None or (value >= 1 and value % self.num_heads == 0),
                f"model.attention.{name} is {value}, expected a positive multiple of num_heads ({self.num_heads})",
            )


@dataclass
class ViewAttentionConfig:
    """Self- and cross-attention between the views' matching features, before the cost volume (LoFTR, CREStereo)."""

    # none: the views meet in the cost volume alone. The others as in model.attention, over all positions of a view.
    kind: Literal["none", "efficient", "dot_product", "sdpa"] = "none"
    # Blocks one after the other: self-attention, cross-attention, and a feed-forward part.
    blocks: int = 1
    # Divides features.matching_channels.
    num_heads: int = 8
    # What queries and keys are told of row and column. As in model.attention: rope is not of kind efficient.
    position: Literal["none", "sine", "rope"] = "sine"
    # Channels of keys and queries, summed over the heads. null: features.matching_channels.
    key_channels: int | None = None
    # Width of the feed-forward part's hidden layer, as a multiple of features.matching_channels.
    feed_forward_expansion: int = 2

    def __post_init__(self) -> None:
        for name in ("blocks", "num_heads", "feed_forward_expansion"):
            value = getattr(self, name)
            require(value >= 1, f"model.view_attention.{name} is {value}, expected 1 or more")
        require(
            self.kind != "efficient" or self.position != "rope",
            "model.view_attention.position is rope, but in kind efficient no query meets a key; use sine, or kind "
            "dot_product or sdpa",
        )

    def check_channels(self, matching_channels: int) -> None:
        """Raise ConfigError unless the heads divide the channels, and leave enough of them for a position code."""
        if self.kind == "none":
            return
        keys = matching_channels if self.key_channels is None else self.key_channels
        for name, channels in (
            ("features.matching_channels", matching_channels),
            ("view_attention.key_channels", keys),
        ):
            require(
                channels >= 1 and channels % self.num_heads == 0,
                f"model.{name} ({channels}) is not divisible by model.view_attention.num_heads ({self.num_heads}); "
                "change one of them",
            )
        require(
            self.position == "none" or keys // self.num_heads >= 4,
            f"model.view_attention.position is {self.position}, which needs 4 key channels in every head, two for rows "
            f"and two for columns, got {keys // self.num_heads}; raise key_channels, lower num_heads, or use "
            "position=none",
        )
