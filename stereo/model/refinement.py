"""Refinement: the estimate is corrected at ½ by what the images show around it."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import RefinementConfig
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import conv2d
from stereo.model.regression import convex_upsample

# px: the convolutions are given the estimate in this unit, in which it is of the order of one, as features are.
_DISPARITY_UNIT = 64


class HalfMatching(nn.Conv2d):
    """Gives what is compared at ½ from the features of ½ alone."""

    def __init__(self, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__(features.half_channels, config.matching_channels, 3, padding=1)

    def forward(self, view: Features) -> Tensor:  # type: ignore[override]
        return super().forward(view.half)


class MergedMatching(nn.Module):
    """Gives what is compared at ½ from the features of ½ and those of ¼, which have seen far more of the image."""

    def __init__(self, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__()
        channels = features.half_channels
        self.lateral = nn.Conv2d(features.quarter_channels, channels, 1)
        self.merge = conv2d(channels, channels)
        self.output = nn.Conv2d(channels, config.matching_channels, 3, padding=1)

    def forward(self, view: Features) -> Tensor:
        """Return [B, matching_channels, H/2, W/2] of the features of one view."""
        output: Tensor = self.output(self.merge(view.half + _upsample(self.lateral(view.quarter))))
        return output


class LocalVolume(nn.Module):
    """Compares the views at the estimate and a few disparities around it: a small cost volume that follows it.

    Cosine similarity within channel groups, at −radius … radius full-resolution pixels, which are half pixels at ½.
    """

    def __init__(self, config: RefinementConfig) -> None:
        super().__init__()
        self.groups, self.radius = config.groups, config.radius
        self.channels = config.groups * (2 * config.radius + 1)

    def forward(self, left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
        """Return the similarities [B, channels, h, w], in −1 … 1: all groups at the first offset, and so on.

        Args:
            left, right: [B, C, h, w], the features to match.
            disparity: [B, h, w], in pixels of these maps.
        """
        left, right = (F.normalize(view.unflatten(1, (self.groups, -1)), dim=2) for view in (left, right))
        width, dtype = left.shape[-1], disparity.dtype
        place = torch.arange(width, device=disparity.device, dtype=dtype) - disparity - self.radius / 2
        first = place.detach().floor()
        fraction = (place - first)[:, None, None]  # [B, 1, 1, h, w]
        similarity = self._at_columns(left, right, first.long())  # [B, groups, radius + 2, h, w]
        whole = _lerp(similarity[:, :, :-1], similarity[:, :, 1:], fraction)
        # Half a column further, the place is between the same two columns or between the next two.
        later = fraction >= 0.5
        begin = torch.where(later, similarity[:, :, 1:-1], similarity[:, :, :-2])
        end = torch.where(later, similarity[:, :, 2:], similarity[:, :, 1:-1])
        half = _lerp(begin, end, fraction + 0.5 - later.to(dtype))
        # Places go from left to right, offsets of the disparity the other way.
        ordered = [(half if k % 2 else whole)[:, :, k // 2] for k in reversed(range(2 * self.radius + 1))]
        return torch.cat(ordered, dim=1)

    def _at_columns(self, left: Tensor, right: Tensor, first: Tensor) -> Tensor:
        """Return the similarities [B, groups, radius + 2, h, w] to the columns of the right view from `first` on.

        Similarity is linear in the right view's features, so that it can be interpolated in their place: each column is
        read once, where warping would read two columns for each of the 2 · radius + 1 offsets.

        Args:
            left, right: [B, groups, C, h, w].
            first: [B, h, w], integer columns, also outside the image, where the similarity is 0.
        """
        groups, channels, height, width = left.shape[1:]
        # A column of zeros to either side stands for all that is outside.
        padded = F.pad(right, (1, 1)).flatten(1, 2)
        similarities = []
        for column in range(self.radius + 2):
            index = (first + column + 1).clamp(0, width + 1).unsqueeze(1)
            values = padded.gather(3, index.expand(-1, groups * channels, height, width))
            similarities.append((left * values.view_as(left)).sum(2))
        return torch.stack(similarities, dim=2)


def _lerp(begin: Tensor, end: Tensor, fraction: Tensor) -> Tensor:
    return begin + fraction * (end - begin)


class WarpedResidual(nn.Module):
    """Takes the right view's features, warped by the estimate, from the left view's: what the estimate leaves open."""

    def __init__(self, config: RefinementConfig) -> None:
        super().__init__()
        self.channels = config.matching_channels

    def forward(self, left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
        """Return the difference [B, C, h, w]; arguments as of :class:`LocalVolume`."""
        return left - warp(right, disparity)


class PlainBody(nn.Sequential):
    """Three convolutions at ½, of what is known there alone."""

    def __init__(self, in_channels: int, config: RefinementConfig, features: FeatureExtractor) -> None:
        channels = config.channels
        super().__init__(
            conv2d(in_channels, channels),
            conv2d(channels, channels),
            conv2d(channels, channels, dilation=2),
        )

    def forward(self, x: Tensor, left: Features, confidence: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x)


class PyramidBody(nn.Module):
    """One convolution at ½, some at ¼, and one at ½ again, where the result is that of both resolutions.

    At ¼ they see farther for less work, and they are given the left features of that resolution and the confidence in
    the estimate, which tell where it has to be replaced by what lies beside it.
    """

    def __init__(self, in_channels: int, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__()
        channels = config.channels
        self.entry = conv2d(in_channels, channels)
        self.down = conv2d(channels, 2 * channels, stride=2)
        self.context = conv2d(features.quarter_channels + 1, 2 * channels, kernel=1, relu=False)
        self.quarter = self.build_quarter(2 * channels, features)
        self.up = nn.Conv2d(2 * channels, channels, 1)
        self.merge = conv2d(channels, channels)

    def build_quarter(self, channels: int, features: FeatureExtractor) -> nn.Module:
        """Return what is done at ¼ and below it, [B, channels, h/2, w/2] to the same."""
        return nn.Sequential(conv2d(channels, channels, dilation=2), conv2d(channels, channels, dilation=4))

    def forward(self, x: Tensor, left: Features, confidence: Tensor) -> Tensor:
        """Return the hidden map [B, channels, h, w].

        Args:
            x: [B, in_channels, h, w].
            left: Features of the left image.
            confidence: [B, h/2, w/2], 0 … 1, in the estimate that the refinement began with.
        """
        half = self.entry(x)
        quarter = self.down(half) + self.context(torch.cat([left.quarter, confidence.unsqueeze(1)], dim=1))
        return self.merge(half + _upsample(self.up(self.at_quarter(quarter, left))))

    def at_quarter(self, x: Tensor, left: Features) -> Tensor:
        """Return what `build_quarter` built of x."""
        return self.quarter(x)


class DeepPyramidBody(PyramidBody):
    """A pyramid down to ⅛, where it sees farthest and is given the left features of that resolution too."""

    def build_quarter(self, channels: int, features: FeatureExtractor) -> nn.Module:
        return nn.ModuleDict(
            {
                "entry": conv2d(channels, channels),
                "down": conv2d(channels, channels, stride=2),
                "context": conv2d(features.eighth_channels, channels, kernel=1, relu=False),
                "eighth": nn.Sequential(conv2d(channels, channels, dilation=2), conv2d(channels, channels, dilation=4)),
                "up": nn.Conv2d(channels, channels, 1),
                "merge": conv2d(channels, channels),
            }
        )

    def at_quarter(self, x: Tensor, left: Features) -> Tensor:
        parts = self.quarter
        assert isinstance(parts, nn.ModuleDict)
        quarter = parts["entry"](x)
        eighth = parts["eighth"](parts["down"](quarter) + parts["context"](left.eighth))
        return parts["merge"](quarter + _upsample(parts["up"](eighth)))


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Refinement(nn.Module):
    """Adds a residual to the estimate at ½, some steps one after the other with the same weights.

    The evidence of a step is taken at the estimate of the step before. 2D convolutions turn it, the left features and
    the estimate into the residual and into the convex combinations that bring the result to full resolution. The
    residual starts at zero. The gradient does not pass through the place at which the evidence is taken, but through
    the sum of the residuals, to the estimate that the refinement begins with.

    Source: the local lookup around the estimate follows RAFT-Stereo (Lipson et al., 3DV 2021), section 3.2, without its
        recurrent unit; the single volume at ½ is this project's.
    """

    def __init__(self, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__()
        self.steps = config.steps
        channels = config.channels
        self.matching = MATCHINGS[config.matching](config, features)
        self.evidence = REFINEMENTS[config.kind](config)
        self.body = BODIES[config.body](features.half_channels + self.evidence.channels + 1, config, features)
        self.residual = nn.Conv2d(channels, 1, 3, padding=1)
        self.mask = nn.Conv2d(channels, 9 * 4, 3, padding=1)
        nn.init.zeros_(self.residual.weight)
        assert self.residual.bias is not None
        nn.init.zeros_(self.residual.bias)

    def forward(self, disparity: Tensor, confidence: Tensor, left: Features, right_matching: Tensor) -> list[Tensor]:
        """Return the refined disparity [B, H, W], px, after each step; in evaluation mode after the last alone.

        Args:
            disparity: [B, H, W], px, what to refine.
            confidence: [B, H/4, W/4], 0 … 1, in it.
            left: features of the left image.
            right_matching: [B, matching_channels, H/2, W/2], what `matching` makes of the right image's features.
        """
        # Of the disparity's precision, also where convolutions are of a lower one: positions need it.
        left_matching, right_matching = (view.to(disparity.dtype) for view in (self.matching(left), right_matching))
        estimate = F.avg_pool2d(disparity.unsqueeze(1), 2)  # [B, 1, H/2, W/2], px at full resolution
        refined = []
        for step in range(self.steps):
            place = estimate.detach()
            evidence = self.evidence(left_matching, right_matching, place.squeeze(1) / 2)
            hidden = self.body(torch.cat([left.half, evidence, place / _DISPARITY_UNIT], dim=1), left, confidence)
            estimate = (estimate + 2 * self.residual(hidden)).clamp_min(0)
            if self.training or step == self.steps - 1:
                weights = self.mask(hidden).unflatten(1, (9, 4)).softmax(dim=1)
                refined.append(convex_upsample(estimate.squeeze(1), weights))
        return refined


def warp(features: Tensor, disparity: Tensor) -> Tensor:
    """Return the right view's features where the left view's pixels see them: linear between columns, 0 outside.

    Args:
        features: [B, C, H, W], of the right view.
        disparity: [B, H, W], in pixels of this map: left pixel x takes what is at x − d.
    """
    height, width = features.shape[2:]
    columns = torch.arange(width, device=disparity.device, dtype=disparity.dtype)
    rows = torch.arange(height, device=disparity.device, dtype=disparity.dtype).unsqueeze(1)
    x, y = columns - disparity, rows.expand_as(disparity)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(features, grid, padding_mode="zeros", align_corners=False)


# What a step looks at, by refinement.kind.
REFINEMENTS: dict[str, Callable[[RefinementConfig], LocalVolume | WarpedResidual]] = {
    "local_volume": LocalVolume,
    "residual": WarpedResidual,
}


MATCHINGS: dict[str, Callable[[RefinementConfig, FeatureExtractor], nn.Module]] = {
    "half": HalfMatching,
    "merged": MergedMatching,
}
BODIES: dict[str, Callable[[int, RefinementConfig, FeatureExtractor], nn.Module]] = {
    "plain": PlainBody,
    "pyramid": PyramidBody,
    "deep_pyramid": DeepPyramidBody,
}


def build_refinement(config: RefinementConfig, features: FeatureExtractor) -> Refinement | None:
    """Return the refinement that the configuration chooses, or None; `features` tells the widths of the features."""
    return None if config.kind == "none" else Refinement(config, features)
