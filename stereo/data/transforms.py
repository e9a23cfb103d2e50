"""Augmentation of one training sample. Ground truth stays exact under all of it.

Each transform is a function of a sample and a random generator; :class:`Augmentation` chains them by the settings.
"""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stereo.config import AugmentationConfig
from stereo.data.sample import GroundTruth, Image, SampleSource, StereoSample
from stereo.errors import DataError


class Augmentation:
    """The configured chain: resize, crop, flips, misalignment, color, erasing. A pure function of (sample, generator).

    It takes no more than the crop from its source, unless the sample is resized.
    Raises: DataError if a sample is smaller than the crop.
    """

    def __init__(self, config: AugmentationConfig) -> None:
        self.config = config

    def __call__(self, source: SampleSource, rng: Generator) -> StereoSample:
        config = self.config
        if rng.random() < config.scale_probability:
            source = self._resized(source.window(0, 0, source.height, source.width), rng)
        if config.crop_height is None or config.crop_width is None:
            sample = source.window(0, 0, source.height, source.width)
        else:
            sample = random_crop(source, config.crop_height, config.crop_width, rng)
        can_flip = sample.truth is not None and sample.truth.disparity_right is not None
        if _chance(config.horizontal_flip_probability, rng) and can_flip:
            sample = horizontal_flip(sample)
        if rng.random() < config.vertical_flip_probability:
            sample = vertical_flip(sample)
        if _chance(config.misalignment_probability, rng):
            shift = rng.uniform(-config.max_vertical_shift, config.max_vertical_shift)
            sample = misalign(sample, shift, rng.uniform(-config.max_rotation, config.max_rotation))
        if config.color_jitter > 0:
            sample = color_jitter(sample, config.color_jitter, config.asymmetric_color_probability, rng)
        if rng.random() < config.right_erase_probability:
            sample = erase_right(sample, rng)
        return sample

    def _resized(self, sample: StereoSample, rng: Generator) -> StereoSample:
        """Return the sample at a random scale, at which it is no smaller than the crop unless it was before."""
        config = self.config
        scale = 2.0 ** rng.uniform(config.min_log2_scale, config.max_log2_scale)
        stretch = 1.0
        if _chance(config.stretch_probability, rng):
            stretch = 2.0 ** rng.uniform(-config.max_log2_stretch, config.max_log2_stretch)
        smallest = max((config.crop_height or 1) / sample.height, (config.crop_width or 1) / sample.width / stretch)
        fits = sample.height >= (config.crop_height or 1) and sample.width >= (config.crop_width or 1)
        return resize(sample, max(scale, smallest if fits else 1.0), stretch)


def _chance(probability: float, rng: Generator) -> bool:
    # A transform that is off draws nothing, so that a new one leaves the draws of all others as they were.
    return probability > 0 and rng.random() < probability


def resize(sample: StereoSample, scale: float, stretch: float = 1.0) -> StereoSample:
    """Resize both views and their maps by `scale`, and their width by `stretch` on top of it.

    Disparities are multiplied by the exact ratio of the widths. Maps take the nearest value: an average across a border
    would be a disparity that no surface has.
    """
    height, width = max(1, round(sample.height * scale)), max(1, round(sample.width * scale * stretch))
    ratio = width / sample.width
    interpolation = cv2.INTER_AREA if scale * min(stretch, 1.0) < 1 else cv2.INTER_LINEAR

    def image(value: Image) -> Image:
        return _uint8(cv2.resize(value, (width, height), interpolation=interpolation))

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
    return replace(sample, right=_uint8(right), truth=truth)


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


def color_jitter(sample: StereoSample, strength: float, asymmetric_probability: float, rng: Generator) -> StereoSample:
    """Change brightness, contrast, saturation and gamma, by the same draw for both views or (asymmetric) by two."""
    left_draw = rng.uniform(-strength, strength, 4)
    right_draw = left_draw
    if rng.random() < asymmetric_probability:
        right_draw = left_draw + rng.uniform(-strength, strength, 4) / 2
    return replace(sample, left=_jitter(sample.left, left_draw), right=_jitter(sample.right, right_draw))


def _jitter(image: Image, draw: NDArray[np.float64]) -> Image:
    brightness, contrast, saturation, gamma = 2.0**draw
    # Brightness, contrast about the mean and gamma act on each value alone: one table of 256 entries.
    mean = float(cv2.mean(image)[0]) / 255 * brightness
    values = np.linspace(0, 1, 256) * brightness
    table = np.clip((values - mean) * contrast + mean, 0, 1) ** gamma
    image = _uint8(cv2.LUT(image, np.round(table * 255).astype(np.uint8)))
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return _uint8(cv2.addWeighted(image, saturation, gray, 1 - saturation, 0))


def erase_right(sample: StereoSample, rng: Generator) -> StereoSample:
    """Paint one or two rectangles of the right view with its mean color, as if something stood before that camera.

    Source: occlusion augmentation of HSMNet (Yang et al., CVPR 2019), section 3.3.
    """
    right = sample.right.copy()
    mean = np.array(cv2.mean(right)[:3]).astype(np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        height, width = (int(rng.uniform(0.08, 0.3) * size) for size in right.shape[:2])
        top = int(rng.integers(0, right.shape[0] - height + 1))
        start = int(rng.integers(0, right.shape[1] - width + 1))
        right[top : top + height, start : start + width] = mean
    return replace(sample, right=right)


def _uint8(image: Any) -> Image:
    assert isinstance(image, np.ndarray)
    assert image.dtype == np.uint8
    return image
