"""From disparity to depth and to a point cloud, in meters.

Points lie in the left camera's frame: x to the right, y down, z forward, along the optical axis. Depth is z, not the
distance from the camera.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.ply import write_ply
from stereo.data.sample import Calibration, Image, Map, Mask
from stereo.errors import ConfigError, DataError

# Share of the depth by which a flying point is off what lies around it. Much less cuts slanted surfaces too.
MAX_JUMP = 0.05


@dataclass(frozen=True)
class PointCloud:
    """Points in the left camera's frame.

    points: float32 [N, 3], meters, finite: x to the right, y down, z forward.
    colors: uint8 [N, 3], RGB; None where no image was given.
    """

    points: NDArray[np.float32]
    colors: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.points)

    def write(self, path: str | Path) -> None:
        """Write the cloud as a binary PLY file, which MeshLab, CloudCompare, Blender and Open3D open.

        Raises: OutputError.
        """
        write_ply(path, self.points, self.colors)


def depth(disparity: Map, calibration: Calibration) -> Map:
    """Return the depth of each pixel, float32 [H, W], m: focal length · baseline / (disparity + offset).

    Infinite where disparity + offset is 0 or less, which no point in front of the cameras has; NaN where the disparity
    is not finite, that is unknown.

    Args:
        disparity: float [H, W], px.
        calibration: Of these views: at their size (:meth:`Calibration.resized`) and of their window.

    Raises: DataError for a disparity of another shape; ConfigError for a focal length or baseline that is not above 0.
    Source: the readme of Middlebury Stereo 2014, Z = baseline · f / (d + doffs).
    """
    nearness = _nearness(disparity, calibration)
    with np.errstate(divide="ignore"):
        return np.float32(calibration.focal_length * calibration.baseline) / nearness


def flying_points(disparity: Map, calibration: Calibration, max_jump: float = MAX_JUMP) -> Mask:
    """Return where a point flies between two surfaces, bool [H, W].

    A network blends the disparities of both sides of an edge, so that some pixels there lie in the air between them. A
    pixel flies where, at most two pixels away in row and column, one is farther and another nearer, each by more than
    the share `max_jump` of the nearer depth of the two. At a clean edge no pixel lies between, so that both sides are
    kept, and so is a thin thing before a wall. An unknown neighbor does not count. A surface that is seen from the side
    is cut too: a plane where its depth changes by half of `max_jump` from pixel to pixel, which at 0.05 and a focal
    length of 400 px is beyond 82° to 84° from the front.

    Args:
        disparity, calibration: As for :func:`depth`.
        max_jump: A share of the depth, above 0.

    Raises: As :func:`depth`; ConfigError for max_jump.
    Source: the threshold that grows with the depth is that of Choi et al., "RGB-D edge detection and edge-based
        registration", IROS 2013 (2 % in PCL's OrganizedEdgeBase), whose edges are jumps to any neighbor. That a pixel
        must lie between is ours: it keeps the edge itself.
    """
    if not max_jump > 0:
        raise ConfigError(f"max_jump is {max_jump}, expected a share of the depth above 0, such as {MAX_JUMP}")
    nearness = _nearness(disparity, calibration)  # 1 / depth but for a factor
    unknown = np.isnan(nearness)
    around = np.ones((5, 5), np.uint8)
    nearest = cv2.dilate(np.where(unknown, np.float32(0), nearness), around)
    farthest = cv2.erode(np.where(unknown, np.float32(np.inf), nearness), around)
    more = np.float32(1 + max_jump)
    return np.asarray((nearest > more * nearness) & (nearness > more * farthest))  # False for NaN


def point_cloud(
    disparity: Map,
    calibration: Calibration,
    colors: Image | None = None,
    *,
    mask: Mask | None = None,
    confidence: Map | None = None,
    min_confidence: float = 0.0,
    min_depth: float = 0.0,
    max_depth: float = math.inf,
    max_jump: float | None = MAX_JUMP,
) -> PointCloud:
    """Return the points that a disparity map shows, row by row from the top left. Each has a finite depth.

    Args:
        disparity, calibration: As for :func:`depth`. Where the principal point is unknown, the middle of the view is
            taken, which shifts and shears the cloud where it is another.
        colors: RGB uint8 [H, W, 3], the left view.
        mask: bool [H, W]: take only the points where it is True.
        confidence, min_confidence: float32 [H, W] and a number, both 0 … 1: take only the points of that confidence.
        min_depth, max_depth: m, both included.
        max_jump: Leave out what :func:`flying_points` finds. None: keep it.

    Raises: DataError where shapes or types do not agree, and for min_confidence without a confidence; ConfigError for a
        number that cannot be.
    """
    if not 0 <= min_depth <= max_depth:
        raise ConfigError(
            f"min_depth is {min_depth:g} m and max_depth {max_depth:g} m, expected 0 or more, and the first below the "
            "second"
        )
    if not 0 <= min_confidence <= 1:
        raise ConfigError(f"min_confidence is {min_confidence:g}, expected 0 … 1")
    if min_confidence > 0 and confidence is None:
        raise DataError(
            f"min_confidence is {min_confidence:g}, but there is no confidence; load the network with confidence=True"
        )
    z = depth(disparity, calibration)
    _check_shape("mask", mask, z.shape)
    _check_shape("confidence", confidence, z.shape)
    _check_shape("left view", colors, (*z.shape, 3))
    if mask is not None and mask.dtype != np.bool_:
        raise DataError(f"the mask is {mask.dtype}, expected bool, as in mask > 0")

    kept = np.isfinite(z) & (z >= min_depth) & (z <= max_depth)
    if mask is not None:
        kept &= mask
    if confidence is not None:
        kept &= confidence >= min_confidence
    if max_jump is not None:
        kept &= ~flying_points(disparity, calibration, max_jump)

    rows, columns = np.nonzero(kept)
    height, width = z.shape
    cx = (width - 1) / 2 if calibration.cx is None else calibration.cx
    cy = (height - 1) / 2 if calibration.cy is None else calibration.cy
    across = (columns - cx) / calibration.focal_length
    down = (rows - cy) / (calibration.focal_length_y or calibration.focal_length)
    distance = z[kept]
    points = np.stack([across * distance, down * distance, distance], axis=-1).astype(np.float32)
    return PointCloud(points, None if colors is None else np.ascontiguousarray(colors[kept]))


def _nearness(disparity: Map, calibration: Calibration) -> Map:
    """Return disparity + offset, px: 0 where it is less, NaN where the disparity is not finite."""
    if disparity.ndim != 2 or disparity.dtype.kind != "f":
        raise DataError(f"the disparity is {disparity.dtype} {list(disparity.shape)}, expected float [H, W]")
    for name in ("focal_length", "baseline"):
        value = getattr(calibration, name)
        if not 0 < value < math.inf:
            raise ConfigError(
                f"the calibration's {name} is {value:g}, expected a number above 0; check the calibration"
            )
    nearness = disparity.astype(np.float32) + np.float32(calibration.disparity_offset)
    nearness[~np.isfinite(nearness)] = np.nan
    return np.maximum(nearness, np.float32(0), out=nearness)  # NaN stays


def _check_shape(name: str, value: NDArray[np.generic] | None, expected: tuple[int, ...]) -> None:
    if value is not None and value.shape != expected:
        raise DataError(
            f"the {name} is {list(value.shape)}, expected {list(expected)}, the size of the disparity; check that they "
            "belong to the same pair and resolution"
        )
