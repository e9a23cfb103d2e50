"""Choosing surfaces: planes turned in space, with waves, folds or domes."""

import math

import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.arrays import Box
from stereo.data.synthetic.choose.stage import Stage
from stereo.data.synthetic.scene.surface import Dome, Plane, Surface, Wave

# Slopes of disparity along a row: those of the plane and of the waves together stay below 0.5 (see Surface).
MAX_SLOPE_X = 0.3
_MAX_WAVE_SLOPE = 0.16


def choose_angle(rng: Generator, limit: float) -> float:
    """Return an angle in −limit … limit."""
    return float(rng.uniform(-limit, limit))


def plane_at(stage: Stage, x: float, y: float, disparity: float, angle_x: float, angle_y: float) -> Plane:
    """Return a plane through (x, y, disparity), px, turned in space by two angles, radians.

    Its slopes are tan(angle) · disparity / focal length, up to a limit.
    """
    slope_x, slope_y = (
        _limited(math.tan(_limited(angle, 1.35)) * disparity / stage.focal_length, MAX_SLOPE_X)
        for angle in (angle_x, angle_y)
    )
    return Plane(disparity - slope_x * x - slope_y * y, slope_x, slope_y)


def choose_slanted(
    rng: Generator,
    stage: Stage,
    x: float,
    y: float,
    disparity: float,
    curved_size: float,
    angle_x: float,
    angle_y: float,
) -> Surface:
    """Return a plane through (x, y, disparity), with waves of about `curved_size` px (0: none)."""
    plane = plane_at(stage, x, y, disparity, angle_x, angle_y)
    relief = disparity * curved_size / stage.focal_length * rng.uniform(0.1, 0.7)
    waves = choose_waves(rng, curved_size, relief) if curved_size > 0 else ()
    return Surface((plane,), stage.low, stage.high, waves)


def choose_folded(rng: Generator, stage: Stage, x: float, y: float, disparity: float, size: float) -> Surface:
    """Return two planes that meet at an edge near (x, y, disparity), for an object of about `size` px."""
    ridge = x + rng.uniform(-0.3, 0.3) * size
    convex = bool(rng.random() < 0.7)
    turn = choose_angle(rng, 0.9)
    spread = rng.uniform(0.5, 1.1) * (1 if convex else -1)
    left = plane_at(stage, ridge, y, disparity, turn + spread, 0.0)
    right = plane_at(stage, ridge, y, disparity, turn - spread, 0.0)
    return Surface((left, right), stage.low, stage.high, convex=convex)


def choose_dome(rng: Generator, stage: Stage, box: Box, disparity: float, form: str) -> Surface:
    """Return a ball, or a cylinder that stands (`upright`) or lies (`lying`), which is no deeper than it is wide."""
    x0, y0, x1, y1 = box
    radius_x = float(np.inf if form == "lying" else (x1 - x0) / 2)
    radius_y = float(np.inf if form == "upright" else (y1 - y0) / 2)
    # Relief in px is depth · disparity / focal length.
    depth = min(radius_x, radius_y) * rng.uniform(0.3, 1.0)
    room = max(0.0, min(stage.high - disparity, disparity - stage.low))
    height = float(min(depth * disparity / stage.focal_length, 0.2 * radius_x, room))
    dome = Dome(height, (x0 + x1) / 2, (y0 + y1) / 2, radius_x, radius_y)
    return Surface((Plane(disparity - height / 2, 0.0, 0.0),), stage.low, stage.high, dome=dome)


def choose_waves(rng: Generator, size: float, relief: float) -> tuple[Wave, ...]:
    """Return one to three waves about as long as the surface, `relief` px high together."""
    count = int(rng.integers(1, 4))
    waves = []
    for _ in range(count):
        frequency = 2 * math.pi / (max(size, 16.0) * math.exp(rng.uniform(math.log(0.6), math.log(2.5))))
        direction = rng.uniform(0, 2 * np.pi)
        amplitude = min(relief / count, _MAX_WAVE_SLOPE / count / frequency)
        along_x, along_y = frequency * math.cos(direction), frequency * math.sin(direction)
        waves.append(Wave(amplitude, along_x, along_y, choose_angle(rng, math.pi)))
    return tuple(waves)


def _limited(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
