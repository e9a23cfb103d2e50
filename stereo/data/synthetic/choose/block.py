"""Blocks: boxes in space. A camera sees up to three of their faces, in exact perspective."""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.arrays import Float64
from stereo.data.synthetic.scene.pinhole import Pinhole
from stereo.data.synthetic.scene.surface import Plane

_CORNERS = np.array(list(product((-1, 1), repeat=3)))
_AHEAD = np.array([0.0, 0.0, 1.0])

# Faces may slope no more than this along a row, px of disparity per px (see Surface).
_STEEPEST = 0.45


@dataclass(frozen=True)
class Block:
    """planes: Of the faces in view; the disparity is their minimum. hull: Silhouette [N, 2], px of the left view."""

    planes: tuple[Plane, ...]
    hull: Float64


def choose_block(
    rng: Generator,
    camera: Pinhole,
    anchor: tuple[float, float, float],
    size: tuple[float, float],
    up: Float64 | None,
    limits: tuple[float, float],
) -> Block | None:
    """Return a block turned at random, or None where a few tries give none that fits.

    Args:
        anchor: x, y and disparity of the middle of its foot, or of its center if it floats, px.
        size: About its width and height in the view, px.
        up: Unit normal of the floor that it stands on; None: it floats and is turned freely.
        limits: Least and greatest disparity, px.
    """
    origin = camera.point(*anchor)
    scale = 1 / anchor[2]  # the size in space of a pixel there
    for attempt in range(6):
        shrunk = 0.8**attempt * scale
        width, height, length = size[0] * shrunk, size[1] * shrunk, size[0] * shrunk * rng.uniform(0.4, 1.6)
        axes = choose_axes(rng, up)
        extent = np.array([width, height, length]) / 2
        center = origin if up is None else origin + axes[1] * extent[1]
        block = block_at(camera, center, axes, extent, limits)
        if block is not None:
            return block
    return None


def block_at(
    camera: Pinhole, center: Float64, axes: Float64, extent: Float64, limits: tuple[float, float]
) -> Block | None:
    """Return a block by its center [3], axes [3, 3] and half its sides [3]; None where it does not fit.

    limits: Least and greatest disparity, px.
    """
    corners = center + _CORNERS * extent @ axes
    if corners[:, 2].min() <= 0:
        return None
    seen = camera.project(corners)
    if seen[:, 2].max() > limits[1] or seen[:, 2].min() < limits[0]:
        return None
    planes = []
    for axis, half in zip(axes, extent, strict=True):
        for side in (-1, 1):
            point = center + side * half * axis
            if side * axis @ point < 0:  # it faces the camera
                planes.append(camera.plane(side * axis, point))
    if planes and all(abs(plane.slope_x) <= _STEEPEST for plane in planes):
        return Block(tuple(planes), _hull(seen[:, :2]))
    return None


def choose_axes(rng: Generator, up: Float64 | None) -> Float64:
    """Return three perpendicular unit vectors, [3, 3]; the second is `up`, or about −y."""
    if up is None:
        up = rng.normal(0, 0.35, 3) + np.array([0.0, -1.0, 0.0])
        up /= np.linalg.norm(up)
    across = _cross(up, _AHEAD)
    if np.linalg.norm(across) < 1e-3:
        across = np.array([1.0, 0, 0])
    across /= np.linalg.norm(across)
    along = _cross(across, up)
    turn = rng.uniform(0, np.pi)
    first = across * np.cos(turn) + along * np.sin(turn)
    return np.stack([first, up, _cross(first, up)])


def _cross(a: Float64, b: Float64) -> Float64:
    """Return np.cross of two vectors, faster."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def _hull(points: Float64) -> Float64:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)
