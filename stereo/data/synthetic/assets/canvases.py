"""Canvases: square pictures that the surfaces of a world are cut from."""

from functools import lru_cache

import cv2
import numpy as np

from stereo.data.sample import Image
from stereo.data.synthetic.assets.patterns import make_pattern
from stereo.data.synthetic.assets.photographs import crop_of_photograph
from stereo.data.synthetic.streams import canvas_stream, photograph_stream

# Sides of the canvases, texels. A surface takes the smallest that holds it, or else the last.
CANVAS_SIDES = (96, 192, 384)


@lru_cache(maxsize=1024)
def make_canvas(seed: int, side: int, number: int, pattern: str | None = None) -> Image:
    """Return canvas `number` of a world, uint8 [side, side, 4], not to be written to.

    Making canvases takes longer than rendering the scenes that show parts of them, so each process keeps those that it
    made: about 150 MB with the default bank of 192 numbers, and 90 MB more in
    the presets that choose patterns by name.

    Args:
        pattern: One of patterns.PATTERNS; None: choose one by weight.
    """
    painted = make_pattern(canvas_stream(seed, side, number), side, side, pattern)
    canvas = with_fourth_channel(np.asarray(cv2.convertScaleAbs(painted), np.uint8))
    canvas.flags.writeable = False
    return canvas


@lru_cache(maxsize=640)
def make_photograph(number: int, folder: str, side: int) -> Image:
    """Return crop `number` of the photographs of a folder, uint8 [side, side, 4], not to be written to; kept, as above.

    Raises: as crop_of_photograph.
    """
    canvas = with_fourth_channel(crop_of_photograph(photograph_stream(number), folder, side, side))
    canvas.flags.writeable = False
    return canvas


def with_fourth_channel(image: Image) -> Image:
    """Turn RGB uint8 [h, w, 3] into [h, w, 4]: OpenCV samples four channels faster than three."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)
