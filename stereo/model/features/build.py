"""2D feature extractors by name: they turn an image into the features that are compared between the views."""

from collections.abc import Callable

from stereo.config import ModelConfig
from stereo.model.features.base import FeatureExtractor
from stereo.model.features.compact import CompactFeatures
from stereo.model.features.psmnet import PsmnetFeatures

FEATURES: dict[str, Callable[[ModelConfig], FeatureExtractor]] = {
    "compact": CompactFeatures,
    "psmnet": PsmnetFeatures,
}


def build_features(config: ModelConfig) -> FeatureExtractor:
    """Return the extractor that the configuration chooses."""
    return FEATURES[config.features.kind](config)
