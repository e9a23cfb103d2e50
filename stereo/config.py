"""The schema of the YAML file: every setting, its unit, its meaning and its default.

One experiment is one YAML file read by :func:`load_config`. A file names only what differs from the defaults below.
Each component takes its own section (or plain arguments); only the trainer and the scripts see the whole.
The defaults of :class:`ModelConfig` are the `compact` network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stereo.errors import ConfigError

Family = Literal[
    "synthetic",
    "scene_flow",
    "kitti2012",
    "kitti2015",
    "middlebury2001",
    "middlebury2003",
    "middlebury2005",
    "middlebury2006",
    "middlebury2014",
    "eth3d",
    "pairs",
]
FAMILIES: tuple[str, ...] = get_args(Family)
Site = Literal["features", "quarter", "eighth", "sixteenth"]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


# --------------------------------------------------------------------------------------------------------- network


@dataclass
class FeaturesConfig:
    """The 2D feature extractor, shared by both views."""

    # compact: a small residual pyramid to 1/16 merged back to ¼.
    kind: Literal["compact"] = "compact"
    # Channels at ¼ resolution, before matching.
    channels: int = 32
    # Channels of the matching features that the cost volume compares.
    matching_channels: int = 64

    def __post_init__(self) -> None:
        _require(self.channels >= 8, f"model.features.channels is {self.channels}, expected 8 or more")


@dataclass
class CostVolumeConfig:
    """The cost volume at ¼ resolution, max_disparity / 4 bins deep."""

    # group_correlation: cosine similarity within channel groups (GwcNet). concatenation: both views' features (PSMNet).
    kind: Literal["group_correlation", "concatenation"] = "group_correlation"
    # Number of channel groups of group_correlation; divides features.matching_channels.
    groups: int = 8

    def __post_init__(self) -> None:
        _require(self.groups >= 1, f"model.cost_volume.groups is {self.groups}, expected 1 or more")


@dataclass
class AttentionConfig:
    """Attention inside the network."""

    # none: no attention. efficient: Shen et al., linear in the number of positions.
    kind: Literal["none", "efficient"] = "efficient"
    # Where: features (2D, after the last feature stage; the paper's first version), or in the 3D aggregation at the
    # hourglass's resolutions quarter, eighth, sixteenth. Any set of them.
    sites: list[Site] = field(default_factory=lambda: ["eighth", "sixteenth"])
    # Channels of keys and queries, and of values, summed over the heads. null: the channels of the site
    key_channels: int | None = 16
    value_channels: int | None = None
    num_heads: int = 1
    # softmax: the paper's default. scaling: division by the number of positions; then equal to dot-product attention.
    normalization: Literal["softmax", "scaling"] = "softmax"

    def __post_init__(self) -> None:
        _require(len(set(self.sites)) == len(self.sites), f"model.attention.sites names a site twice: {self.sites}")
        _require(self.num_heads >= 1, f"model.attention.num_heads is {self.num_heads}, expected 1 or more")
        for name in ("key_channels", "value_channels"):
            value = getattr(self, name)
            _require(
                value is None or (value >= 1 and value % self.num_heads == 0),
                f"model.attention.{name} is {value}, expected a positive multiple of num_heads ({self.num_heads})",
            )


@dataclass
class AggregationConfig:
    """The 3D network that turns the cost volume into one cost for each position and disparity."""

    kind: Literal["hourglass"] = "hourglass"
    # Channels at ¼ resolution; twice that at ⅛, three times at 1/16.
    channels: int = 8
    # Number of hourglasses one after the other; each has a supervised output.
    num_hourglasses: int = 2

    def __post_init__(self) -> None:
        _require(self.channels >= 1, f"model.aggregation.channels is {self.channels}, expected 1 or more")
        _require(
            self.num_hourglasses >= 1,
            f"model.aggregation.num_hourglasses is {self.num_hourglasses}, expected 1 or more",
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
        _require(self.mode_radius >= 1, f"model.regression.mode_radius is {self.mode_radius}, expected 1 or more")


@dataclass
class ModelConfig:
    """The network. The defaults are `compact`: about 0.6 M parameters, fit for a CPU."""

    # Largest disparity the network can give, px at full resolution; a multiple of 16 (¼ volume, halved twice).
    max_disparity: int = 192
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    cost_volume: CostVolumeConfig = field(default_factory=CostVolumeConfig)
    aggregation: AggregationConfig = field(default_factory=AggregationConfig)
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    regression: RegressionConfig = field(default_factory=RegressionConfig)

    def __post_init__(self) -> None:
        check_max_disparity(self.max_disparity, "model.max_disparity")
        if self.cost_volume.kind == "group_correlation":
            _require(
                self.features.matching_channels % self.cost_volume.groups == 0,
                f"model.features.matching_channels ({self.features.matching_channels}) is not divisible by "
                f"model.cost_volume.groups ({self.cost_volume.groups}); change one of them",
            )


def check_max_disparity(value: int, name: str) -> None:
    """Raise ConfigError unless `value` (px) is a positive multiple of 16, as the ¼ volume halved twice needs."""
    _require(
        value >= 16 and value % 16 == 0,
        f"{name} is {value}, expected a positive multiple of 16; the next one is {max(16, -(-value // 16) * 16)}",
    )


# ------------------------------------------------------------------------------------------------------------ data


@dataclass
class SyntheticConfig:
    """The procedural world. A sample is a pure function of (seed, index) and of these settings."""

    seed: int = 0
    # Number of samples that make one pass over the set.
    length: int = 10000
    # Size of the rendered views, px.
    height: int = 256
    width: int = 512
    # No surface lies nearer than this disparity, px. Each scene draws its own range below it.
    max_disparity: int = 96
    # Number of objects before the background, drawn uniformly from this range (both included).
    min_objects: int = 6
    max_objects: int = 24
    # Per-camera exposure, colour, gamma, blur and noise. Off: both views show the surfaces' own colours.
    photometric: bool = True

    def __post_init__(self) -> None:
        _require(self.length >= 1, f"synthetic.length is {self.length}, expected 1 or more")
        _require(
            self.height >= 32 and self.width >= 32,
            f"synthetic size is {self.width}×{self.height} (width × height), expected 32×32 or more",
        )
        _require(
            0 <= self.min_objects <= self.max_objects,
            f"synthetic objects range is {self.min_objects}..{self.max_objects}, expected 0 <= min <= max",
        )
        _require(
            self.max_disparity >= 4,
            f"synthetic.max_disparity is {self.max_disparity}, expected 4 or more",
        )


@dataclass
class DatasetConfig:
    """One data set: a family and where it lies."""

    family: Family = "synthetic"
    # The folder of the data set (for `pairs`: the list file). null for synthetic.
    path: str | None = None
    # Scene Flow only: which split, and which rendering pass.
    split: Literal["train", "test"] = "train"
    rendering: Literal["cleanpass", "finalpass"] = "cleanpass"
    # Use only the first so many samples. null: all.
    limit: int | None = None
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)

    def __post_init__(self) -> None:
        _require(self.limit is None or self.limit >= 1, f"limit is {self.limit}, expected null or 1 or more")
        _require(
            self.family == "synthetic" or self.path is not None,
            f"data set family '{self.family}' needs a path: the folder that holds it",
        )


@dataclass
class AugmentationConfig:
    """Augmentation of one training sample. Ground truth stays exact under all of it."""

    # Size of the crop, px; a multiple of 16. null: the whole sample (batching then needs samples of one size).
    crop_height: int | None = 192
    crop_width: int | None = 384
    # Probability of a random resize before the crop, and its range as powers of two (disparity scales along).
    scale_probability: float = 0.0
    min_log2_scale: float = -0.3
    max_log2_scale: float = 0.5
    # Probability of turning both views upside down.
    vertical_flip_probability: float = 0.5
    # Strength of brightness, contrast, saturation and gamma jitter, 0 (off) … 1; the same for both views, or drawn for
    # each view on its own with the probability below.
    color_jitter: float = 0.5
    asymmetric_color_probability: float = 0.3
    # Probability of painting one or two rectangles of the right view with its mean colour (HSMNet's occlusion).
    right_erase_probability: float = 0.3

    def __post_init__(self) -> None:
        for name in ("crop_height", "crop_width"):
            value = getattr(self, name)
            _require(
                value is None or (value >= 32 and value % 16 == 0),
                f"data.augmentation.{name} is {value}, expected null or a multiple of 16, 32 or more",
            )
        _require(
            (self.crop_height is None) == (self.crop_width is None),
            "data.augmentation.crop_height and crop_width: give both or neither",
        )
        _require(self.min_log2_scale <= self.max_log2_scale, "data.augmentation: min_log2_scale > max_log2_scale")
        _require(
            0 <= self.color_jitter <= 1,
            f"data.augmentation.color_jitter is {self.color_jitter}, expected 0 … 1",
        )
        for name in (
            "scale_probability",
            "vertical_flip_probability",
            "asymmetric_color_probability",
            "right_erase_probability",
        ):
            value = getattr(self, name)
            _require(0 <= value <= 1, f"data.augmentation.{name} is {value}, expected a probability, 0 … 1")


@dataclass
class DataConfig:
    """What is trained on, what is validated on, and how it is fed."""

    train: DatasetConfig = field(default_factory=DatasetConfig)
    # The held-out scenes of the procedural world: another seed.
    validation: DatasetConfig = field(
        default_factory=lambda: DatasetConfig(synthetic=SyntheticConfig(seed=1_000_000, length=16))
    )
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    # Samples in one training step, over all processes together.
    batch_size: int = 4
    # Loader processes (for each GPU). 0: load in the main process. The samples do not depend on it.
    workers: int = 1

    def __post_init__(self) -> None:
        _require(self.batch_size >= 1, f"data.batch_size is {self.batch_size}, expected 1 or more")
        _require(self.workers >= 0, f"data.workers is {self.workers}, expected 0 or more")


# -------------------------------------------------------------------------------------------------------- training


@dataclass
class LossConfig:
    """What is minimised, over all supervised outputs of the network."""

    # smooth_l1: on the disparities alone. mixture: cross-entropy of the ¼ volume against a mixture of Laplaces, plus
    # smooth_l1 times smooth_l1_weight.
    kind: Literal["smooth_l1", "mixture"] = "mixture"
    # Weight of each supervised output, first to last. Must have one entry for each.
    output_weights: list[float] = field(default_factory=lambda: [0.5, 1.0])
    smooth_l1_weight: float = 0.3
    # Scale of the Laplace, in bins of the volume.
    laplace_scale: float = 0.8

    def __post_init__(self) -> None:
        _require(self.laplace_scale > 0, f"loss.laplace_scale is {self.laplace_scale}, expected more than 0")
        _require(
            len(self.output_weights) > 0 and all(weight >= 0 for weight in self.output_weights),
            f"loss.output_weights is {list(self.output_weights)}, expected numbers of 0 or more, at least one",
        )


@dataclass
class OptimizerConfig:
    """AdamW and its schedule."""

    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    # one_cycle: linear warm-up, then cosine to nearly zero. cosine: from the first step. constant.
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    # Share of all steps spent warming up (one_cycle).
    warmup_fraction: float = 0.05
    # The gradient's norm is clipped to this. 0: no clipping.
    gradient_clip: float = 1.0

    def __post_init__(self) -> None:
        _require(self.learning_rate > 0, f"optimizer.learning_rate is {self.learning_rate}, expected more than 0")
        _require(self.weight_decay >= 0, f"optimizer.weight_decay is {self.weight_decay}, expected 0 or more")
        _require(self.gradient_clip >= 0, f"optimizer.gradient_clip is {self.gradient_clip}, expected 0 or more")
        _require(
            0 < self.warmup_fraction < 1,
            f"optimizer.warmup_fraction is {self.warmup_fraction}, expected between 0 and 1",
        )


@dataclass
class TrainingConfig:
    """The run itself. Intervals are in optimiser steps."""

    # The run's folder: checkpoints, the resolved configuration, TensorBoard logs.
    output: str = "runs/default"
    steps: int = 3000
    seed: int = 0
    # auto: CUDA, then Apple's MPS, then the CPU. Or cpu, cuda, cuda:1, mps …
    device: str = "auto"
    # Weights to begin from (a checkpoint of ours): only the network is taken, not the optimiser.
    initial_checkpoint: str | None = None
    log_interval: int = 20
    validation_interval: int = 500
    checkpoint_interval: int = 200
    # Mixed precision on CUDA: off, bf16 (no loss scaling needed).
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        for name in ("steps", "log_interval", "validation_interval", "checkpoint_interval"):
            value = getattr(self, name)
            _require(value >= 1, f"training.{name} is {value}, expected 1 or more")


@dataclass
class Config:
    """The whole experiment."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        outputs = self.model.aggregation.num_hourglasses
        _require(
            len(self.loss.output_weights) == outputs,
            f"loss.output_weights has {len(self.loss.output_weights)} entries, but the network has {outputs} "
            "supervised outputs (model.aggregation.num_hourglasses); give one weight for each",
        )


# --------------------------------------------------------------------------------------------------------- reading


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML file over the defaults, then `key=value` overrides, and check the whole.

    Args:
        path: The YAML file.
        overrides: Assignments with dotted keys, as in `optimizer.learning_rate=1e-4`. Values are YAML.

    Raises: ConfigError that names the file or override, the key, what was got and what was expected.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: no such configuration file; see configs/ for the ones that ship")
    try:
        loaded = OmegaConf.load(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a YAML file: {_one_line(error)}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise ConfigError(f"{path}:{line} not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(loaded, DictConfig):
        raise ConfigError(f"{path}: expected a YAML file of `section: settings`, got a list")
    for assignment in overrides:
        if "=" not in assignment or assignment.startswith(("=", "-")):
            raise ConfigError(f"'{assignment}': expected key=value, for example optimizer.learning_rate=1e-4")
    merged = _merge(OmegaConf.structured(Config), loaded, str(path))
    for assignment in overrides:
        try:
            override = OmegaConf.from_dotlist([assignment])
        except (yaml.YAMLError, OmegaConfBaseException):
            raise ConfigError(f"'{assignment}': the value is not valid YAML") from None
        merged = _merge(merged, override, f"'{assignment}'")
    return _to_config(merged, " ".join([str(path), *overrides]))


def config_from_dict(values: Mapping[str, Any], origin: str = "configuration") -> Config:
    """A Config from nested plain values over the defaults. Raises: ConfigError, beginning with `origin`."""
    return _to_config(_merge(OmegaConf.structured(Config), values, origin), origin)


def config_to_dict(config: Config) -> dict[str, Any]:
    """Nested plain values: what a checkpoint holds."""
    values = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def config_to_yaml(config: Config) -> str:
    """The resolved configuration as YAML, every setting written out."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def _merge(base: Any, update: Any, origin: str) -> Any:
    try:
        return OmegaConf.merge(base, update)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        key = getattr(error, "full_key", None)
        raise ConfigError(f"{origin}: {key + ': ' if key else ''}{_one_line(error)}") from None


def _to_config(merged: Any, origin: str) -> Config:
    try:
        config = OmegaConf.to_object(merged)
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None
    except OmegaConfBaseException as error:
        raise ConfigError(f"{origin}: {error.full_key}: {_one_line(error)}") from None
    assert isinstance(config, Config)
    return config


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
