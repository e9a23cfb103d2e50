"""Refinement: the estimate is corrected at ½ by what the images show around it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.config import RefinementConfig
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.layers import concatenate
from stereo.model.refinement.bodies import BODIES
from stereo.model.refinement.evidence import EVIDENCE, MATCHINGS
from stereo.model.regression import convex_upsample

# px: the convolutions are given the estimate in this unit, in which it is of the order of one, as features are.
_DISPARITY_UNIT = 64


class Refinement(nn.Module):
    """Adds a residual to the estimate at ½, some steps one after the other with the same weights.

    The evidence of a step is taken at the estimate of the step before. 2D convolutions turn it, the left features and
    the estimate into the residual and into the convex combinations that bring the result to full resolution. The
    residual starts at zero. The gradient does not pass through the place at which the evidence is taken, but through
    the sum of the residuals, to the estimate that the refinement begins with.

    Source: the local lookup around the estimate follows RAFT-Stereo (Lipson et al., 3DV 2021), section 3.2; the single
        volume at ½ is this project's, and so are the bodies but the recurrent one.
    """

    def __init__(self, config: RefinementConfig, features: FeatureExtractor) -> None:
        super().__init__()
        self.steps = config.steps
        channels = config.channels
        self.matching = MATCHINGS[config.matching](config, features)
        self.evidence = EVIDENCE[config.kind](config)
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
        hidden: Tensor | None = None
        refined = []
        for step in range(self.steps):
            place = estimate.detach()
            evidence = self.evidence(left_matching, right_matching, place.squeeze(1) / 2)
            hidden = self.body(concatenate([left.half, evidence, place / _DISPARITY_UNIT]), left, confidence, hidden)
            is_supervised = self.training or step == self.steps - 1
            residual, mask = self._read(hidden) if is_supervised else (self.residual(hidden), None)
            estimate = (estimate + 2 * residual).clamp_min(0)
            if mask is not None:
                refined.append(convex_upsample(estimate.squeeze(1), mask.unflatten(1, (9, 4)).softmax(dim=1)))
        return refined

    def _read(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return residual and mask of a hidden map by one convolution: the one channel costs as much as sixteen."""
        weight = torch.cat([self.mask.weight, self.residual.weight])
        assert self.mask.bias is not None
        assert self.residual.bias is not None
        both = F.conv2d(hidden, weight, torch.cat([self.mask.bias, self.residual.bias]), padding=1)
        return both[:, -1:], both[:, :-1]


def build_refinement(config: RefinementConfig, features: FeatureExtractor) -> Refinement | None:
    """Return the refinement that the configuration chooses, or None; `features` tells the widths of the features."""
    return None if config.kind == "none" else Refinement(config, features)
