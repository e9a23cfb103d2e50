"""The regression: it turns costs at ¼ into a disparity map at full resolution, by an estimate and an upsampling."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from stereo.config import ModelConfig, RegressionConfig
from stereo.model.features.base import Features
from stereo.model.layers import conv2d

# A logit so low that softmax gives it nothing, yet finite, so that it can be interpolated.
_IMPOSSIBLE = -1e4


class SupervisedOutput(NamedTuple):
    """One supervised output of the network."""

    disparity: Tensor  # [B, H, W], px at full resolution
    cost: Tensor | None  # [B, D, H/4, W/4], logits over the disparity bins; None of a refined disparity

    def float(self) -> "SupervisedOutput":
        """Return the same in single precision."""
        return SupervisedOutput(self.disparity.float(), None if self.cost is None else self.cost.float())


def soft_argmin(cost: Tensor) -> Tensor:
    """Return the expected bin under softmax(cost): [B, D, H, W] to [B, H, W], in bins.

    Source: GC-Net (Kendall et al., ICCV 2017), eq. 1, with the sign of the cost turned (higher is more likely).
    """
    return _expected_bin(cost.softmax(dim=1))


def dominant_mode(cost: Tensor, radius: int) -> Tensor:
    """Return the expected bin within `radius` bins of the highest peak: [B, D, H, W] to [B, H, W], in bins.

    The expectation over all bins lies between two surfaces where the distribution has two modes, as at every object
    border; the expectation over the dominant one does not. The peak is that of the distribution smoothed over three
    bins, so that a mode's mass counts rather than its sharpness.

    Source: single-modal weighted averaging of AcfNet/SMD-Nets-style networks; the window form is this project's.
    """
    kept = _dominant_part(cost, radius)
    return _expected_bin(kept / kept.sum(dim=1, keepdim=True))


def mode_mass(cost: Tensor, radius: int) -> Tensor:
    """Return the probability that lies within `radius` bins of the highest peak: [B, D, H, W] to [B, H, W], 0 … 1.

    It is near 1 where the network sees one surface, and less where it sees several or none: a confidence. The peak is
    that of :func:`dominant_mode`.
    """
    return _dominant_part(cost, radius).sum(dim=1)


def right_costs(cost: Tensor) -> Tensor:
    """Return the right view's costs from the left view's, both [B, D, H/4, W/4]: cost_right(x, d) = cost(x + d, d).

    A match of a left and a right pixel has one cost, whichever of the two it is asked for. What the left view does not
    show is as good as impossible.
    """
    width = cost.shape[-1]
    right = torch.full_like(cost, _IMPOSSIBLE)
    for shift in range(min(cost.shape[1], width)):
        right[:, shift, :, : width - shift] = cost[:, shift, :, shift:]
    return right


def _dominant_part(cost: Tensor, radius: int) -> Tensor:
    """Return the distribution within `radius` bins of its smoothed peak, and 0 elsewhere: [B, D, H, W] to the same."""
    probability = cost.softmax(dim=1)
    padded = F.pad(probability.detach(), (0, 0, 0, 0, 1, 1))
    # Sums of three, which PyTorch's pooling takes many times as long for on a CPU.
    peak = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]).argmax(dim=1, keepdim=True)  # [B, 1, H, W]
    bins = torch.arange(cost.shape[1], device=cost.device).view(1, -1, 1, 1)
    window = (bins - peak).abs() <= radius
    return probability * window


def _expected_bin(probability: Tensor) -> Tensor:
    bins = torch.arange(probability.shape[1], device=probability.device, dtype=probability.dtype)
    with torch.autocast(probability.device.type, enabled=False):  # bf16 would round the 20th bin to an eighth
        return torch.einsum("bdhw,d->bhw", probability, bins)


# From costs and the half-width of a mode, in bins.
ESTIMATES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "soft_argmin": lambda cost, mode_radius: soft_argmin(cost),
    "dominant_mode": dominant_mode,
}


def estimate_bin(cost: Tensor, estimate: str, mode_radius: int) -> Tensor:
    """Return the estimate of that name: [B, D, H, W] to [B, H, W], in bins."""
    return ESTIMATES[estimate](cost, mode_radius)


class Upsampling(nn.Module, ABC):
    """Base of the upsamplings."""

    def __init__(self, config: RegressionConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, costs: list[Tensor], left: Features) -> list[SupervisedOutput]:
        """Return the supervised output of each cost volume [B, D, H/4, W/4]."""

    def mass(self, cost: Tensor) -> Tensor:
        """Return the mass of the dominant mode of one cost volume: [B, H/4, W/4], 0 … 1."""
        return mode_mass(cost, self.config.mode_radius)

    @abstractmethod
    def confidence(self, mass: Tensor, left: Features) -> Tensor:
        """Return such a mass at full resolution, [B, H, W]."""


class ConvexUpsampling(Upsampling):
    """Disparity is estimated at ¼; each full-resolution pixel is a learned convex combination of its 3×3 coarse
    neighbors.

    Source: RAFT (Teed & Deng, ECCV 2020), section 3.3, with the mask predicted once from the left features.
    """

    def __init__(self, config: RegressionConfig, quarter_channels: int, half_channels: int) -> None:
        super().__init__(config)
        self.mask = nn.Sequential(conv2d(quarter_channels + half_channels, 48), nn.Conv2d(48, 9 * 16, 1))

    def forward(self, costs: list[Tensor], left: Features) -> list[SupervisedOutput]:
        weights = self._weights(left)
        return [SupervisedOutput(convex_upsample(self._estimate(cost), weights), cost) for cost in costs]

    def confidence(self, mass: Tensor, left: Features) -> Tensor:
        return convex_upsample(mass, self._weights(left)).clamp(0, 1)

    def _estimate(self, cost: Tensor) -> Tensor:
        return 4 * estimate_bin(cost, self.config.estimate, self.config.mode_radius)  # px

    def _weights(self, left: Features) -> Tensor:
        """Return how each full-resolution pixel combines its 3×3 coarse neighbors: [B, 9, 16, H/4, W/4]."""
        context = torch.cat([left.quarter, F.avg_pool2d(left.half, 2)], dim=1)
        # In bf16 they would not sum to one, and a disparity of 100 px be wrong by some tenths.
        return self.mask(context).float().unflatten(1, (9, 16)).softmax(dim=1)


def convex_upsample(coarse: Tensor, weights: Tensor) -> Tensor:
    """Return a map [B, h, w] at f times its resolution: each fine pixel combines the 3×3 coarse ones around its own.

    Args:
        coarse: [B, h, w].
        weights: [B, 9, f², h, w], summing to one over the 9 neighbors.
    """
    padded = F.pad(coarse.unsqueeze(1), (1, 1, 1, 1), mode="replicate")
    neighbors = F.unfold(padded, 3).unflatten(2, coarse.shape[1:])  # [B, 9, h, w]
    return F.pixel_shuffle((neighbors.unsqueeze(2) * weights).sum(1), math.isqrt(weights.shape[2])).squeeze(1)


class TrilinearUpsampling(Upsampling):
    """The cost volume is upsampled to full resolution, and disparity is estimated there, some rows at a time.

    At full resolution the volume and its softmax are 64 times the volume at ¼, for 544×960 px and 192 disparities
    400 MB each. Each pixel's estimate needs its own column alone, so rows are upsampled in blocks of `BLOCK_ROWS`; the
    gradient recomputes each block. Interpolation is linear along each axis: rows first, then disparities and columns.

    Source: PSMNet (Chang & Chen, CVPR 2018), section 3.5.
    """

    # Full-resolution rows in one block. For 960 columns and 192 disparities a block takes 12 MB.
    BLOCK_ROWS = 16

    def __init__(self, config: RegressionConfig, align_corners: bool = False) -> None:
        super().__init__(config)
        self.align_corners = align_corners

    def forward(self, costs: list[Tensor], left: Features) -> list[SupervisedOutput]:
        return [SupervisedOutput(self._upsample(cost), cost) for cost in costs]

    def confidence(self, mass: Tensor, left: Features) -> Tensor:
        # Of the volume at ¼, and then interpolated, which is far less work than to upsample the volume.
        full = F.interpolate(mass.unsqueeze(1), scale_factor=4, mode="bilinear", align_corners=self.align_corners)
        return full.squeeze(1).clamp(0, 1)

    def _upsample(self, cost: Tensor) -> Tensor:
        # One bin is one px here.
        radius = 4 * self.config.mode_radius
        return self.map_rows(cost, lambda volume, rows: estimate_bin(volume, self.config.estimate, radius))

    def map_rows(self, cost: Tensor, of_rows: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return what a function makes of the volume at full resolution, block by block: [B, H, W].

        Args:
            cost: [B, D, H/4, W/4].
            of_rows: From the volume of R full-resolution rows [B, 4D, R, W], and which rows they are [R] (numbers of
                floating point), to [B, R, W].
        """

        def of_block(cost: Tensor, rows: Tensor) -> Tensor:
            return of_rows(self._volume_rows(cost, rows), rows)

        height, blocks = 4 * cost.shape[2], []
        # A height that an exported program leaves open is no int, and its blocks have no number.
        starts = range(0, height, self.BLOCK_ROWS) if isinstance(height, int) else [0]
        for start, stop in zip(starts, [*starts[1:], height], strict=True):
            rows = torch.arange(start, stop, device=cost.device, dtype=torch.promote_types(cost.dtype, torch.float32))
            if torch.is_grad_enabled() and cost.requires_grad:
                blocks.append(checkpoint(of_block, cost, rows, use_reentrant=False))
            else:
                blocks.append(of_block(cost, rows))
        return torch.cat(blocks, dim=1)

    def _volume_rows(self, cost: Tensor, rows: Tensor) -> Tensor:
        """Return the R full-resolution rows [B, 4D, R, W] of the cost volume [B, D, H/4, W/4]."""
        upper, lower, weight = source_rows(rows, cost.shape[2], self.align_corners)
        weight = weight.to(cost.dtype)[:, None]
        at_rows = torch.lerp(cost[:, :, upper], cost[:, :, lower], weight)  # [B, D, R, W/4]
        full = F.interpolate(
            at_rows.transpose(1, 2).flatten(0, 1).unsqueeze(1),  # [B R, 1, D, W/4]
            scale_factor=4,
            mode="bilinear",
            align_corners=self.align_corners,
        )
        return full.squeeze(1).unflatten(0, (cost.shape[0], -1)).transpose(1, 2)


def source_rows(rows: Tensor, height: int, align_corners: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return the two of `height` coarse rows that each fine row lies between, and its position from first to second.

    Source: the coordinates of torch.nn.functional.interpolate.
    """
    if align_corners:
        position = rows * ((height - 1) / max(4 * height - 1, 1))
    else:
        position = ((rows + 0.5) / 4 - 0.5).clamp_min(0)
    upper = position.floor().long()
    return upper, (upper + 1).clamp_max(height - 1), position - upper


UPSAMPLINGS: dict[str, Callable[[ModelConfig, int, int], Upsampling]] = {
    "convex": lambda config, quarter, half: ConvexUpsampling(config.regression, quarter, half),
    "trilinear": lambda config, quarter, half: TrilinearUpsampling(config.regression, config.align_corners),
}


def build_regression(config: ModelConfig, quarter_channels: int, half_channels: int) -> Upsampling:
    """Return the regression that the configuration chooses, for features of so many channels at ¼ and ½."""
    return UPSAMPLINGS[config.regression.upsampling](config, quarter_channels, half_channels)
