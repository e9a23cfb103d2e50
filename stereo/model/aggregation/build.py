"""The aggregations by name."""

from collections.abc import Callable

from stereo.config import AggregationConfig, AttentionConfig
from stereo.model.aggregation.base import Aggregation
from stereo.model.aggregation.hourglass import StackedHourglass
from stereo.model.aggregation.psmnet import PsmnetBasic, PsmnetStackedHourglass
from stereo.model.aggregation.windowed import WindowedHourglass
from stereo.model.features.base import FeatureExtractor

AGGREGATIONS: dict[str, Callable[[int, AggregationConfig, AttentionConfig, FeatureExtractor], Aggregation]] = {
    "hourglass": StackedHourglass,
    "windowed": WindowedHourglass,
    "stackhourglass": PsmnetStackedHourglass,
    "basic": PsmnetBasic,
}


def build_aggregation(
    volume_channels: int, config: AggregationConfig, attention: AttentionConfig, features: FeatureExtractor
) -> Aggregation:
    """Return the aggregation that the configuration chooses; `features` tells the widths of the left features."""
    return AGGREGATIONS[config.kind](volume_channels, config, attention, features)
