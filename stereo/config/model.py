"""The settings of the network. The defaults are those of preset `slim`, where all that may be left out is left out."""

from dataclasses import dataclass, field
from typing import Literal

from stereo.config.attention import AttentionConfig, ViewAttentionConfig
from stereo.config.checks import require


@dataclass
class FeaturesConfig:
    """The 2D feature extractor, shared by both views."""

    # compact: a small residual pyramid to 1/16 merged back to ¼. psmnet: 50 layers at ½ and ¼ (the last stage dilated)
    # and spatial pyramid pooling over 64, 32, 16 and 8 positions, which needs images of 256×256 px or more.
    # efficientnet_lite: EfficientNet-Lite0 to 1/16 merged back to ¼; training.initial_trunk gives it weights.
    kind: Literal["compact", "psmnet", "efficientnet_lite"] = "compact"
    # compact, efficientnet_lite: channels at ¼ resolution, where the stages are merged. psmnet: channels at ½; twice
    # that, then four times that, at ¼.
    channels: int = 32
    # Channels of the matching features that the cost volume compares.
    matching_channels: int = 64
    # In training, batch normalization of the trunk uses the statistics that it has and leaves them as they are. That is
    # for weights that had a training before, whose statistics small batches would spoil. The trunk: of
    # efficientnet_lite EfficientNet-Lite0, without the layers that merge its stages; of the others the whole extractor.
    frozen_statistics: bool = False

    def __post_init__(self) -> None:
        require(self.channels >= 8, f"model.features.channels is {self.channels}, expected 8 or more")
        require(
            self.matching_channels >= 1, f"model.features.matching_channels is {self.matching_channels}, expected 1 …"
        )


@dataclass
class CostVolumeConfig:
    """The cost volume at ¼ resolution, max_disparity / 4 bins deep."""

    # group_correlation: cosine similarity within channel groups (GwcNet). concatenation: both views' features (PSMNet).
    kind: Literal["group_correlation", "concatenation"] = "group_correlation"
    # Number of channel groups of group_correlation; divides features.matching_channels.
    groups: int = 8

    def __post_init__(self) -> None:
        require(self.groups >= 1, f"model.cost_volume.groups is {self.groups}, expected 1 or more")


@dataclass
class AggregationConfig:
    """The 3D network that turns the cost volume into one cost for each position and disparity."""

    # hourglass: the slim hourglasses of `compact`. stackhourglass: those of PSMNet, with skips from one to the next.
    # basic: PSMNet's residual blocks at ¼ without an hourglass; of the sites of attention it has `quarter` alone.
    # windowed: less 3D; slim hourglasses in 2D, whose channels are the bins of a window, correct the costs of two 3D
    # convolutions and a head.
    kind: Literal["hourglass", "windowed", "stackhourglass", "basic"] = "hourglass"
    # Channels at ¼ resolution; twice that at ⅛; at 1/16 three times (hourglass) or twice (stackhourglass). windowed:
    # those of the 3D part; the hourglasses have four times as many.
    channels: int = 8
    # Of the hourglasses of kind hourglass. full: 3×3×3, and 4×4×4 on the way up. factored: 1×3×3 and 3×1×1 one after
    # the other, and 4×1×1 and 1×4×4 on the way up, each with batch normalization of its own and ReLU between the two.
    convolutions: Literal["full", "factored"] = "full"
    # Number of hourglasses one after the other; each has a supervised output. basic has none, and one output.
    num_hourglasses: int = 2
    # Training: compute each hourglass (of basic, each block) again in the backward pass instead of keeping what is
    # inside it: less memory, more time, the same gradients.
    recompute: bool = False
    # none: the volume alone. gate: in each hourglass, at ¼, ⅛ and 1/16, the left image's features give a factor for
    # each pixel and channel, the same for all disparities (CoEx). basic has no hourglass, and takes none alone.
    guidance: Literal["none", "gate"] = "none"

    @property
    def num_outputs(self) -> int:
        """Return the number of supervised outputs."""
        return 1 if self.kind == "basic" else self.num_hourglasses

    def __post_init__(self) -> None:
        require(self.channels >= 1, f"model.aggregation.channels is {self.channels}, expected 1 or more")
        require(
            self.num_hourglasses >= 1,
            f"model.aggregation.num_hourglasses is {self.num_hourglasses}, expected 1 or more",
        )
        require(
            self.guidance == "none" or self.kind != "basic",
            f"model.aggregation.guidance is {self.guidance}, which works inside hourglasses, and kind basic has none; "
            "use hourglass or stackhourglass, or leave guidance out",
        )
        require(
            self.convolutions == "full" or self.kind == "hourglass",
            f"model.aggregation.convolutions is {self.convolutions}, which concerns kind hourglass, but kind is "
            f"{self.kind}; use kind=hourglass, or leave convolutions out",
        )


@dataclass
class RegressionConfig:
    """From costs to a disparity map at full resolution."""

    # convex: disparity at ¼, upsampled by learned convex combinations (RAFT). trilinear: the cost volume is upsampled
    # before the regression (PSMNet).
    upsampling: Literal["convex", "trilinear"] = "convex"
    # soft_argmin: the expectation over all bins (GC-Net). dominant_mode: the expectation over the bins within
    # mode_radius of the peak of the distribution smoothed over 3 bins, which does not average two surfaces at an edge.
    estimate: Literal["soft_argmin", "dominant_mode"] = "dominant_mode"
    # Half-width of the dominant mode, in bins of the volume.
    mode_radius: int = 2

    def __post_init__(self) -> None:
        require(self.mode_radius >= 1, f"model.regression.mode_radius is {self.mode_radius}, expected 1 or more")


@dataclass
class RefinementConfig:
    """The correction of the estimate at ½ resolution, where a bin of the volume is two pixels wide."""

    # none: the regression's disparity is the result. local_volume: the views are compared around the estimate.
    # residual: the right view's features, warped by the estimate, are taken from the left view's.
    kind: Literal["none", "local_volume", "residual"] = "none"
    # Corrections one after the other, with the same weights; each has a supervised output.
    steps: int = 1
    # What is compared between the views. half: made of the features at ½ alone. merged: of those at ¼ too.
    matching: Literal["half", "merged"] = "half"
    # The 2D convolutions. plain: three at ½. pyramid: at ½ and ¼, and at ¼ with the left features of that resolution
    # and the confidence in the estimate. deep_pyramid: at ⅛ too, with the left features of that. recurrent: a gated
    # recurrent unit at ½, which remembers from step to step.
    body: Literal["plain", "pyramid", "deep_pyramid", "recurrent"] = "plain"
    # Channels of the 2D convolutions; of pyramid twice that at ¼.
    channels: int = 48
    # Channels of the features at ½ that are compared between the views, and of local_volume their groups.
    matching_channels: int = 16
    groups: int = 4
    # Of local_volume: how far to either side of the estimate it looks, px at full resolution.
    radius: int = 6

    @property
    def num_outputs(self) -> int:
        """Return the number of supervised outputs that the refinement adds."""
        return 0 if self.kind == "none" else self.steps

    def __post_init__(self) -> None:
        require(1 <= self.steps <= 4, f"model.refinement.steps is {self.steps}, expected 1 to 4")
        for name in ("channels", "matching_channels", "groups", "radius"):
            value = getattr(self, name)
            require(value >= 1, f"model.refinement.{name} is {value}, expected 1 or more")
        require(
            self.matching_channels % self.groups == 0,
            f"model.refinement.matching_channels ({self.matching_channels}) is not divisible by "
            f"model.refinement.groups ({self.groups}); change one of them",
        )


@dataclass
class ModelConfig:
    """The network. The defaults are those of preset `slim`. A setting that is added begins switched off.

    So a checkpoint of a release that did not have the setting describes the same network.
    """

    # Largest disparity the network can give, px at full resolution; a multiple of 16 (¼ volume, halved twice).
    max_disparity: int = 192
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    cost_volume: CostVolumeConfig = field(default_factory=CostVolumeConfig)
    aggregation: AggregationConfig = field(default_factory=AggregationConfig)
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    view_attention: ViewAttentionConfig = field(default_factory=ViewAttentionConfig)
    regression: RegressionConfig = field(default_factory=RegressionConfig)
    refinement: RefinementConfig = field(default_factory=RefinementConfig)
    # batch: batch normalization. group: group normalization over 8 channels at a time, for batches of a few samples. It
    # takes each image's own statistics, in inference too.
    normalization: Literal["batch", "group"] = "batch"
    # How psmnet features and trilinear upsampling interpolate. true: the corner pixels' centers coincide, as in PyTorch
    # before 0.4.1, with which the authors trained their weights of 2018. false: the corner pixels' corners coincide.
    align_corners: bool = False

    @property
    def min_size(self) -> int:
        """Return the least height and width of an image, px: what the pyramid's largest pool covers at ¼."""
        return 256 if self.features.kind == "psmnet" else 32

    def __post_init__(self) -> None:
        check_max_disparity(self.max_disparity, "model.max_disparity")
        if self.cost_volume.kind == "group_correlation":
            require(
                self.features.matching_channels % self.cost_volume.groups == 0,
                f"model.features.matching_channels ({self.features.matching_channels}) is not divisible by "
                f"model.cost_volume.groups ({self.cost_volume.groups}); change one of them",
            )
        self.view_attention.check_channels(self.features.matching_channels)
        require(
            self.attention.kind == "none" or self.aggregation.kind != "windowed" or self.attention.over != "disparity",
            "model.attention.over is disparity, but aggregation windowed has disparities as channels; use over=volume "
            "or plane, or aggregation hourglass",
        )
        beyond = {"eighth", "sixteenth"} & set(self.attention.sites)
        require(
            self.attention.kind == "none" or self.aggregation.kind != "basic" or not beyond,
            f"model.attention.sites are {list(self.attention.sites)}, but aggregation basic has features and quarter "
            "alone; leave the others out, or use stackhourglass",
        )
        require(
            not self.align_corners or self.features.kind == "psmnet" or self.regression.upsampling == "trilinear",
            "model.align_corners is true, which concerns psmnet features and trilinear upsampling; this network has "
            "neither: leave it out",
        )


# px: the most that a range may be.
_WIDEST = 65_536


def check_max_disparity(value: int, name: str) -> None:
    """Raise ConfigError unless `value` (px) is a positive multiple of 16, as the ¼ volume halved twice needs.

    Beyond any image's width it would only take memory, as a stranger's checkpoint could wish.
    """
    require(
        value >= 16 and value % 16 == 0,
        f"{name} is {value}, expected a positive multiple of 16; the next one is {max(16, -(-value // 16) * 16)}",
    )
    require(value <= _WIDEST, f"{name} is {value}, expected {_WIDEST} px or less, wider than any image")
