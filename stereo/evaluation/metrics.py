"""Error metrics of disparity maps, and the protocols under which they are reported.

One implementation serves training (batched tensors on any device, no host synchronisation) and evaluation (one image
at a time). All of it is computed in float64: the metrics of a whole data set are sums over hundreds of millions of
pixels, and a threshold such as 5 % of d must not depend on rounding.

A prediction that is not finite on a pixel that counts never vanishes: it is an outlier under every threshold, it
makes the EPE non-finite, and :class:`MetricAccumulator` refuses it.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stereo.errors import StereoError

Averaging = Literal["pixels", "images"]


# ------------------------------------------------------------------------------------------------- plain functions


def epe(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """End-point error: the mean of |prediction - target| over the mask, px.

    Args:
        prediction, target: px, one shape, [H, W] or [B, H, W].
        mask: bool, the same shape: the pixels that count. The target may hold anything elsewhere.

    Returns: float64 scalar on the inputs' device; NaN where no pixel counts.
    """
    error = absolute_error(prediction, target, mask)
    return error.sum() / mask.sum().to(error.device)


def bad(prediction: Tensor, target: Tensor, mask: Tensor, threshold: float) -> Tensor:
    """bad-τ: the share of pixels in the mask whose error is above `threshold` px, 0 … 100 (NaN: no pixel counts)."""
    error = absolute_error(prediction, target, mask)
    return 100.0 * _exceeds(error, threshold).sum() / mask.sum().to(error.device)


def d1(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """D1: the share of pixels in the mask whose error is above 3 px *and* above 5 % of d, 0 … 100 (NaN: none counts).

    Source: Menze & Geiger, CVPR 2015 (KITTI 2015).
    """
    error = absolute_error(prediction, target, mask)
    return 100.0 * _is_d1_outlier(error, target).sum() / mask.sum().to(error.device)


def absolute_error(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """|prediction - target| in float64, 0 outside the mask.

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
    return torch.where(mask, prediction.double() - target.double(), 0.0).abs()


def _exceeds(error: Tensor, threshold: float | Tensor) -> Tensor:
    return ~(error <= threshold)  # so that NaN is an outlier


def _is_d1_outlier(error: Tensor, target: Tensor) -> Tensor:
    # 0.05·|d| of an unknown d may be inf or NaN. The error there is 0, which is not above 3 px.
    return _exceeds(error, 3.0) & _exceeds(error, 0.05 * target.to(error).abs())


# ---------------------------------------------------------------------------------------------------- accumulation


class ImageMetrics(NamedTuple):
    """The metrics of one image. epe: px. bad_1 … d1: percentages, 0 … 100. pixels: how many counted."""

    epe: float
    bad_1: float
    bad_2: float
    bad_3: float
    d1: float
    pixels: int


@dataclass(frozen=True)
class Metrics:
    """The metrics of a set of images.

    epe, epe_image_mean: px. bad_1, bad_2, bad_3, d1: percentages, 0 … 100. All NaN where no image was scored.
    images: how many were scored, with `pixels` pixels in all. skipped: how many had no pixel that counts.
    """

    epe: float
    epe_image_mean: float
    bad_1: float
    bad_2: float
    bad_3: float
    d1: float
    images: int
    pixels: int
    skipped: int


def image_metrics(
    prediction: Tensor | NDArray[np.floating],
    target: Tensor | NDArray[np.floating],
    mask: Tensor | NDArray[np.bool_],
    name: str = "",
) -> ImageMetrics | None:
    """The metrics of one image, or None where no pixel counts.

    Args:
        prediction, target: px, [H, W].
        mask: bool [H, W]: the pixels that count.
        name: the image's, for the error message.

    Raises: StereoError where the prediction is not finite on a pixel that counts.
    """
    prediction, target, mask = (torch.as_tensor(array) for array in (prediction, target, mask))
    error = absolute_error(prediction, target, mask)
    sums = torch.stack(
        [
            mask.sum().to(error),
            (~error.isfinite()).sum().to(error),
            error.sum(),
            *(_exceeds(error, threshold).sum().to(error) for threshold in (1.0, 2.0, 3.0)),
            _is_d1_outlier(error, target).sum().to(error),
        ]
    )
    pixels, non_finite, error_sum, *outliers = sums.tolist()  # the only host synchronisation
    if pixels == 0:
        return None
    if non_finite:
        raise StereoError(
            f"{name or 'image'}: {non_finite:.0f} of {pixels:.0f} errors are not finite (NaN or infinite), so that "
            "no metric is defined; the prediction or the ground truth on these pixels is broken: try another "
            "checkpoint, or full precision"
        )
    bad_1, bad_2, bad_3, d1_share = (100.0 * count / pixels for count in outliers)
    return ImageMetrics(error_sum / pixels, bad_1, bad_2, bad_3, d1_share, int(pixels))


class MetricAccumulator:
    """Metrics over many images, summed in float64.

    Args:
        averaging: `pixels`: every pixel counts alike. `images`: every image counts alike, in all the metrics.
    """

    def __init__(self, averaging: Averaging = "pixels") -> None:
        self.averaging = averaging
        self.rows: list[ImageMetrics] = []
        self.skipped = 0

    def update(
        self,
        prediction: Tensor | NDArray[np.floating],
        target: Tensor | NDArray[np.floating],
        mask: Tensor | NDArray[np.bool_],
        name: str = "",
    ) -> ImageMetrics | None:
        """Add one image and give its own metrics, as :func:`image_metrics`."""
        row = image_metrics(prediction, target, mask, name)
        self.add(row)
        return row

    def add(self, row: ImageMetrics | None) -> None:
        """Add the metrics of one image; None, an image of which no pixel counts, is counted as skipped."""
        if row is None:
            self.skipped += 1
        else:
            self.rows.append(row)

    def result(self) -> Metrics:
        """The metrics of all images so far."""
        image_mean = self._mean("epe", weighted=False)
        weighted = self.averaging == "pixels"
        return Metrics(
            epe=self._mean("epe", weighted),
            epe_image_mean=image_mean,
            bad_1=self._mean("bad_1", weighted),
            bad_2=self._mean("bad_2", weighted),
            bad_3=self._mean("bad_3", weighted),
            d1=self._mean("d1", weighted),
            images=len(self.rows),
            pixels=sum(row.pixels for row in self.rows),
            skipped=self.skipped,
        )

    def _mean(self, field: str, weighted: bool) -> float:
        if not self.rows:
            return math.nan
        weights = [row.pixels if weighted else 1 for row in self.rows]
        terms = (getattr(row, field) * weight for row, weight in zip(self.rows, weights, strict=True))
        return math.fsum(terms) / sum(weights)
