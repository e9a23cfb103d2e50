"""StereoSample: one rectified pair and all that is known about it.

Conventions, everywhere in this project: disparity is in full-resolution pixels and positive, and the left pixel (x, y)
matches the right pixel (x − disparity, y). Pixel centers lie at whole numbers, so that a view of W columns reaches from
−½ to W − ½.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

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
    """The numbers that turn disparity into points: depth = focal_length · baseline / (disparity + disparity_offset).

    focal_length: px along the rows, at the image's own resolution. baseline: meters. disparity_offset: px, the right
    minus the left principal point's x (`doffs` in Middlebury's calib.txt), 0 for most rigs. cx, cy: the left principal
    point, px; None where it is not known. focal_length_y: px along the columns; None: as along the rows.
    """

    focal_length: float
    baseline: float
    disparity_offset: float = 0.0
    cx: float | None = None
    cy: float | None = None
    focal_length_y: float | None = None

    def cropped(self, top: int, left: int) -> "Calibration":
        """Return the calibration of a window whose first pixel is (left, top)."""
        return replace(self, cx=_plus(self.cx, -left), cy=_plus(self.cy, -top))

    def resized(self, ratio_x: float, ratio_y: float) -> "Calibration":
        """Return the calibration of views whose width and height are multiplied by these ratios."""
        focal_length_y = self.focal_length if self.focal_length_y is None else self.focal_length_y
        square = self.focal_length_y is None and ratio_x == ratio_y
        return Calibration(
            focal_length=self.focal_length * ratio_x,
            baseline=self.baseline,
            disparity_offset=self.disparity_offset * ratio_x,
            cx=None if self.cx is None else (self.cx + 0.5) * ratio_x - 0.5,
            cy=None if self.cy is None else (self.cy + 0.5) * ratio_y - 0.5,
            focal_length_y=None if square else focal_length_y * ratio_y,
        )

    def for_image(self, height: int, width: int, calibrated_size: tuple[int, int] | None = None) -> "Calibration":
        """Return the calibration of views that were resized to height × width px.

        Args:
            calibrated_size: Rows and columns of the views that this calibration is of. None: the same as the views;
                then only the principal point can tell that they are of another size.

        Raises: DataError if the views cannot come of a resize, up to the rounding of their size.
        """
        if calibrated_size is None:
            if self.cx is not None and self.cy is not None:
                check_principal_point(self.cx, self.cy, height, width)
            return self
        ratio_x, ratio_y = resize_ratios(height, width, calibrated_size)
        return self if ratio_x == ratio_y == 1 else self.resized(ratio_x, ratio_y)

    def upside_down(self, height: int) -> "Calibration":
        """Return the calibration of views of so many rows after a vertical flip."""
        return replace(self, cy=None if self.cy is None else height - 1 - self.cy)

    def mirrored(self, width: int) -> "Calibration":
        """Return the calibration of views of so many columns, exchanged and mirrored: the right one is the left now."""
        return replace(self, cx=None if self.cx is None else width - 1 - (self.cx + self.disparity_offset))


def resize_ratios(height: int, width: int, calibrated_size: tuple[int, int]) -> tuple[float, float]:
    """Return how much wider and higher views of height × width px are than those (rows, columns) of a calibration.

    Raises: DataError if they cannot come of a resize, up to the rounding of their size.
    """
    rows, columns = calibrated_size
    # Each side may have been rounded up or down, so that the one ratio lies within one pixel of each.
    if (width + 1) / columns <= (height - 1) / rows or (height + 1) / rows <= (width - 1) / columns:
        raise DataError(
            f"the images are {width}×{height} but the calibration is of {columns}×{rows} (width × height), another "
            "shape: cropped images need a calibration of their own; check that they belong together"
        )
    return width / columns, height / rows


def check_principal_point(cx: float, cy: float, height: int, width: int) -> None:
    """Raise DataError unless a principal point lies near the middle of views of height × width px.

    For views at half or double size, it is near a corner or near the middle of a quarter.
    """
    if not (0.3 < (cx + 0.5) / width < 0.7 and 0.3 < (cy + 0.5) / height < 0.7):
        raise DataError(
            f"the images are {width}×{height} (width × height), but the calibration has its principal point at "
            f"({cx:g}, {cy:g}), far from their middle; it seems to be of images of another size: add their width and "
            "height to its file"
        )


@dataclass(frozen=True)
class GroundTruth:
    """What is known about a pair's geometry.

    disparity: float32 [H, W] of the left view in px; finite everywhere, 0 where unknown.
    valid: bool [H, W], ground truth is known here (it may still lie beyond a network's max_disparity).
    occluded: bool [H, W], True where the left pixel is not visible in the right view; None where the data set does
        not say.
    disparity_right: float32 [H, W] of the right view, 0 where unknown; None where the data set does not have it.
    foreground: bool [H, W], True on moving objects in the left view, wherever they are, with or without a known
        disparity; None where the data set does not say (KITTI 2015 alone does).

    Raises: DataError if shapes or types do not agree.
    """

    disparity: Map
    valid: Mask
    occluded: Mask | None = None
    disparity_right: Map | None = None
    foreground: Mask | None = None

    def __post_init__(self) -> None:
        for name, dtype in _TRUTH_TYPES.items():
            value = getattr(self, name)
            if value is None:
                continue
            if value.dtype != dtype:
                raise DataError(f"{name} is {value.dtype}, expected {np.dtype(dtype)}")
            if value.ndim != 2 or value.shape != self.disparity.shape:
                raise DataError(
                    f"{name} is {list(value.shape)} but disparity is {list(self.disparity.shape)} [H, W]; check that "
                    "they belong to the same pair and resolution"
                )


_TRUTH_TYPES: dict[str, type[np.generic]] = {
    "disparity": np.float32,
    "valid": np.bool_,
    "occluded": np.bool_,
    "disparity_right": np.float32,
    "foreground": np.bool_,
}


class SampleSource(Protocol):
    """Something that gives a sample or a window of it: a sample itself, or a pair of the procedural world, which draws
    no more than is asked for.
    """

    @property
    def name(self) -> str: ...

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    def window(self, top: int, left: int, height: int, width: int) -> "StereoSample":
        """Return rows top … top + height − 1 and columns left … left + width − 1 of both views."""


@dataclass(frozen=True)
class StereoSample:
    """One rectified stereo pair in numpy, as it lies on disk or as the procedural world draws it.

    left, right: RGB uint8 [H, W, 3].
    truth: None if the data set has no ground truth.
    calibration: None if the data set does not give it.
    name: unique within its data set, for reports.

    Raises: DataError if shapes or types do not agree.
    """

    left: Image
    right: Image
    truth: GroundTruth | None = None
    calibration: Calibration | None = None
    name: str = ""

    def __post_init__(self) -> None:
        _check_views(self.left, self.right, f"{self.name}: ")
        if self.truth is not None and self.truth.disparity.shape != self.left.shape[:2]:
            raise DataError(
                f"{self.name}: disparity is {_size(self.truth.disparity)} but the images are {_size(self.left)} "
                "(width × height); check that they belong to the same pair and resolution"
            )

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return int(self.left.shape[0])

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.left.shape[1])

    def require_truth(self, purpose: str) -> GroundTruth:
        """Return the ground truth. Raises: DataError if there is none, which says what it is needed for."""
        if self.truth is None:
            raise DataError(f"{self.name or 'the pair'}: has no ground truth, which {purpose} needs")
        return self.truth

    def window(self, top: int, left: int, height: int, width: int) -> "StereoSample":
        """Return the same window of both views and of all that is known about them; the whole is the sample itself."""
        if (top, left, height, width) == (0, 0, self.height, self.width):
            return self
        part = self.map_arrays(lambda array: array[top : top + height, left : left + width])
        return replace(part, calibration=None if self.calibration is None else self.calibration.cropped(top, left))

    def map_arrays(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> "StereoSample":
        """Return the sample with `function` applied to each view and map; the calibration stays as it is."""

        def apply(value: Any) -> Any:
            return None if value is None else np.ascontiguousarray(function(value))

        truth = self.truth
        if truth is not None:
            truth = GroundTruth(**{name: apply(getattr(truth, name)) for name in _TRUTH_TYPES})
        return replace(self, left=apply(self.left), right=apply(self.right), truth=truth)


def check_pair(left: Image, right: Image) -> None:
    """Raise DataError unless both are RGB uint8 [H, W, 3] of one size, 32 px or more on each side."""
    _check_views(left, right, "")
    if min(left.shape[:2]) < MIN_SIZE:
        raise DataError(f"the images are {_size(left)} (width × height), expected {MIN_SIZE} px or more on each side")


def _check_views(left: Image, right: Image, where: str) -> None:
    for side, image in (("left", left), ("right", right)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise DataError(
                f"{where}the {side} image is {image.dtype} {list(image.shape)}, expected RGB uint8 [H, W, 3]"
            )
    if left.shape != right.shape:
        raise DataError(
            f"{where}the left image is {_size(left)} but the right one is {_size(right)} (width × height); a rectified "
            "pair has one size: check that the two files belong together"
        )


def _size(array: NDArray[np.generic]) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"


def _plus(value: float | None, shift: float) -> float | None:
    return None if value is None else value + shift
