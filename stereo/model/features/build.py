"""2D feature extractors by name: they turn an image into the features that are compared between the views."""

from collections.abc import Callable

from stereo.config import ModelConfig
from stereo.model.features.base import FeatureExtractor
from stereo.model.features.compact import CompactFeatures
from stereo.model.features.efficientnet_lite import EfficientNetLiteFeatures
from stereo.model.features.psmnet import PsmnetFeatures

FEATURES: dict[str, Callable[[ModelConfig], FeatureExtractor]] = {
    "compact": CompactFeatures,
    "psmnet": PsmnetFeatures,
    "efficientnet_lite": EfficientNetLiteFeatures,
}


def build_features(config: ModelConfig) -> FeatureExtractor:
    """Return the extractor that the configuration chooses."""
    extractor = FEATURES[config.features.kind](config)
    extractor.frozen_statistics = config.features.frozen_statistics
    extractor.train()
    return extractor
