"""What a metric is. To add one, add a line to `METRICS`.

All is computed in float64: the metrics of a data set are sums over hundreds of millions of pixels, and a threshold such
as 5 % of d must not depend on rounding. The sums of each image are kept apart and added exactly, so that the result
does not depend on their order, nor on how many processes share the work.

A prediction that is not finite on a pixel that counts never vanishes: :func:`image_sums` refuses it.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stereo.data.sample import Map, Mask
from stereo.errors import StereoError

Values = NDArray[np.float64]
Averaging = Literal["pixels", "images"]


@dataclass(frozen=True)
class Metric:
    """One metric: a mean over pixels.

    per_pixel: from the absolute error and the true disparity, px, [N] each, to what the mean is taken of.
    finish: from that mean to the metric, in px or, of a share of pixels, in %.
    """

    per_pixel: Callable[[Values, Values], NDArray[np.generic]]
    finish: Callable[[float], float] = float


def _percent(share: float) -> float:
    return 100.0 * share


def _bad(threshold: float) -> Metric:
    """Return bad-τ: the share of pixels whose error is above the threshold, px."""
    return Metric(lambda error, true: error > threshold, _percent)


METRICS: dict[str, Metric] = {
    "epe": Metric(lambda error, true: error),
    "rmse": Metric(lambda error, true: error**2, math.sqrt),
    "bad_05": _bad(0.5),
    "bad_1": _bad(1),
    "bad_2": _bad(2),
    "bad_3": _bad(3),
    "bad_4": _bad(4),
    # Source: Menze & Geiger, CVPR 2015 (KITTI 2015).
    "d1": Metric(lambda error, true: (error > 3) & (error > 0.05 * np.abs(true)), _percent),
}


@dataclass(frozen=True)
class ImageSums:
    """The sum of each metric over the pixels of one image that count.

    pixels: How many count. None of them: the image counts as 0, as some protocols want it; an image that is left out
        has no sums at all.
    """

    pixels: int
    sums: Mapping[str, float]

    def metrics(self) -> dict[str, float]:
        """Return the metrics of this image alone."""
        return {
            name: metric.finish(self.sums[name] / self.pixels) if self.pixels else 0.0
            for name, metric in METRICS.items()
        }


def image_sums(prediction: Map, disparity: Map, counts: Mask, name: str = "") -> ImageSums:
    """Return the sums of one image.

    Args:
        prediction, disparity: px, [H, W]; the true disparity may hold anything where it does not count.
        counts: bool [H, W]: the pixels that count.
        name: The image's, for the error message.

    Raises: StereoError where the prediction is not finite on a pixel that counts; ValueError where the shapes differ.
    """
    if not prediction.shape == disparity.shape == counts.shape:
        raise ValueError(
            f"prediction, disparity and mask have shapes {list(prediction.shape)}, {list(disparity.shape)} and "
            f"{list(counts.shape)}, expected one shape"
        )
    true = disparity[counts].astype(np.float64)
    error = np.abs(prediction[counts].astype(np.float64) - true)
    broken = error.size - np.count_nonzero(np.isfinite(error))
    if broken:
        raise StereoError(
            f"{name or 'image'}: {broken} of {error.size} errors are not finite (NaN or infinite), so that no metric "
            "is defined; the prediction or the ground truth on these pixels is broken: try another checkpoint, or full "
            "precision"
        )
    return ImageSums(error.size, {key: float(metric.per_pixel(error, true).sum()) for key, metric in METRICS.items()})


def average(images: Sequence[ImageSums], averaging: Averaging) -> dict[str, float]:
    """Return the metrics of a set of images; all are NaN where there is none, or none has a pixel to average over.

    Args:
        averaging: `pixels`: every pixel counts alike. `images`: every image counts alike, so that each metric is the
            mean of the images' own.
    """
    if averaging == "images":
        own = [image.metrics() for image in images]
        return {name: _mean((values[name] for values in own), len(own)) for name in METRICS}
    pixels = sum(image.pixels for image in images)
    means = {name: _mean((image.sums[name] for image in images), pixels) for name in METRICS}
    return {name: mean if math.isnan(mean) else METRICS[name].finish(mean) for name, mean in means.items()}


def _mean(values: Iterable[float], count: int) -> float:
    return math.fsum(values) / count if count else math.nan


def epe(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the end-point error of a batch in training: the mean of |prediction - target| over the mask, px.

    Args:
        prediction, target: px, one shape, [H, W] or [B, H, W].
        mask: bool, the same shape: the pixels that count. The target may hold anything elsewhere.

    Returns: float64 scalar on the inputs' device (without waiting for it); NaN where no pixel counts.
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
    error = torch.where(mask, prediction.double() - target.double(), 0.0).abs()
    return error.sum() / mask.sum()
