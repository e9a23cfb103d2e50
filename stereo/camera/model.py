"""Two cameras as a calibration describes them, before or after rectification."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stereo.errors import DataError

Array = NDArray[np.float64]
Size = tuple[int, int]

# Coefficients in OpenCV's order: plumb_bob (k1, k2, p1, p2[, k3]), rational (8, 12 or 14), fisheye (k1 … k4 of the
# equidistant model), omni (ξ, k1, k2, p1, p2).
DistortionModel = Literal["none", "plumb_bob", "rational", "fisheye", "omni"]
_COEFFICIENTS: dict[str, tuple[int, ...]] = {
    "none": (0,),
    "plumb_bob": (4, 5),
    "rational": (8, 12, 14),
    "fisheye": (4,),
    "omni": (5,),
}


@dataclass(frozen=True, eq=False)
class CameraModel:
    """One camera.

    size: rows and columns of its images; None where the calibration does not say.
    matrix: [3, 3], px; pixel centers lie at whole numbers.
    distortion: the coefficients of the distortion model, [n].
    rectification: [3, 3], turns the camera's axes into those of the rectified camera; None where it is not known.
    projection: [3, 4] of the rectified camera, px and meters; None where it is not known.

    Raises: DataError if a shape, the focal length or the number of coefficients is wrong.
    """

    size: Size | None
    matrix: Array
    distortion: Array
    distortion_model: DistortionModel = "none"
    rectification: Array | None = None
    projection: Array | None = None

    def __post_init__(self) -> None:
        if self.size is not None and min(self.size) <= 0:
            raise DataError(f"the camera's images are {self.size[0]} rows × {self.size[1]} columns, expected 1 or more")
        _check_shape("camera matrix", self.matrix, (3, 3))
        if min(self.matrix[0, 0], self.matrix[1, 1]) <= 0:
            raise DataError(
                f"the focal lengths are {self.matrix[0, 0]:g} and {self.matrix[1, 1]:g} px, expected both > 0; "
                "check the calibration"
            )
        if self.distortion_model not in get_args(DistortionModel):
            expected = ", ".join(get_args(DistortionModel))
            raise DataError(f"the distortion model is {self.distortion_model!r}, expected one of {expected}")
        counts = _COEFFICIENTS[self.distortion_model]
        if self.distortion.ndim != 1 or len(self.distortion) not in counts:
            raise DataError(
                f"distortion {self.distortion_model} has coefficients {list(self.distortion.shape)}, expected "
                f"{' or '.join(map(str, counts))} in a row; check the calibration"
            )
        if not np.isfinite(self.distortion).all():
            raise DataError("a coefficient of the distortion is not a finite number; check the calibration")
        if self.rectification is not None:
            _check_shape("rectification", self.rectification, (3, 3))
        if self.projection is not None:
            _check_shape("projection", self.projection, (3, 4))


@dataclass(frozen=True, eq=False)
class CameraPair:
    """Two cameras and how they stand: x_right = rotation · x_left + translation.

    rotation: [3, 3]. translation: [3], m; its first entry is −baseline, up to rotation.
    unit_note: what was taken for granted where the file does not say: units, which cameras of many. For the user.
    rectified_size: rows and columns of the rectified images, where they differ from `left.size`.

    Raises: DataError if a shape is wrong or `rotation` is no rotation.
    """

    left: CameraModel
    right: CameraModel
    rotation: Array
    translation: Array
    unit_note: str = ""
    rectified_size: Size | None = None

    def __post_init__(self) -> None:
        _check_shape("rotation", self.rotation, (3, 3))
        _check_shape("translation", self.translation, (3,))
        error = float(np.abs(self.rotation @ self.rotation.T - np.eye(3)).max())
        if error > 1e-3 or np.linalg.det(self.rotation) < 0:
            raise DataError(
                f"the rotation between the cameras is none: its product with its transpose is {error:.2g} from the "
                "identity, or it mirrors; check the calibration"
            )


def _check_shape(name: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape or not np.isfinite(array).all():
        raise DataError(
            f"the {name} is {list(array.shape)}, expected {list(shape)} finite numbers; check the calibration"
        )
