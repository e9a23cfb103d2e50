"""Transforms of a sample that move pixels. Ground truth and calibration follow."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stereo.data.sample import GroundTruth, Image, SampleSource, StereoSample
from stereo.data.transforms.basics import as_image
from stereo.errors import DataError


def resize(sample: StereoSample, scale: float, stretch: float = 1.0) -> StereoSample:
    """Resize both views and their maps by `scale`, and their width by `stretch` on top of it.

    Disparities are multiplied by the exact ratio of the widths. Maps take the nearest value: an average across a border
    would be a disparity that no surface has.
    """
    height, width = max(1, round(sample.height * scale)), max(1, round(sample.width * scale * stretch))
    ratio = width / sample.width
    interpolation = cv2.INTER_AREA if scale * min(stretch, 1.0) < 1 else cv2.INTER_LINEAR

    def image(value: Image) -> Image:
        return as_image(cv2.resize(value, (width, height), interpolation=interpolation))

    def nearest(value: NDArray[Any] | None, dtype: type) -> Any:
        if value is None:
            return None
        resized = cv2.resize(value.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        return resized.astype(dtype)

    truth = sample.truth
    if truth is not None:
        disparity_right = nearest(truth.disparity_right, np.float32)
        truth = GroundTruth(
            disparity=nearest(truth.disparity, np.float32) * np.float32(ratio),
            valid=nearest(truth.valid, np.bool_),
            occluded=nearest(truth.occluded, np.bool_),
            disparity_right=None if disparity_right is None else disparity_right * np.float32(ratio),
            foreground=nearest(truth.foreground, np.bool_),
        )
    calibration = sample.calibration
    return replace(
        sample,
        left=image(sample.left),
        right=image(sample.right),
        truth=truth,
        calibration=None if calibration is None else calibration.resized(ratio, height / sample.height),
    )


def random_crop(source: SampleSource, height: int, width: int, rng: Generator) -> StereoSample:
    """Cut the same random window out of both views. Raises: DataError if the sample is smaller than that."""
    if source.height < height or source.width < width:
        raise DataError(
            f"{source.name}: the sample is {source.width}×{source.height} but the crop is {width}×{height} "
            "(width × height); set data.augmentation.crop_height and crop_width to what the data set has"
        )
    top = int(rng.integers(0, source.height - height + 1))
    left = int(rng.integers(0, source.width - width + 1))
    return source.window(top, left, height, width)


def vertical_flip(sample: StereoSample) -> StereoSample:
    """Turn both views upside down; disparities stay as they are."""
    calibration = sample.calibration
    return replace(
        sample.map_arrays(lambda array: array[::-1]),
        calibration=None if calibration is None else calibration.upside_down(sample.height),
    )


def horizontal_flip(sample: StereoSample) -> StereoSample:
    """Exchange the views and mirror both, so that disparities stay positive: the right view's become the left one's.

    They count as known where they are not 0. Which pixels are occluded in the new right view, and which of the new
    left view show moving objects, is not known.
    Raises: DataError if the right view's disparity is not there.
    """
    truth, calibration = sample.truth, sample.calibration
    if truth is None or truth.disparity_right is None:
        raise DataError(f"{sample.name}: a horizontal flip needs the right view's disparity, which is not there")
    swapped = StereoSample(
        left=sample.right,
        right=sample.left,
        truth=GroundTruth(
            disparity=truth.disparity_right, valid=truth.disparity_right != 0, disparity_right=truth.disparity
        ),
        calibration=None if calibration is None else calibration.mirrored(sample.width),
        name=sample.name,
    )
    return swapped.map_arrays(lambda array: array[:, ::-1])


def misalign(
    sample: StereoSample, shift: float, angle: float, center: tuple[float, float] | None = None
) -> StereoSample:
    """Move the right view down by `shift` px and turn it by `angle` degrees about its center, as on a real rig.

    center: column and row of another center, px: for a window, the center of the frame that it is cut from.
    The disparity becomes the difference of the columns that match afterwards: turning moves the columns too. Where it
    would be 0 or less, and where the match has left the view, ground truth is no longer known.
    """
    height, width = sample.height, sample.width
    matrix = cv2.getRotationMatrix2D(center or ((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    matrix[1, 2] += shift
    right = cv2.warpAffine(
        sample.right, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    truth = None if sample.truth is None else _follow(sample.truth, np.asarray(matrix, np.float64))
    return replace(sample, right=as_image(right), truth=truth)


def _follow(truth: GroundTruth, matrix: NDArray[np.float64]) -> GroundTruth:
    """Return the ground truth after an affine motion [2, 3] of the right view."""
    height, width = truth.disparity.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    source = columns - truth.disparity
    moved, row = matrix @ np.stack([source, rows, np.ones_like(rows)]).reshape(3, -1)
    changed = columns - moved.reshape(height, width)
    stays = (row >= 0) & (row <= height - 1)
    valid = truth.valid & (changed > 0) & (stays.reshape(height, width) | (source < 0))
    disparity_right = truth.disparity_right
    if disparity_right is not None:
        back = cv2.invertAffineTransform(matrix)
        source_x, source_y = np.rint(back @ np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1))
        inside = (source_x >= 0) & (source_x < width) & (source_y >= 0) & (source_y < height)
        x, y = (np.where(inside, part, 0).astype(np.int64) for part in (source_x, source_y))
        before = disparity_right[y, x]
        moved = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
        after = np.where(inside & (before != 0), x + before - moved, 0)
        disparity_right = np.maximum(after, 0).astype(np.float32).reshape(height, width)
    return GroundTruth(
        disparity=np.where(valid, changed, 0).astype(np.float32),
        valid=valid,
        occluded=None if truth.occluded is None else truth.occluded & valid,
        disparity_right=disparity_right,
        foreground=truth.foreground,
    )
