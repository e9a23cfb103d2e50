"""The schema of the YAML file: every setting, its unit, its meaning and its default.

One experiment is one YAML file read by :func:`load_config`. A file names only what differs from the defaults, which
are those of the network that `preset` names, `compact` where it names none. Each component takes its own section
(or plain arguments); only the trainer and the scripts see the whole.
"""

from stereo.config.attention import AttentionConfig, Site, ViewAttentionConfig
from stereo.config.checks import choose
from stereo.config.data import (
    WITH_TEST_HALF,
    AugmentationConfig,
    DataConfig,
    DatasetConfig,
    Half,
    NegativeDisparity,
    OneViewConfig,
)
from stereo.config.families import FAMILIES, FOLDER_FAMILIES, Family, FolderFamily
from stereo.config.model import (
    AggregationConfig,
    CostVolumeConfig,
    FeaturesConfig,
    ModelConfig,
    RefinementConfig,
    RegressionConfig,
    check_max_disparity,
)
from stereo.config.presets import PRESETS, Preset, preset_of_stored
from stereo.config.reading import (
    Config,
    config_from_dict,
    config_to_dict,
    config_to_yaml,
    load_config,
    load_network,
    model_config_from_dict,
    model_preset,
    with_overrides,
)
from stereo.config.synthetic import ScenePreset, SceneStyle, SyntheticConfig
from stereo.config.training import DistillationConfig, LossConfig, OptimizerConfig, TrainingConfig, TrainingPrecision

__all__ = [
    "FAMILIES",
    "FOLDER_FAMILIES",
    "PRESETS",
    "WITH_TEST_HALF",
    "AggregationConfig",
    "AttentionConfig",
    "AugmentationConfig",
    "Config",
    "CostVolumeConfig",
    "DataConfig",
    "DatasetConfig",
    "DistillationConfig",
    "Family",
    "FeaturesConfig",
    "FolderFamily",
    "Half",
    "LossConfig",
    "ModelConfig",
    "NegativeDisparity",
    "OneViewConfig",
    "OptimizerConfig",
    "Preset",
    "RefinementConfig",
    "RegressionConfig",
    "ScenePreset",
    "SceneStyle",
    "Site",
    "SyntheticConfig",
    "TrainingConfig",
    "TrainingPrecision",
    "ViewAttentionConfig",
    "check_max_disparity",
    "choose",
    "config_from_dict",
    "config_to_dict",
    "config_to_yaml",
    "load_config",
    "load_network",
    "model_config_from_dict",
    "model_preset",
    "preset_of_stored",
    "with_overrides",
]
