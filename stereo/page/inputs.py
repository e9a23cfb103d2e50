"""What a stranger gives the page: two images and numbers; and the example instead of them."""

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np

from stereo.config import SyntheticConfig
from stereo.data.formats import read_image, write_image
from stereo.data.formats.faults import quote
from stereo.data.sample import Calibration, Image, check_pair
from stereo.data.synthetic import SyntheticWorld
from stereo.errors import ConfigError, DataError, FormatError

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = get_args(Side)
# The calibration's fields, by the names of Calibration.
FIELDS = {
    "focal_length": "focal length, px",
    "baseline": "baseline, m",
    "cx": "cx, px",
    "cy": "cy, px",
    "disparity_offset": "disparity offset, px",
    "focal_length_y": "vertical focal length, px",
}

# px, the longer side of the small picture of a chosen image.
_THUMBNAIL_SIDE = 320
# The example: a scene of the procedural world, which has no unit of length, as a camera of 12 cm baseline sees it.
_EXAMPLE = SyntheticConfig(seed=7, height=288, width=480, max_disparity=64, preset="tabletop", materials=0.0)
_EXAMPLE_INDEX = 2
_EXAMPLE_BASELINE = 0.12


def take_image(folder: Path, side: Side, data: bytes, max_pixels: int) -> tuple[int, int]:
    """Keep an uploaded image in the folder, with a thumbnail of it; return its height and width, px.

    Raises: FormatError, after which the folder has no such image.
    """
    path, thumbnail = folder / side, folder / f"{side}.jpg"
    for old in (path, thumbnail):
        old.unlink(missing_ok=True)
    path.write_bytes(data)
    try:
        image = _read(path, side, max_pixels)
    except FormatError:
        path.unlink()
        raise
    write_image(thumbnail, _resized_to(image, _THUMBNAIL_SIDE))
    return image.shape[0], image.shape[1]


def take_example(folder: Path, max_pixels: int) -> Calibration:
    """Put a pair of the procedural world into the folder, as if it was uploaded; return its calibration."""
    sample = SyntheticWorld(_EXAMPLE)[_EXAMPLE_INDEX]
    path = folder / "example.png"
    for side, image in zip(SIDES, (sample.left, sample.right), strict=True):
        write_image(path, image)
        take_image(folder, side, path.read_bytes(), max_pixels)
    path.unlink()
    assert sample.calibration is not None
    focal_length = round(sample.calibration.focal_length, 2)
    return replace(sample.calibration, focal_length=focal_length, baseline=_EXAMPLE_BASELINE)


def read_left_size(folder: Path, max_pixels: int) -> tuple[int, int]:
    """Return rows and columns of the left image. Raises: DataError where there is none."""
    if not os.path.exists(folder / "left"):
        raise DataError("choose the left image first: a calibration is read for its size")
    height, width = _read(folder / "left", "left", max_pixels).shape[:2]
    return height, width


def read_pair(folder: Path, max_pixels: int) -> tuple[Image, Image]:
    """Return the pair in the folder. Raises: DataError where there is none, or its images do not belong together."""
    for side in SIDES:
        if not os.path.exists(folder / side):
            raise DataError(f"the {side} image is missing: choose it first, or use the example")
    left, right = (_read(folder / side, side, max_pixels) for side in SIDES)
    check_pair(left, right)
    return left, right


def calibration_of(fields: Mapping[str, str]) -> Calibration | None:
    """Return the calibration that the page's fields say; None where neither focal length nor baseline is given.

    Args:
        fields: The text of each field, by the names of :class:`Calibration`; "" where one is empty.

    Raises: ConfigError.
    """
    numbers = {name: _number(name, text) for name, text in fields.items() if text.strip()}
    given = {"focal_length", "baseline"} & numbers.keys()
    if len(given) == 1:
        (missing,) = {"focal_length", "baseline"} - given
        raise ConfigError(f"the field '{FIELDS[missing]}' is empty: depth takes both focal length and baseline")
    if len({"cx", "cy"} & numbers.keys()) == 1:
        raise ConfigError("the principal point has two numbers, cx and cy: give both or none")
    return Calibration(**numbers) if given else None


def fields_of(calibration: Calibration) -> dict[str, str]:
    """Return the text of each field for a calibration."""
    values = {name: getattr(calibration, name) for name in FIELDS}
    return {name: "" if value is None else f"{value:.10g}" for name, value in values.items()}


def _number(name: str, text: str) -> float:
    """Return the number in a field. Raises: ConfigError."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    positive = name in ("focal_length", "baseline", "focal_length_y")
    if not math.isfinite(value) or (positive and value <= 0):
        expected = "a number above 0" if positive else "a number"
        raise ConfigError(f"the field '{FIELDS[name]}' has {quote(text)}, expected {expected}")
    return value


def _read(path: Path, side: Side, max_pixels: int) -> Image:
    try:
        return read_image(path, max_pixels)
    except FormatError as error:
        raise renamed(error, path, f"the {side} image") from None


def renamed(error: FormatError, path: Path, name: str) -> FormatError:
    """Return an error with what the user calls a file in the place of its path."""
    return FormatError(str(error).replace(str(path), name))


def _resized_to(image: Image, longest: int) -> Image:
    """Return an image, reduced where its longer side is more than `longest` px."""
    ratio = longest / max(image.shape[:2])
    if ratio >= 1:
        return image
    size = [max(1, round(side * ratio)) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
