"""StereoSample: one rectified pair and what is known of it.

Convention, everywhere in this project: disparity is in full-resolution pixels and positive, and the left pixel
(x, y) matches the right pixel (x - disparity, y).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.errors import DataError

Image = NDArray[np.uint8]
Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Least height and width of an image that a method takes, px.
MIN_SIZE = 32


@dataclass(frozen=True)
class Calibration:
    """What turns disparity into depth: depth = focal_length * baseline / (disparity + disparity_offset).

    focal_length: px at the image's own resolution. baseline: metres. disparity_offset: px, the right minus the left
    principal point's x (`doffs` in Middlebury's calib.txt), 0 for most rigs.
    """

    focal_length: float
    baseline: float
    disparity_offset: float = 0.0


@dataclass
class StereoSample:
    """One rectified stereo pair in numpy, as it lies on disk or as the procedural world draws it.

    left, right: RGB uint8 [H, W, 3].
    disparity: float32 [H, W] of the left view in px; finite everywhere, 0 where unknown. None: no ground truth.
    valid: bool [H, W], ground truth is known here (it may still lie beyond a network's max_disparity).
    occluded: bool [H, W], True where the left pixel is not visible in the right view; None where the data set does
        not say.
    disparity_right: float32 [H, W] of the right view, where the data set has it.
    calibration: where the data set has it.
    name: unique within its data set, for reports.

    Raises: DataError where shapes or types do not agree.
    """

    left: Image
    right: Image
    disparity: Map | None = None
    valid: Mask | None = None
    occluded: Mask | None = None
    disparity_right: Map | None = None
    calibration: Calibration | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for side, image in (("left", self.left), ("right", self.right)):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise DataError(
                    f"{self.name}: the {side} image is {image.dtype} {list(image.shape)}, expected RGB uint8 [H, W, 3]"
                )
        if self.left.shape != self.right.shape:
            raise DataError(
                f"{self.name}: the left image is {_size(self.left)} but the right one is {_size(self.right)} "
                "(width × height); a rectified pair has one size: check that the two files belong together"
            )
        if (self.disparity is None) != (self.valid is None):
            raise DataError(f"{self.name}: disparity and valid come together, got only one of them")
        for field, dtype in (
            ("disparity", np.float32),
            ("valid", np.bool_),
            ("occluded", np.bool_),
            ("disparity_right", np.float32),
        ):
            value = getattr(self, field)
            if value is None:
                continue
            if value.dtype != dtype:
                raise DataError(f"{self.name}: {field} is {value.dtype}, expected {np.dtype(dtype)}")
            if value.shape != self.left.shape[:2]:
                raise DataError(
                    f"{self.name}: {field} is {_size(value)} but the images are {_size(self.left)} (width × height); "
                    "check that they belong to the same pair and resolution"
                )

    @property
    def height(self) -> int:
        return int(self.left.shape[0])

    @property
    def width(self) -> int:
        return int(self.left.shape[1])


def _size(array: NDArray[np.generic]) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"


def check_pair(left: Image, right: Image) -> None:
    """Raise DataError unless both are RGB uint8 [H, W, 3] of one size, 32 px or more on each side."""
    for side, image in (("left", left), ("right", right)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise DataError(f"the {side} image is {image.dtype} {list(image.shape)}, expected RGB uint8 [H, W, 3]")
    sizes = [f"{image.shape[1]}×{image.shape[0]}" for image in (left, right)]
    if sizes[0] != sizes[1]:
        raise DataError(
            f"the left image is {sizes[0]} but the right one is {sizes[1]} (width × height); a rectified pair has one "
            "size: check that the two files belong together"
        )
    if min(left.shape[:2]) < MIN_SIZE:
        raise DataError(f"the images are {sizes[0]} (width × height), expected {MIN_SIZE} px or more on each side")
