"""Interiors: walls, floor and ceiling of a box in space, seen from within, and windows in its far wall."""

import math

import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.arrays import Bytes, Float64
from stereo.data.synthetic.assets.thin import fill_convex
from stereo.data.synthetic.choose.stage import Stage
from stereo.data.synthetic.choose.surfaces import MAX_SLOPE_X
from stereo.data.synthetic.scene.surface import Plane, Surface
from stereo.data.synthetic.scene.texture import Outline

# The outline of a wall with windows reaches so far beyond both views, px.
_BEYOND = 8
# Of a window, px: the panes on either side are drawn 0.7 px larger, which leaves 1.6 px of it.
_THINNEST_BAR = 3.0


class Room:
    """A box seen from within, turned and tilted at random; some of its sides are missing.

    floor, ceiling, left, right: Planes, or None where they are missing or too steep. back: The far wall; turned_away:
        it was too steep, and faces the camera instead.
    """

    def __init__(self, rng: Generator, stage: Stage) -> None:
        self.stage = stage
        self.axes = _turned(rng.uniform(-0.9, 0.9), rng.uniform(-0.15, 0.35), rng.normal(0, 0.02))
        right, down, ahead = self.axes
        self.distance = stage.focal_length / stage.far
        back = stage.camera.plane(-ahead, self.distance * ahead)
        self.turned_away = abs(back.slope_x) > MAX_SLOPE_X
        self.back = Plane(stage.far, 0.0, 0.0) if self.turned_away else back
        self.floor = self._side(down, stage.height / 2, rng.uniform(0.35, 0.95), rng.random() < 0.85)
        self.ceiling = self._side(-down, stage.height / 2, rng.uniform(0.2, 0.7), rng.random() < 0.5)
        self.left = self._side(-right, stage.width / 2, rng.uniform(0.3, 0.9), rng.random() < 0.6)
        self.right = self._side(right, stage.width / 2, rng.uniform(0.3, 0.9), rng.random() < 0.6)

    def _side(self, outwards: Float64, reach: float, nearness: float, there: bool) -> Plane | None:
        """Return a side whose disparity is about nearness · near at the view's border, `reach` px from its middle."""
        distance = reach / (self.stage.near * nearness)
        plane = self.stage.camera.plane(-outwards, distance * outwards)
        return plane if there and abs(plane.slope_x) <= MAX_SLOPE_X else None

    def surface(self, *planes: Plane | None) -> Surface:
        """Return the surface of these sides, which meet in corners that point away from the camera."""
        there = tuple(plane for plane in planes if plane is not None)
        return Surface(there, self.stage.low, self.stage.high, convex=False)


def choose_windows(rng: Generator, room: Room) -> Outline | None:
    """Return where the walls of a room are, with windows cut out of the far one; None where none fits."""
    stage = room.stage
    back, walls = room.surface(room.back), room.surface(room.back, room.left, room.right, room.ceiling, room.floor)
    for _ in range(4):
        x, y = rng.uniform(0.15, 0.85) * stage.width, rng.uniform(0.1, 0.7) * stage.height
        disparity = back.at_point(x, y)
        if disparity >= walls.at_point(x, y):
            break
    else:
        return None
    right, down, ahead = room.axes
    center = room.axes[:2] @ stage.camera.point(x, y, disparity)
    # Of the wall, in space.
    visible = np.array([stage.width, stage.height]) / disparity
    size = rng.uniform(0.2, 0.8, 2) * visible
    most = np.maximum(size * disparity / (3 * _THINNEST_BAR), 1).astype(int)
    columns, rows = min(int(rng.integers(1, 7)), most[0]), min(int(rng.integers(1, 6)), most[1])
    pane = size / (columns, rows)
    bar = max(rng.uniform(0.03, 0.2) * float(min(pane)), _THINNEST_BAR / disparity)
    corners = []
    for row in range(rows):
        for column in range(columns):
            low = center - size / 2 + pane * (column, row) + bar / 2
            high = low + pane - bar
            corners += [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    on_wall = np.array(corners)
    points = on_wall[:, :1] * right + on_wall[:, 1:] * down + room.distance * ahead
    if room.turned_away or points[:, 2].min() < 0.2 * room.distance:
        return None
    seen = stage.camera.project(points)[:, :2].reshape(-1, 4, 2)
    return _wall_without(seen, stage)


def _wall_without(openings: Float64, stage: Stage) -> Outline:
    """Return the outline of a wall wider than both views, less openings [N, 4, 2], px of the left view."""
    rows = stage.height + 2 * _BEYOND
    columns = stage.width + math.ceil(stage.high) + 2 * _BEYOND
    holes: Bytes = np.zeros((rows, columns), np.uint8)
    fill_convex(holes, np.clip(openings + _BEYOND, -4 * columns, 4 * columns))
    coverage = 1 - holes.astype(np.float32) / np.float32(255)
    coverage[:2] = coverage[-2:] = coverage[:, :2] = coverage[:, -2:] = 0
    return Outline(coverage, 1.0, float(-_BEYOND), float(-_BEYOND))


def _turned(yaw: float, pitch: float, roll: float) -> Float64:
    """Return the directions right, down and ahead of a room, [3, 3], by three angles, radians."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    cos, sin = math.cos(pitch), math.sin(pitch)
    tilt = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    cos, sin = math.cos(roll), math.sin(roll)
    lean = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return np.asarray((lean @ tilt @ turn).T)
