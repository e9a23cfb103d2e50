"""Photometric changes of one view alone, as between two cameras: of the whole view, of patches of it, of its pixels.

Ground truth and the other view stay as they are.

Source: the asymmetric chromatic augmentation of HSMNet (Yang et al., CVPR 2019, section 3.3) for the whole view. The
three levels are those of HVT (Chang et al., "Domain Generalized Stereo Matching via Hierarchical Visual
Transformation", CVPR 2023), which learns what it does at each; here it is drawn at random.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from stereo.config import OneViewConfig
from stereo.data.sample import Image, StereoSample
from stereo.data.transforms.basics import as_image, chance
from stereo.data.transforms.photometric import jitter

# So many rectangles at most, and the range of their sides as shares of the view's.
MAX_PATCHES = 6
PATCH_SIDES = (1 / 16, 1 / 2)
# At strength 1: the range of a patch's Gaussian blur, px; the largest noise, gray levels; the largest share of pixels
# that are dead.
_BLUR = (0.5, 4.0)
_MAX_NOISE = 25.0
_MAX_DEAD = 0.01


def change_one_view(sample: StereoSample, config: OneViewConfig, rng: Generator) -> StereoSample:
    """Change the sample by each form that is drawn, in a view that is drawn for it."""
    if chance(config.global_probability, rng):
        sample = _in_one_view(sample, change_whole, config.global_strength, rng)
    if chance(config.patch_probability, rng):
        sample = _in_one_view(sample, change_patches, config.patch_strength, rng)
    if chance(config.pixel_probability, rng):
        sample = _in_one_view(sample, change_pixels, config.pixel_strength, rng)
    return sample


def _in_one_view(
    sample: StereoSample, change: Callable[[Image, float, Generator], Image], strength: float, rng: Generator
) -> StereoSample:
    if rng.random() < 0.5:
        return replace(sample, left=change(sample.left, strength, rng))
    return replace(sample, right=change(sample.right, strength, rng))


def change_whole(image: Image, strength: float, rng: Generator) -> Image:
    """Change brightness, contrast, saturation, gamma and white balance of an image.

    strength: more than 0, 1 at most. Each factor is 2^−strength … 2^strength; red and blue change by half as much
        against green.
    """
    image = jitter(image, rng.uniform(-strength, strength, 4))
    red, blue = 2.0 ** (rng.uniform(-strength, strength, 2) / 2)
    table = np.arange(256)[:, None] * np.array([red, 1.0, blue])
    return as_image(cv2.LUT(image, np.rint(table.clip(0, 255)).astype(np.uint8)[None]))


def change_patches(image: Image, strength: float, rng: Generator) -> Image:
    """Change brightness and contrast of one to `MAX_PATCHES` rectangles of an image, and blur half of them.

    strength: more than 0, 1 at most. Each factor is 2^−strength … 2^strength.
    """
    image = image.copy()
    for _ in range(int(rng.integers(1, MAX_PATCHES + 1))):
        rows, columns = (_draw_span(size, rng) for size in image.shape[:2])
        brightness, contrast = rng.uniform(-strength, strength, 2)
        patch = jitter(np.ascontiguousarray(image[rows, columns]), np.array([brightness, contrast, 0, 0]))
        if rng.random() < 0.5:
            patch = as_image(cv2.GaussianBlur(patch, (0, 0), strength * rng.uniform(*_BLUR)))
        image[rows, columns] = patch
    return image


def _draw_span(size: int, rng: Generator) -> slice:
    """Return a part of so many rows or columns; small parts are as likely as parts twice as large."""
    shortest, longest = np.log(PATCH_SIDES)
    length = max(1, round(size * float(np.exp(rng.uniform(shortest, longest)))))
    start = int(rng.integers(0, size - length + 1))
    return slice(start, start + length)


def change_pixels(image: Image, strength: float, rng: Generator) -> Image:
    """Light an image by a smooth field, add noise, and make some pixels dead: black or white.

    strength: more than 0, 1 at most. The light is 2^−strength … 2^strength times what it was.
    """
    height, width = image.shape[:2]
    nodes = rng.uniform(-strength, strength, (int(rng.integers(2, 6)), int(rng.integers(2, 6))))
    field = cv2.resize(nodes.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    light = np.exp2(np.clip(field, -strength, strength))  # cubic interpolation overshoots
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0, _MAX_NOISE * strength))
    changed = np.rint(image * light[..., None] + noise).clip(0, 255).astype(np.uint8)
    dead = rng.random((height, width), np.float32) < rng.uniform(0, _MAX_DEAD * strength)
    changed[dead] = rng.choice(np.array([0, 255], np.uint8), (int(dead.sum()), 1))
    return changed
