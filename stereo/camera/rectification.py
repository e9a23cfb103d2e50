"""Rectify a pair: resample both views so that matches lie on one row."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.camera.model import Array, CameraModel, CameraPair, Size
from stereo.data.formats.calibration import calibration_of_projections
from stereo.data.sample import Calibration, Image, Map, Mask
from stereo.errors import DataError


@dataclass(frozen=True, eq=False)
class Rectification:
    """How to rectify the images of one pair of cameras.

    left_map, right_map: float32 [H, W, 2], the x and y in the unrectified view that a rectified pixel is read at.
    left_valid, right_valid: bool [H, W], True where the rectified view shows the scene, not a black border.
    calibration: of the rectified pair; its principal point is that of the left view.
    size: rows and columns of the images that it takes.
    """

    left_map: Map
    right_map: Map
    left_valid: Mask
    right_valid: Mask
    calibration: Calibration
    size: Size

    @property
    def valid(self) -> Mask:
        """Return where both views have pixels, bool [H, W]."""
        return self.left_valid & self.right_valid

    def apply(self, left: Image, right: Image) -> tuple[Image, Image]:
        """Return the rectified views; black where there is nothing to show.

        Args:
            left, right: uint8 [h, w] or [h, w, 3] of `size`.

        Raises: DataError if an image has another size than the calibration.
        """
        views = []
        for side, image, pixels in (("left", left, self.left_map), ("right", right, self.right_map)):
            if image.shape[:2] != self.size:
                raise DataError(
                    f"the {side} image is {image.shape[1]}×{image.shape[0]} but the calibration is of "
                    f"{self.size[1]}×{self.size[0]} (width × height); scale the calibration to the image"
                )
            seen = cv2.remap(image, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR)
            views.append(np.asarray(seen, np.uint8))
        return views[0], views[1]


def rectify(pair: CameraPair, size: Size | None = None, *, alpha: float = 0.0, fov_scale: float = 1.0) -> Rectification:
    """Return the maps that rectify a pair, and what the rectified pair's calibration is.

    Where the calibration file gives both rectifications and projections these are used, else they are computed so that
    both views have one principal point.

    Args:
        size: Rows and columns of the images; None: as the calibration says.
        alpha: 0 … 1. 0 shows only what both views have (fisheye: about so); 1 keeps all pixels, with black borders.
        fov_scale: Fisheye alone: divides the focal length, > 1 shows more.

    Raises: DataError if the cameras cannot be rectified: their models differ or are not supported, the size is not
        known, or they do not stand side by side, left camera to the left.

    Source: Bouguet's method, in OpenCV's stereoRectify and fisheye.stereoRectify.
    """
    if not 0 <= alpha <= 1:
        raise DataError(f"alpha is {alpha:g}, expected 0 (no black borders) … 1 (all pixels)")
    if not fov_scale > 0:
        raise DataError(f"fov_scale is {fov_scale:g}, expected a number > 0")
    size = _image_size(pair, size)
    fisheye = _is_fisheye(pair)
    target = pair.rectified_size or size
    given = (pair.left.rectification, pair.left.projection, pair.right.rectification, pair.right.projection)
    if all(array is not None for array in given):
        left_turn, left_projection, right_turn, right_projection = given
    else:
        left_turn, right_turn, left_projection, right_projection = _compute(
            pair, size, target, fisheye, alpha, fov_scale
        )
    assert left_turn is not None
    assert right_turn is not None
    assert left_projection is not None
    assert right_projection is not None
    calibration = _calibration(left_projection, right_projection)
    left_map, left_valid = _maps(pair.left, left_turn, left_projection, size, target, fisheye)
    right_map, right_valid = _maps(pair.right, right_turn, right_projection, size, target, fisheye)
    return Rectification(left_map, right_map, left_valid, right_valid, calibration, size)


def _image_size(pair: CameraPair, size: Size | None) -> Size:
    for side, camera in (("left", pair.left), ("right", pair.right)):
        size = size or camera.size
        if size is None:
            raise DataError("the calibration does not say the size of the images; give their rows and columns")
        if camera.size is not None and camera.size != size:
            raise DataError(
                f"the {side} camera's images are {camera.size[1]}×{camera.size[0]}, expected {size[1]}×{size[0]} "
                "(width × height), as the other images are; scale the calibration first"
            )
    assert size is not None
    return size


def _is_fisheye(pair: CameraPair) -> bool:
    models = {pair.left.distortion_model, pair.right.distortion_model}
    if models == {"fisheye"}:
        return True
    if not models <= {"none", "plumb_bob", "rational"}:
        raise DataError(
            f"the distortion models are {pair.left.distortion_model} (left) and {pair.right.distortion_model} (right); "
            "expected two pinhole cameras (none, plumb_bob, rational) or two of model fisheye: calibrate them so"
        )
    return False


def _compute(
    pair: CameraPair, size: Size, target: Size, fisheye: bool, alpha: float, fov_scale: float
) -> tuple[Array, Array, Array, Array]:
    """Return the rectifications of left and right, then their projections."""
    x, y, _ = np.abs(pair.translation)
    if max(x, y) == 0:
        raise DataError("the two cameras stand at one place: the translation is 0; give one in meters")
    if y > x:
        raise DataError(
            f"the cameras stand one above the other (translation {x:.3g} m along the rows, {y:.3g} m along the "
            "columns); turn images and calibration by 90° first"
        )
    left, right = pair.left, pair.right
    cameras = (
        _plain(left.matrix),
        _plain(left.distortion),
        _plain(right.matrix),
        _plain(right.distortion),
        size[::-1],
        _plain(pair.rotation),
    )
    translation = _plain(pair.translation).reshape(3, 1)
    # One principal point for both views: the disparity of a point at infinity is 0.
    found: Any
    if fisheye:
        found = cv2.fisheye.stereoRectify(
            *cameras,
            translation,
            flags=cv2.CALIB_ZERO_DISPARITY,
            newImageSize=target[::-1],
            balance=alpha,
            fov_scale=fov_scale,
        )
    else:
        found = cv2.stereoRectify(
            *cameras, translation, flags=cv2.CALIB_ZERO_DISPARITY, alpha=alpha, newImageSize=target[::-1]
        )
    return _plain(found[0]), _plain(found[1]), _plain(found[2]), _plain(found[3])


def _plain(array: Array) -> Array:
    """Return an array as OpenCV takes it: it refuses whole numbers, and views of a larger array."""
    return np.ascontiguousarray(array, np.float64)


def _calibration(left: Array, right: Array) -> Calibration:
    """Return what two projections [3, 4] of rectified cameras say."""
    calibration = calibration_of_projections(left.ravel().tolist(), right.ravel().tolist())
    if calibration.baseline <= 0:
        raise DataError(
            f"the right camera stands {-calibration.baseline:.3g} m to the left of the left one; "
            "exchange the cameras and the images"
        )
    return calibration


def _maps(
    camera: CameraModel, turn: Array, projection: Array, size: Size, target: Size, fisheye: bool
) -> tuple[Map, Mask]:
    """Return the map of one view, float32 [H, W, 2], and where it shows the scene, bool [H, W]."""
    function = cv2.fisheye.initUndistortRectifyMap if fisheye else cv2.initUndistortRectifyMap
    matrix = _plain(projection[:, :3])
    x, y = function(_plain(camera.matrix), _plain(camera.distortion), _plain(turn), matrix, target[::-1], cv2.CV_32FC1)
    height, width = size
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    valid = inside & (_distance_from_axis(turn, matrix, target) < (np.inf if fisheye else _farthest(camera)))
    # Where the lens shows nothing the map must not read the scene a second time.
    pixels = np.where(valid[..., None], np.stack([x, y], axis=-1), np.float32(-2))
    return np.ascontiguousarray(pixels), valid


def _distance_from_axis(turn: Array, matrix: Array, size: Size) -> NDArray[np.float64]:
    """Return the tangent of the angle between the lens's axis and each rectified pixel's ray; inf behind the lens."""
    height, width = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ np.linalg.inv(matrix @ turn).T  # [H, W, 3]
    side = np.hypot(rays[..., 0], rays[..., 1])
    return np.divide(side, rays[..., 2], out=np.full_like(side, np.inf), where=rays[..., 2] > 0)


def _farthest(camera: CameraModel) -> float:
    """Return the distance from the axis up to which the polynomial of the distortion grows.

    Beyond it the polynomial folds back: rays that the lens never saw would land inside the image.
    """
    k1, k2, _, _, k3, k4, k5, k6 = np.resize([*camera.distortion, *np.zeros(8)], 8)
    r = np.linspace(0, 20, 20001)
    s = r**2
    distorted = r * (1 + s * (k1 + s * (k2 + s * k3))) / (1 + s * (k4 + s * (k5 + s * k6)))
    folds = np.flatnonzero(np.diff(distorted) <= 0)
    return float(r[folds[0]]) if len(folds) else np.inf
