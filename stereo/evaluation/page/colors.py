"""The colors of the page's pictures, and the same as CSS gradients for their scales."""

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image, Map, Mask
from stereo.visualize import color_disparity

# px: a signed error so large has the last color.
ERROR_END = 32.0
# From −1 to 1: blue, light gray, vermilion, as color-blind readers tell them apart.
_ERROR_COLORS = np.array([(0, 46, 92), (0, 114, 178), (240, 240, 238), (213, 94, 0), (106, 30, 0)], np.float64)
_STOPS = 13


def color_signed_error(error: Map, valid: Mask) -> Image:
    """Draw a signed error: blue where the prediction is too small, vermilion where too large, black where unknown.

    The scale is logarithmic on both sides of 0, log(1 + |error| / px), and ends at ±`ERROR_END` px in every picture.

    Args:
        error: prediction − truth, [H, W], px. valid: bool [H, W]: where it is known.

    Returns: RGB uint8 [H, W, 3].
    """
    level = np.sign(error) * np.log1p(np.abs(error)) / np.log1p(ERROR_END)
    return np.where(valid[..., None], _error_color(level), np.uint8(0))


def color_confidence(confidence: Map, valid: Mask) -> Image:
    """Draw a confidence, 0 … 1, in the color map Cividis, dark blue to yellow; black where unknown."""
    level = np.rint(255 * np.clip(np.where(valid, confidence, 0), 0, 1)).astype(np.uint8)
    return np.where(valid[..., None], _cividis(level), np.uint8(0))


def gradients() -> dict[str, str]:
    """Return CSS gradients from left to right for each scale by name: disparity, error, confidence."""
    level = np.linspace(0, 1, _STOPS, dtype=np.float32)[None]
    everywhere = np.ones(level.shape, np.bool_)
    return {
        "disparity": _gradient(color_disparity(level, 1)),
        "error": _gradient(_error_color(2 * level - 1)),
        "confidence": _gradient(color_confidence(level, everywhere)),
    }


def _error_color(level: NDArray[np.floating]) -> Image:
    ends = np.linspace(-1, 1, len(_ERROR_COLORS))
    channels = [np.interp(level, ends, _ERROR_COLORS[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def _cividis(level: NDArray[np.uint8]) -> Image:
    return np.asarray(cv2.applyColorMap(level, cv2.COLORMAP_CIVIDIS), np.uint8)[..., ::-1]


def _gradient(colors: Image) -> str:
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*color) for color in colors[0].tolist())
    return f"linear-gradient(to right, {stops})"
