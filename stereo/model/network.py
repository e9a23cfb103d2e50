"""StereoNetwork: features (→ attention between the views) → cost volume → aggregation → regression → refinement.

Each is chosen in the configuration.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stereo.config import ModelConfig, check_max_disparity
from stereo.model.aggregation.build import build_aggregation
from stereo.model.attention.views import build_view_attention
from stereo.model.cost_volume import build_cost_volume
from stereo.model.features.base import IMAGE_MEAN, IMAGE_STD, Features
from stereo.model.features.build import build_features
from stereo.model.layers import use_group_norm
from stereo.model.refinement.refine import build_refinement
from stereo.model.regression import SupervisedOutput, build_regression, right_costs


class StereoOutput(NamedTuple):
    """The network's output for a batch of pairs."""

    disparity: Tensor  # [B, H, W] of the left view, px: the last prediction
    predictions: list[SupervisedOutput]  # all supervised outputs, first to last; in evaluation mode the last alone
    confidence: Tensor | None = None  # [B, H, W], 0 … 1, in `disparity`; None where it was not asked for
    disparity_right: Tensor | None = None  # [B, H, W] of the right view, px, not refined; None where not asked for


class StereoNetwork(nn.Module):
    """Maps two images to the disparity of the left one.

    Image height and width must be multiples of `stride` and no less than `min_size`. For inference
    :class:`stereo.methods.predictor.Predictor` takes any size.

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
        self.aggregation = build_aggregation(
            self.cost_volume.channels, config.aggregation, config.attention, self.features
        )
        self.regression = build_regression(config, self.features.quarter_channels, self.features.half_channels)
        self.refinement = build_refinement(config.refinement, self.features)
        # The last to be built, so that all other weights are drawn as in the network without it.
        self.view_attention = build_view_attention(self.features.matching_channels, config.view_attention)
        if config.normalization == "group":
            use_group_norm(self)
        self.register_buffer("image_mean", torch.tensor(IMAGE_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("image_std", torch.tensor(IMAGE_STD).view(1, 3, 1, 1), persistent=False)

    @property
    def max_disparity(self) -> int:
        """Return the largest disparity, px. It may be set to another multiple of 16: no weight depends on it."""
        return self._max_disparity

    @max_disparity.setter
    def max_disparity(self, value: int) -> None:
        check_max_disparity(value, "max_disparity")
        self._max_disparity = value

    def with_fast_layout(self, device: torch.device, channels_last: bool | None = None) -> "StereoNetwork":
        """Move to the device, lay weights out as is fastest there (channels-last), and return the network.

        Values and names of the weights stay the same. `channels_last`: another wish.
        """
        self.to(device)
        if device.type in ("cpu", "cuda") if channels_last is None else channels_last:
            for module in self.modules():
                if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                    module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
                elif isinstance(module, nn.Conv2d):
                    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def forward(
        self, left: Tensor, right: Tensor, with_confidence: bool = False, with_right: bool = False
    ) -> StereoOutput:
        """Return the outputs for a batch of pairs.

        Args:
            left, right: [B, 3, H, W], RGB in 0 … 1, H and W multiples of `stride`.
            with_confidence: Also give a confidence, which costs a little time and memory.
            with_right: Also give the right view's disparity, from the costs of the left view; it is not refined.
        """
        if left.shape != right.shape or left.shape[-2] % self.stride or left.shape[-1] % self.stride:
            raise ValueError(
                f"left {list(left.shape)} and right {list(right.shape)} must have one shape, with height and width "
                f"multiples of {self.stride}: crop them for training, or use stereo.Predictor for inference at any size"
            )
        if min(left.shape[-2:]) < self.min_size:
            raise ValueError(
                f"images of {left.shape[-1]}×{left.shape[-2]} (width × height) are smaller than this network's least "
                f"size, {self.min_size}×{self.min_size}: train on larger ones; for inference stereo.Predictor pads them"
            )
        left_features, right_features, right_fine = self._extract(left, right, with_right)
        right_matching = right_features.matching
        if self.view_attention is not None:
            left_matching, right_matching = self.view_attention(left_features.matching, right_matching)
            left_features = left_features.with_matching(left_matching)
        left_features = left_features.with_matching(self.cost_volume.prepare(left_features.matching))
        volume = partial(self.cost_volume, left_features.matching, self.cost_volume.prepare(right_matching))
        costs = self.aggregation(volume, self.max_disparity // 4, left_features)
        predictions = self.regression(costs, left_features)
        mass = self.regression.mass(costs[-1].detach()) if with_confidence or self.refinement is not None else None
        confidence = self.regression.confidence(mass, left_features) if with_confidence and mass is not None else None
        disparity_right = None
        if with_right:
            disparity_right = self.regression([right_costs(costs[-1])], right_features)[-1].disparity
        if self.refinement is not None:
            refined = self.refinement(predictions[-1].disparity, mass, left_features, right_fine)
            outputs = [SupervisedOutput(disparity, None) for disparity in refined]
            predictions = [*predictions, *outputs] if self.training else outputs
        return StereoOutput(predictions[-1].disparity, predictions, confidence, disparity_right)

    def _extract(self, left: Tensor, right: Tensor, with_right: bool) -> tuple[Features, Features, Tensor | None]:
        """Return the features of both views, and what refinement compares of the right one.

        In training both views are one batch, over which batch normalization takes its statistics (the authors of PSMNet
        take each view's own); for inference, where it makes no difference, one follows the other in half the memory,
        and those of the right view's features that nothing needs are empty.
        """
        if torch.is_grad_enabled() or self.training:
            both = self.features(self._normalize(torch.cat([left, right])))
            views = both.of(slice(0, len(left))), both.of(slice(len(left), None))
            return *views, self._fine(views[1])
        right_features = self.features(self._normalize(right))
        right_fine = self._fine(right_features)
        if not with_right:
            right_features = Features(right_features.matching, *[right.new_empty(0)] * 4)
        return self.features(self._normalize(left)), right_features, right_fine

    def _fine(self, view: Features) -> Tensor | None:
        """Return what refinement compares of a view; None where nothing is refined."""
        return None if self.refinement is None else self.refinement.matching(view)

    def _normalize(self, images: Tensor) -> Tensor:
        return (images - self.image_mean) / self.image_std
