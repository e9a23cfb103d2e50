"""Transforms of a sample that change how its views look. Nothing moves, and ground truth stays as it is."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stereo.data.sample import Image, StereoSample
from stereo.data.transforms.basics import as_image


def color_jitter(sample: StereoSample, strength: float, asymmetric_probability: float, rng: Generator) -> StereoSample:
    """Change brightness, contrast, saturation and gamma, by the same draw for both views or (asymmetric) by two."""
    left_draw = rng.uniform(-strength, strength, 4)
    right_draw = left_draw
    if rng.random() < asymmetric_probability:
        right_draw = left_draw + rng.uniform(-strength, strength, 4) / 2
    return replace(sample, left=jitter(sample.left, left_draw), right=jitter(sample.right, right_draw))


def jitter(image: Image, draw: NDArray[np.float64]) -> Image:
    """Multiply brightness, contrast, saturation and gamma of an image by 2 to the power of a draw, [4]."""
    brightness, contrast, saturation, gamma = 2.0**draw
    # Brightness, contrast about the mean and gamma act on each value alone: one table of 256 entries.
    mean = float(cv2.mean(image)[0]) / 255 * brightness
    values = np.linspace(0, 1, 256) * brightness
    table = np.clip((values - mean) * contrast + mean, 0, 1) ** gamma
    image = as_image(cv2.LUT(image, np.round(table * 255).astype(np.uint8)))
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return as_image(cv2.addWeighted(image, saturation, gray, 1 - saturation, 0))


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
