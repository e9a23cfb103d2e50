"""Blocks: boxes in space, of which a camera sees up to three faces in exact perspective."""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.surface import Plane

Array = NDArray[np.float64]
Rng = np.random.Generator

# Faces may slope no more than this along a row, px of disparity per px (see Surface).
_STEEPEST = 0.45


@dataclass(frozen=True)
class Pinhole:
    """A camera: focal length and principal point, px. Depths are focal_length / disparity, so the baseline is 1."""

    focal_length: float
    center_x: float
    center_y: float

    def point(self, x: float, y: float, disparity: float) -> Array:
        """What is seen at (x, y): [3]."""
        depth = self.focal_length / disparity
        return depth * np.array([(x - self.center_x) / self.focal_length, (y - self.center_y) / self.focal_length, 1])

    def project(self, points: Array) -> Array:
        """Points [N, 3] before the camera to x, y and disparity, px: [N, 3]."""
        scaled = points * (self.focal_length / points[:, 2:])
        return np.stack([scaled[:, 0] + self.center_x, scaled[:, 1] + self.center_y, scaled[:, 2] / points[:, 2]], -1)

    def plane(self, normal: Array, point: Array) -> Plane:
        """The disparity of the plane through a point with a normal that leans towards the camera."""
        # normal · P = distance, with P = (f / d) ((x − cx) / f, (y − cy) / f, 1), is linear in d.
        distance = float(normal @ point)
        slope_x, slope_y = normal[:2] / distance
        offset = normal[2] * self.focal_length / distance - slope_x * self.center_x - slope_y * self.center_y
        return Plane(float(offset), float(slope_x), float(slope_y))

    def normal(self, plane: Plane) -> Array:
        """The unit normal, towards the camera, of what has the disparities of a plane."""
        at_center = plane.offset + plane.slope_x * self.center_x + plane.slope_y * self.center_y
        # distance / f times the normal of `plane` above; `distance` is negative for a normal towards the camera.
        normal = -np.array([plane.slope_x * self.focal_length, plane.slope_y * self.focal_length, at_center])
        return np.asarray(normal / np.linalg.norm(normal))


@dataclass(frozen=True)
class Block:
    """planes: of the faces in view; their minimum is the disparity. hull: silhouette [N, 2], px of the left view."""

    planes: tuple[Plane, ...]
    hull: Array


def draw_block(
    rng: Rng,
    camera: Pinhole,
    anchor: tuple[float, float, float],
    size: tuple[float, float],
    up: Array | None,
    limits: tuple[float, float],
) -> Block | None:
    """A block turned at random; None if some tries give none that fits.

    Args:
        anchor: x, y and disparity of the middle of its foot, or of its centre if it floats, px.
        size: about its width and height in the view, px.
        up: unit vector of what it stands on; None: it floats, turned freely.
        limits: of disparity, px.
    """
    origin = camera.point(*anchor)
    scale = 1 / anchor[2]  # what a pixel there measures in space
    for attempt in range(6):
        shrunk = 0.8**attempt * scale
        width, height, length = size[0] * shrunk, size[1] * shrunk, size[0] * shrunk * rng.uniform(0.4, 1.6)
        axes = _axes(rng, up)
        extent = np.array([width, height, length]) / 2
        center = origin if up is None else origin + axes[1] * extent[1]
        corners = center + np.array(list(product((-1, 1), repeat=3))) * extent @ axes
        if corners[:, 2].min() <= 0:
            continue
        seen = camera.project(corners)
        if seen[:, 2].max() > limits[1] or seen[:, 2].min() < limits[0]:
            continue
        planes = []
        for axis, half in zip(axes, extent, strict=True):
            for side in (-1, 1):
                point = center + side * half * axis
                if side * axis @ point < 0:  # it faces the camera
                    planes.append(camera.plane(side * axis, point))
        if planes and all(abs(plane.slope_x) <= _STEEPEST for plane in planes):
            return Block(tuple(planes), _hull(seen[:, :2]))
    return None


def _axes(rng: Rng, up: Array | None) -> Array:
    """Three perpendicular unit vectors, [3, 3]; the second is `up`, or about −y."""
    if up is None:
        up = rng.normal(0, 0.35, 3) + np.array([0.0, -1.0, 0.0])
        up /= np.linalg.norm(up)
    across = np.cross(up, [0.0, 0.0, 1.0])
    if np.linalg.norm(across) < 1e-3:
        across = np.array([1.0, 0, 0])
    across /= np.linalg.norm(across)
    along = np.cross(across, up)
    turn = rng.uniform(0, np.pi)
    first = across * np.cos(turn) + along * np.sin(turn)
    return np.stack([first, up, np.cross(first, up)])


def _hull(points: Array) -> Array:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)
