"""A picture of a point cloud from another place than the camera's."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Calibration, Image
from stereo.errors import DataError
from stereo.geometry import PointCloud

BACKGROUND = (24, 26, 30)
# Points nearer than this share of the middle's distance are behind the viewer, or fill the picture.
_NEAREST = 0.05
# The picture is drawn so many times larger and then reduced, so that edges are smooth.
_SUPERSAMPLING = 2


def draw_cloud(
    cloud: PointCloud,
    calibration: Calibration,
    height: int,
    width: int,
    *,
    yaw: float = 0.0,
    pitch: float = 0.0,
    distance: float = 1.0,
    dot: int = 2,
) -> Image:
    """Draw the cloud as a camera sees it that has gone around its middle; near points hide far ones.

    Args:
        cloud: With colors, or it is drawn white.
        calibration: Of the picture: focal length and principal point, px. With a view's own calibration and no angles
            the picture is that view again.
        height, width: px, of the picture.
        yaw, pitch: Degrees by which the camera goes around the middle: to the right, and up.
        distance: From the middle, as a share of the distance that the left camera has.
        dot: Side of the square that a point covers, px.

    Returns: RGB uint8 [H, W, 3].
    Raises: DataError where the cloud has no point.
    """
    if len(cloud) == 0:
        raise DataError(
            "the point cloud has no point, so there is nothing to draw; allow more depth or less confidence"
        )
    middle = np.array([0.0, 0.0, float(np.median(cloud.points[:, 2]))])
    seen = (cloud.points - middle) @ _rotation(yaw, pitch).T + distance * middle
    fine = calibration.resized(_SUPERSAMPLING, _SUPERSAMPLING)
    canvas = np.full((height * _SUPERSAMPLING, width * _SUPERSAMPLING, 3), BACKGROUND, np.uint8)
    colors = np.full((len(cloud), 3), 255, np.uint8) if cloud.colors is None else cloud.colors
    before = seen[:, 2] > _NEAREST * middle[2]
    far_to_near = np.flatnonzero(before)[np.argsort(-seen[before, 2], kind="stable")]
    places = _project(seen[far_to_near], fine, *canvas.shape[:2])
    _splat(canvas, places, colors[far_to_near], dot * _SUPERSAMPLING)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _rotation(yaw: float, pitch: float) -> NDArray[np.float64]:
    """Return the rotation of the points that a camera sees which went to the right and up; y points down."""
    about_y, about_x = math.radians(yaw), math.radians(pitch)
    turn = np.array([[math.cos(about_y), 0, math.sin(about_y)], [0, 1, 0], [-math.sin(about_y), 0, math.cos(about_y)]])
    tilt = np.array([[1, 0, 0], [0, math.cos(about_x), -math.sin(about_x)], [0, math.sin(about_x), math.cos(about_x)]])
    return tilt @ turn


def _project(points: NDArray[np.float64], calibration: Calibration, height: int, width: int) -> NDArray[np.float64]:
    """Return column and row of each point, [N, 2], px."""
    cx = (width - 1) / 2 if calibration.cx is None else calibration.cx
    cy = (height - 1) / 2 if calibration.cy is None else calibration.cy
    across = calibration.focal_length * points[:, 0] / points[:, 2] + cx
    down = (calibration.focal_length_y or calibration.focal_length) * points[:, 1] / points[:, 2] + cy
    return np.stack([across, down], axis=1)


def _splat(canvas: Image, places: NDArray[np.float64], colors: Image, side: int) -> None:
    """Paint a square of so many px for each point into the canvas, a later one over an earlier one."""
    height, width = canvas.shape[:2]
    corners = np.rint(places - (side - 1) / 2)
    inside = ((corners > -side) & (corners < (width, height))).all(axis=1)
    steps = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(1, -1, 2)
    squares = (corners[inside].astype(np.int64)[:, None] + steps).reshape(-1, 2)
    colors = colors[inside].repeat(side * side, axis=0)
    seen = (squares >= 0).all(axis=1) & (squares < (width, height)).all(axis=1)
    # Of several values for one pixel NumPy keeps the last.
    canvas[squares[seen, 1], squares[seen, 0]] = colors[seen]
