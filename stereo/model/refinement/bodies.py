"""The 2D convolutions of the refinement: from what a step has looked at to the map that its results are read from."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from stereo.config import RefinementConfig
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import concatenate, conv2d, upsample


class Body(nn.Module, ABC):
    """Base of the bodies: [B, in_channels, h, w] at ½ to a hidden map [B, channels, h, w]."""

    @abstractmethod
    def forward(self, x: Tensor, left: Features, confidence: Tensor, hidden: Tensor | None) -> Tensor:
        """Return the hidden map of this step.

        Args:
            x: [B, in_channels, h, w]: left features, evidence and estimate.
            left: Features of the left image.
            confidence: [B, h/2, w/2], 0 … 1, in the estimate that the refinement began with.
            hidden: That of the step before; None in the first.
        """


class PlainBody(nn.Sequential, Body):
    """Three convolutions at ½, of what is known there alone."""

    def __init__(self, in_channels: int, config: RefinementConfig, features: FeatureExtractor) -> None:
        channels = config.channels
        super().__init__(
            conv2d(in_channels, channels),
            conv2d(channels, channels),
            conv2d(channels, channels, dilation=2),
        )

    def forward(self, x: Tensor, left: Features, confidence: Tensor, hidden: Tensor | None) -> Tensor:  # type: ignore[override]
        return super().forward(x)


class QuarterPart(nn.Sequential):
    """What a pyramid does at ¼: two dilated convolutions, [B, channels, h/2, w/2] to the same."""

    def __init__(self, channels: int, features: FeatureExtractor) -> None:
        super().__init__(conv2d(channels, channels, dilation=2), conv2d(channels, channels, dilation=4))

    def forward(self, x: Tensor, left: Features) -> Tensor:  # type: ignore[override]
        return super().forward(x)


class EighthPart(nn.Module):
    """What a deep pyramid does at ¼ and ⅛, where it is given the left features of ⅛; in the place of a QuarterPart."""

    def __init__(self, channels: int, features: FeatureExtractor) -> None:
        super().__init__()
        self.entry = conv2d(channels, channels)
        self.down = conv2d(channels, channels, stride=2)
        self.context = conv2d(features.eighth_channels, channels, kernel=1, relu=False)
        self.eighth = nn.Sequential(conv2d(channels, channels, dilation=2), conv2d(channels, channels, dilation=4))
        self.up = nn.Conv2d(channels, channels, 1)
        self.merge = conv2d(channels, channels)

    def forward(self, x: Tensor, left: Features) -> Tensor:
        quarter = self.entry(x)
        eighth = self.eighth(self.down(quarter) + self.context(left.eighth))
        return self.merge(quarter + upsample(self.up(eighth)))


class PyramidBody(Body):
    """One convolution at ½, some at ¼, and one at ½ again, where the result is that of both resolutions.

    At ¼ they see farther for less work, and they are given the left features of that resolution and the confidence in
    the estimate, which tell where it has to be replaced by what lies beside it.
    """

    part: type[QuarterPart | EighthPart] = QuarterPart

    def __init__(self, in_channels: int, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__()
        channels = config.channels
        self.entry = conv2d(in_channels, channels)
        self.down = conv2d(channels, 2 * channels, stride=2)
        self.context = conv2d(features.quarter_channels + 1, 2 * channels, kernel=1, relu=False)
        self.quarter = self.part(2 * channels, features)
        self.up = nn.Conv2d(2 * channels, channels, 1)
        self.merge = conv2d(channels, channels)

    def forward(self, x: Tensor, left: Features, confidence: Tensor, hidden: Tensor | None) -> Tensor:
        half = self.entry(x)
        quarter = self.down(half) + self.context(concatenate([left.quarter, confidence.unsqueeze(1)]))
        return self.merge(half + upsample(self.up(self.quarter(quarter, left))))


class DeepPyramidBody(PyramidBody):
    """A pyramid down to ⅛, where it sees farthest."""

    part = EighthPart


class RecurrentBody(Body):
    """A convolutional gated recurrent unit at ½, whose hidden map goes from step to step.

    It begins with what the left features of ½ and ¼ say, and the confidence. Update and reset gate are one convolution.

    Source: the update operator of RAFT-Stereo (Lipson et al., 3DV 2021), section 3.3, with one level instead of three
        and square kernels.
    """

    def __init__(self, in_channels: int, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__()
        channels = config.channels
        self.context = nn.Conv2d(features.quarter_channels + 1, channels, 1)
        self.initial = nn.Conv2d(features.half_channels, channels, 3, padding=1)
        self.entry = conv2d(in_channels, channels)
        self.gates = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        self.candidate = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x: Tensor, left: Features, confidence: Tensor, hidden: Tensor | None) -> Tensor:
        if hidden is None:
            context = self.context(concatenate([left.quarter, confidence.unsqueeze(1)]))
            hidden = torch.tanh(self.initial(left.half) + upsample(context))
        seen = self.entry(x)
        update, reset = self.gates(torch.cat([hidden, seen], dim=1)).sigmoid().chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([reset * hidden, seen], dim=1)))
        return torch.lerp(hidden, candidate, update)


# By refinement.body.
BODIES: dict[str, Callable[[int, RefinementConfig, FeatureExtractor], Body]] = {
    "plain": PlainBody,
    "pyramid": PyramidBody,
    "deep_pyramid": DeepPyramidBody,
    "recurrent": RecurrentBody,
}
