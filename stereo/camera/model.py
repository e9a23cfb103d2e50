"""Two cameras as a calibration describes them, before or after rectification."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.calibration import calibration_of_projections
from stereo.data.sample import Calibration, check_principal_point, resize_ratios
from stereo.errors import DataError

Array = NDArray[np.float64]
Size = tuple[int, int]

# Coefficients in OpenCV's order: plumb_bob (k1, k2, p1, p2[, k3]), rational (8, 12 or 14), fisheye (k1 … k4 of the
# equidistant model), omni (ξ, k1, k2, p1, p2).
DistortionModel = Literal["none", "plumb_bob", "rational", "fisheye", "omni"]

# Cameras that differ by less than this are a rectified pair: radians of rotation and of the baseline's direction, and
# the share by which focal lengths may differ; px of the principal points' rows.
_ANGLE, _ROW = 1e-3, 0.1


@dataclass(frozen=True, eq=False)
class CameraModel:
    """One camera.

    size: rows and columns of its images; None where the calibration does not say.
    matrix: [3, 3], px; pixel centers lie at whole numbers.
    distortion: the coefficients of the distortion model, [n].
    rectification: [3, 3], turns the camera's axes into those of the rectified camera; None where it is not known.
    projection: [3, 4] of the rectified camera, px and meters; None where it is not known.
    """

    size: Size | None
    matrix: Array
    distortion: Array
    distortion_model: DistortionModel = "none"
    rectification: Array | None = None
    projection: Array | None = None


@dataclass(frozen=True, eq=False)
class CameraPair:
    """Two cameras and how they stand: x_right = rotation · x_left + translation.

    rotation: [3, 3]. translation: [3], m; its first entry is −baseline, up to rotation.
    unit_note: what was taken for granted where the file does not say: units, which cameras of many. For the user.
    rectified_size: rows and columns of the rectified images, where they differ from `left.size`.
    """

    left: CameraModel
    right: CameraModel
    rotation: Array
    translation: Array
    unit_note: str = ""
    rectified_size: Size | None = None

    @property
    def rectified(self) -> bool:
        """Return whether the cameras are a rectified pair, so that their images can be matched as they are."""
        one, other = self.left.matrix, self.right.matrix
        return (
            self.left.distortion_model == self.right.distortion_model == "none"
            and abs(one[0, 0] - other[0, 0]) <= _ANGLE * one[0, 0]
            and abs(one[1, 1] - other[1, 1]) <= _ANGLE * one[1, 1]
            and abs(one[1, 2] - other[1, 2]) <= _ROW
            and rotation_angle(self.rotation) <= _ANGLE
            and float(np.linalg.norm(self.translation[1:])) <= -_ANGLE * float(self.translation[0])
        )

    @property
    def must_be_rectified(self) -> bool:
        """Return whether nothing is said of rectified images: these are yet to be made of those of the cameras."""
        return not self.rectified and (self.left.projection is None or self.right.projection is None)

    def for_image(self, height: int, width: int) -> "CameraPair":
        """Return the cameras of images, as yet unrectified, that were resized to height × width px.

        Raises: DataError if they cannot belong to this calibration.
        """
        if self.left.size is None:
            check_principal_point(float(self.left.matrix[0, 2]), float(self.left.matrix[1, 2]), height, width)
            return self
        ratio_x, ratio_y = resize_ratios(height, width, self.left.size)
        # Pixel centers lie at whole numbers, so that views reach from −½ on.
        resize = np.array([[ratio_x, 0, (ratio_x - 1) / 2], [0, ratio_y, (ratio_y - 1) / 2], [0, 0, 1]])
        rectified = self.rectified_size
        return replace(
            self,
            left=_resized(self.left, (height, width), resize),
            right=_resized(self.right, (height, width), resize),
            rectified_size=rectified and (round(rectified[0] * ratio_y), round(rectified[1] * ratio_x)),
        )

    def calibration(self) -> Calibration:
        """Return the calibration of the rectified images. Raises: DataError if they are yet to be made."""
        if self.left.projection is not None and self.right.projection is not None:
            left, right = self.left.projection, self.right.projection
        elif self.rectified:
            left = np.hstack([self.left.matrix, np.zeros((3, 1))])
            right = np.hstack([self.right.matrix, self.right.matrix @ self.translation[:, None]])
        else:
            raise DataError(
                "the calibration describes cameras whose images are not rectified: distortion "
                f"{self.left.distortion_model} and {self.right.distortion_model}, the right camera turned by "
                f"{math.degrees(rotation_angle(self.rotation)):.2f}°; rectify the images with it first (--rectify)"
            )
        return calibration_of_projections(left.ravel().tolist(), right.ravel().tolist())

    def calibration_for(self, height: int, width: int) -> Calibration:
        """Return the calibration of rectified images of height × width px.

        Raises: DataError if they cannot belong to this calibration, or are yet to be rectified.
        """
        return self.calibration().for_image(height, width, self.rectified_size or self.left.size)


def pair_of_calibration(calibration: Calibration, size: Size | None, note: str = "") -> CameraPair:
    """Return the rectified cameras that a calibration describes; its principal point must be known."""
    assert calibration.cx is not None
    assert calibration.cy is not None
    fx, cx, cy = calibration.focal_length, calibration.cx, calibration.cy
    fy = fx if calibration.focal_length_y is None else calibration.focal_length_y
    left, right = (
        CameraModel(size, np.array([[fx, 0, x], [0, fy, cy], [0, 0, 1]], np.float64), np.zeros(0))
        for x in (cx, cx + calibration.disparity_offset)
    )
    return CameraPair(left, right, np.eye(3), np.array([-calibration.baseline, 0.0, 0.0]), note)


def _resized(camera: CameraModel, size: Size, resize: Array) -> CameraModel:
    projection = None if camera.projection is None else resize @ camera.projection
    return replace(camera, size=size, matrix=resize @ camera.matrix, projection=projection)


def rotation_angle(rotation: Array) -> float:
    """Return the angle of a rotation [3, 3], radians."""
    # The sine is exact near 0, where the cosine is not.
    sine = float(np.linalg.norm(rotation - rotation.T)) / math.sqrt(8)
    return math.atan2(sine, (float(np.trace(rotation)) - 1) / 2)
