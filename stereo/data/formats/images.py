"""Images and masks: PNG, JPEG, WebP, BMP, TIFF, PPM and PGM."""

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.containers import MAX_PIXELS, read_pixels, row_bands, write_encoded
from stereo.data.sample import Image
from stereo.errors import OutputError

# A 16-bit image whose largest value is below this keeps fewer than 32 of 256 gray levels.
_LEAST_FULL = 65536 // 8

_log = logging.getLogger(__name__)
_warned = False

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")


def read_image(path: str | Path, max_pixels: int = MAX_PIXELS, upright: bool = False) -> Image:
    """Read a PNG, JPEG, WebP, BMP, TIFF, PPM or PGM image as RGB uint8 [H, W, 3].

    Gray becomes three equal channels, alpha is dropped, and samples of another depth are scaled so that full
    intensity is 255 (16 bit: divided by 257) and rounded. An EXIF orientation is not applied unless
    asked for: rectification holds for the rows as they are stored.

    A 16-bit image that uses less than an eighth of its range, as with 10 or 12 bits in 16, is logged as a warning, once
    in a process. It is not stretched: a file does not show its depth, and both views of a pair must be treated alike.

    Args:
        max_pixels: Refuse larger images, before memory is taken for them.
        upright: Turn the image as its EXIF orientation says.

    Raises: FormatError.
    """
    path = Path(path)
    pixels, full = read_pixels(path, max_pixels, upright)
    if full != 255:
        if full == 65535:
            _warn_of_few_levels(path, int(pixels.max()))
        pixels = _to_8_bits(pixels, full)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _to_8_bits(pixels: NDArray[Any], full: int) -> NDArray[np.uint8]:
    """Return pixels of which `full` is full intensity as those of which 255 is; by rows, to take little memory."""
    scaled = np.empty(pixels.shape, np.uint8)
    for rows in row_bands(pixels):
        band = pixels[rows].astype(np.uint32) * 255 + full // 2
        scaled[rows] = np.minimum(band // full, 255)
    return scaled


def _warn_of_few_levels(path: Path, largest: int) -> None:
    global _warned
    if _warned or not 0 < largest < _LEAST_FULL:
        return
    _warned = True
    bits = next(bits for bits in (8, 10, 12, 14) if largest < 2**bits)
    _log.warning(
        "%s: its largest value is %d of 65535, which leaves about %d of 256 gray levels; if these are %d bits in a "
        "16-bit file, multiply the values of both views by %d and write them again (further files are not named)",
        path,
        largest,
        round(largest / 257),
        bits,
        2 ** (16 - bits),
    )


def read_mask(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask image as uint8 [H, W], the values as stored; the largest channel of a color image.

    Raises: FormatError.
    """
    pixels, _ = read_pixels(Path(path))
    if pixels.ndim == 3:
        pixels = pixels.max(axis=2)
    return np.minimum(pixels, 255).astype(np.uint8)


def write_image(path: str | Path, rgb: Image) -> None:
    """Write RGB uint8 [H, W, 3] as PNG, PPM or WebP (all lossless) or JPEG (quality 95), by the suffix.

    Raises: OutputError if the suffix is another or the file cannot be written; ValueError for another array.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    parameters = {
        ".png": [],
        ".ppm": [],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100: lossless
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    }
    if suffix not in parameters:
        raise OutputError(
            f"{path}: cannot be written: the suffix is '{path.suffix}'; use one of {', '.join(parameters)}"
        )
    rgb = np.asarray(rgb)
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"write_image takes RGB uint8 [H, W, 3], got {rgb.dtype} {list(rgb.shape)}")
    write_encoded(path, suffix, rgb[:, :, ::-1], parameters[suffix])
