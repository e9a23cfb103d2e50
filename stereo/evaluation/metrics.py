"""What a metric is. To add one, add a line to `METRICS`.

All is computed in float64: the metrics of a data set are sums over hundreds of millions of pixels, and a threshold such
as 5 % of d must not depend on rounding. What is summed over images is summed exactly (:mod:`stereo.evaluation.totals`),
so that the result does not depend on their order, nor on how the work is shared.

A prediction that is not finite on a pixel that counts never vanishes: it is refused.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stereo.data.sample import Map, Mask
from stereo.errors import StereoError

Values = NDArray[np.float64]
Averaging = Literal["pixels", "images"]


class Pixels(NamedTuple):
    """The pixels of one image that count, [N] each.

    error: |prediction − truth|, px. true: the true disparity, px. estimated: bool, where the method itself gave the
    value; elsewhere it was filled from the surroundings.
    """

    error: Values
    true: Values
    estimated: Mask


@dataclass(frozen=True)
class Metric:
    """One metric: a mean over pixels.

    per_pixel: from the pixels to what the mean is taken of, [N].
    finish: from that mean to the metric, in px or, of a share of pixels, in %.
    """

    per_pixel: Callable[[Pixels], NDArray[np.generic]]
    finish: Callable[[float], float] = float


def _percent(share: float) -> float:
    return 100.0 * share


def _bad(threshold: float) -> Metric:
    """Return bad-τ: the share of pixels whose error is above the threshold, px."""
    return Metric(lambda pixels: pixels.error > threshold, _percent)


METRICS: dict[str, Metric] = {
    "epe": Metric(lambda pixels: pixels.error),
    "rmse": Metric(lambda pixels: pixels.error**2, math.sqrt),
    "bad_05": _bad(0.5),
    "bad_1": _bad(1),
    "bad_2": _bad(2),
    "bad_3": _bad(3),
    "bad_4": _bad(4),
    "bad_5": _bad(5),
    # Source: Menze & Geiger, CVPR 2015 (KITTI 2015).
    "d1": Metric(lambda pixels: (pixels.error > 3) & (pixels.error > 0.05 * np.abs(pixels.true)), _percent),
    # How much of the image the method answers for; the errors above are over all of it, holes filled.
    "density": Metric(lambda pixels: pixels.estimated, _percent),
}

# Error quantiles, px: the smallest error that so large a share of the pixels does not exceed. Source: Middlebury v3.
QUANTILES: dict[str, float] = {"a50": 0.5, "a90": 0.9, "a95": 0.95, "a99": 0.99}

# What tells how good a confidence is (:mod:`stereo.evaluation.confidence`), px; only where a method gives one.
CONFIDENCE_METRICS = ("ause", "risk_90", "risk_80", "risk_50")


def metric_names() -> list[str]:
    """Return the names of all metrics, in the order of every report."""
    return [*METRICS, *QUANTILES, *CONFIDENCE_METRICS]


@dataclass(frozen=True)
class ImageSums:
    """What one image gives to the metrics of its data set.

    pixels: How many count. None of them: the image counts as 0, as some protocols want it; an image that is left out
        has no sums at all.
    sums: Of each of `METRICS`, over the pixels that count.
    own: Quantiles and confidence metrics, which are the image's own: px by name, those that there are.
    """

    pixels: int
    sums: Mapping[str, float]
    own: Mapping[str, float] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """Return the metrics of this image alone, those that there are."""
        means = {
            name: metric.finish(self.sums[name] / self.pixels) if self.pixels else 0.0
            for name, metric in METRICS.items()
        }
        return {**means, **self.own}


def counts_as_zero() -> ImageSums:
    """Return the sums of an image that counts as 0."""
    return ImageSums(0, dict.fromkeys(METRICS, 0.0), dict.fromkeys(QUANTILES, 0.0))


def select_pixels(
    predicted: Map, disparity: Map, counts: Mask, estimated: Mask | None = None, name: str = ""
) -> Pixels:
    """Return the pixels that count.

    Args:
        predicted, disparity: The predicted and the true one, px, [H, W]; the true one may hold anything where it does
            not count.
        counts: bool [H, W]: the pixels that count.
        estimated: bool [H, W]: where the method itself gave the value; None: everywhere.
        name: The image's, for the error message.

    Raises: StereoError where the prediction is not finite on a pixel that counts; ValueError where the shapes differ.
    """
    if not predicted.shape == disparity.shape == counts.shape:
        raise ValueError(
            f"prediction, disparity and mask have shapes {list(predicted.shape)}, {list(disparity.shape)} and "
            f"{list(counts.shape)}, expected one shape"
        )
    true = disparity[counts].astype(np.float64)
    error = np.abs(predicted[counts].astype(np.float64) - true)
    broken = error.size - np.count_nonzero(np.isfinite(error))
    if broken:
        raise StereoError(
            f"{name or 'image'}: {broken} of {error.size} errors are not finite (NaN or infinite), so that no metric "
            "is defined; the prediction or the ground truth on these pixels is broken: try another checkpoint, or full "
            "precision"
        )
    return Pixels(error, true, np.ones(error.shape, np.bool_) if estimated is None else estimated[counts])


def image_sums(pixels: Pixels) -> ImageSums:
    """Return the sums of one image, without confidence metrics: the naive twin of what :mod:`scoring` does fast."""
    if pixels.error.size == 0:
        return counts_as_zero()
    ordered = np.sort(pixels.error)
    return ImageSums(
        pixels.error.size,
        {name: float(metric.per_pixel(pixels).sum()) for name, metric in METRICS.items()},
        {name: float(ordered[quantile_rank(share, ordered.size)]) for name, share in QUANTILES.items()},
    )


def quantile_rank(share: float, count: int) -> int:
    """Return the place, from 0, of a quantile among so many sorted errors: the first by which the share is reached."""
    # Rounded, since 0.95 · 20 is 19.000000000000004 in some orders of evaluation and must not become 20.
    return max(math.ceil(round(share * count, 6)) - 1, 0)


def batch_metrics(prediction: Tensor, target: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Return the metrics of a batch in training: `epe` (px), `bad_1`, `bad_3` and `d1` (0 … 100 %) over the mask.

    Args:
        prediction, target: px, one shape, [H, W] or [B, H, W].
        mask: bool, the same shape: the pixels that count. The target may hold anything elsewhere.

    Returns: float64 scalars on the inputs' device (without waiting for it); NaN where no pixel counts.
    Raises: ValueError where the shapes differ or the mask is not bool.
    """
    if not prediction.shape == target.shape == mask.shape:
        # Broadcasting [B, 1, H, W] against [B, H, W] would give a plausible and wrong number.
        raise ValueError(
            f"prediction, target and mask have shapes {list(prediction.shape)}, {list(target.shape)} and "
            f"{list(mask.shape)}, expected one shape"
        )
    if mask.dtype != torch.bool:
        raise ValueError(f"mask is {mask.dtype}, expected bool")
    prediction = prediction.detach()
    if prediction.device.type == "mps":  # has no float64
        prediction, target, mask = prediction.cpu(), target.cpu(), mask.cpu()
    # where, not a product: unknown ground truth may be inf or NaN, and 0 · inf is NaN.
    true = torch.where(mask, target.double(), 0.0)
    error = torch.where(mask, prediction.double() - true, 0.0).abs()
    sums = {
        "epe": error.sum(),
        "bad_1": 100.0 * (error > 1).sum(),
        "bad_3": 100.0 * (error > 3).sum(),
        "d1": 100.0 * ((error > 3) & (error > 0.05 * true.abs())).sum(),
    }
    return {name: total / mask.sum() for name, total in sums.items()}
