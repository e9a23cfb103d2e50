"""StereoNetwork: features → cost volume → aggregation → regression, each part chosen in the configuration."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stereo.config import ModelConfig, check_max_disparity
from stereo.device import release_freed_memory
from stereo.model.aggregation import build_aggregation
from stereo.model.cost_volume import build_cost_volume
from stereo.model.features import Features, build_features
from stereo.model.regression import Prediction, build_regression

# The statistics of ImageNet, with which PSMNet and most stereo networks normalise their input.
IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


class StereoOutput(NamedTuple):
    """What the network gives for a batch of pairs."""

    disparity: Tensor  # [B, H, W] of the left view, px: the last prediction
    predictions: list[Prediction]  # all supervised outputs, first to last; in evaluation mode the last alone


class StereoNetwork(nn.Module):
    """A stereo network: two images in, the left view's disparity out.

    Image height and width must be multiples of `stride` and no less than `min_size`;
    :class:`stereo.predictor.Predictor` takes any size.

    Raises: ConfigError where the parts do not fit together.
    """

    # ¼ by the features, twice halved by the hourglass and by the feature pyramid.
    stride = 16

    image_mean: Tensor
    image_std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.min_size = config.min_size
        self.max_disparity = config.max_disparity
        self.features = build_features(config)
        self.cost_volume = build_cost_volume(config.cost_volume, self.features.matching_channels)
        self.aggregation = build_aggregation(self.cost_volume.channels, config.aggregation, config.attention)
        self.regression = build_regression(config, self.features.quarter_channels, self.features.half_channels)
        self.register_buffer("image_mean", torch.tensor(IMAGE_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("image_std", torch.tensor(IMAGE_STD).view(1, 3, 1, 1), persistent=False)

    @property
    def max_disparity(self) -> int:
        """Largest disparity in px. It may be set to another multiple of 16: no weight depends on it."""
        return self._max_disparity

    @max_disparity.setter
    def max_disparity(self, value: int) -> None:
        check_max_disparity(value, "max_disparity")
        self._max_disparity = value

    def with_fast_layout(self, device: torch.device) -> "StereoNetwork":
        """Moved to the device, its weights laid out as measured fastest there; values and names stay the same.

        On the CPU channels-last convolutions take 0.8 of the time of a training step of the default layout.
        """
        self.to(device)
        if device.type == "cpu":
            for module in self.modules():
                if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                    module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
                elif isinstance(module, nn.Conv2d):
                    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def forward(self, left: Tensor, right: Tensor) -> StereoOutput:
        """left, right: [B, 3, H, W], RGB in 0 … 1, H and W multiples of `stride`."""
        if left.shape != right.shape or left.shape[-2] % self.stride or left.shape[-1] % self.stride:
            raise ValueError(
                f"left {list(left.shape)} and right {list(right.shape)} must have one shape, with height and width "
                f"multiples of {self.stride}; stereo.predictor.Predictor takes any size"
            )
        if min(left.shape[-2:]) < self.min_size:
            raise ValueError(
                f"images of {left.shape[-1]}×{left.shape[-2]} (width × height) are smaller than this network's least "
                f"size, {self.min_size}×{self.min_size}; stereo.predictor.Predictor pads them"
            )
        left_features, right_matching = self._extract(left, right)
        volume = partial(self.cost_volume, left_features.matching, right_matching)
        predictions = self.regression(self.aggregation(volume, self.max_disparity // 4), left_features)
        return StereoOutput(predictions[-1].disparity, predictions)

    def _extract(self, left: Tensor, right: Tensor) -> tuple[Features, Tensor]:
        """All features of the left view, and of the right one those that are matched.

        In training both views are one batch, over which batch normalisation takes its statistics (the authors of PSMNet
        take each view's own); for inference, where it makes no difference, one follows the other in half the memory.
        """
        if torch.is_grad_enabled() or self.training:
            both = self.features(self._normalize(torch.cat([left, right])))
            return Features(*(part[: len(left)] for part in both)), both.matching[len(left) :]
        right_matching = self.features(self._normalize(right)).matching
        left_features = self.features(self._normalize(left))
        release_freed_memory(left.device)
        return left_features, right_matching

    def _normalize(self, images: Tensor) -> Tensor:
        return (images - self.image_mean) / self.image_std
