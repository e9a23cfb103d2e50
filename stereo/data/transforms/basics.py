"""What the transforms share: whether one happens, and the type of what OpenCV returns."""

from typing import Any

import numpy as np
from numpy.random import Generator

from stereo.data.sample import Image


def chance(probability: float, rng: Generator) -> bool:
    """Return True with this probability. 0 draws no number, so that a new transform, off, changes no other's draws."""
    return probability > 0 and rng.random() < probability


def as_image(array: Any) -> Image:
    """Return an array that OpenCV made of an image as what it is."""
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.uint8
    return array
