"""Predictions at another size than the images'."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.methods.method import Prediction

# What bilinear interpolation gives among ones alone, less its rounding.
_ALL = 0.999


def resize_prediction(prediction: Prediction, height: int, width: int) -> Prediction:
    """Return a prediction at another size, its disparities multiplied by the ratio of the widths.

    Maps are interpolated bilinearly, and where a value was filled in among those that would be averaged, the nearest
    value is taken. Each pixel is a square around its center, so that corners fall on corners. `ran_at` is the
    prediction's own, or the size that it had.
    """
    old_height, old_width = prediction.disparity.shape
    if (old_height, old_width) == (height, width):
        return prediction
    ratio = np.float32(width / old_width)

    def bilinear(array: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(array, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

    def nearest(array: NDArray[Any]) -> NDArray[Any]:
        return cv2.resize(array, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)

    disparity, estimated = bilinear(prediction.disparity), None
    if prediction.estimated is not None:
        near_hole = bilinear(prediction.estimated.astype(np.float32)) < _ALL
        disparity = np.where(near_hole, nearest(prediction.disparity), disparity)
        estimated = nearest(prediction.estimated.astype(np.uint8)) > 0
    return Prediction(
        disparity * ratio,
        confidence=None if prediction.confidence is None else bilinear(prediction.confidence).clip(0, 1),
        disparity_right=None if prediction.disparity_right is None else bilinear(prediction.disparity_right) * ratio,
        estimated=estimated,
        ran_at=prediction.ran_at or (old_height, old_width),
    )


def is_resized(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two sizes (rows, columns) differ by one scale, within 1 px that rounding may have added."""
    least = max((length - 1) / whole for length, whole in zip(size, other, strict=True))
    most = min((length + 1) / whole for length, whole in zip(size, other, strict=True))
    return least < most
