"""Backdrop: the backgrounds of a scene, and the floor that things stand on."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.choose.stage import Stage
from stereo.data.synthetic.choose.style import Style, pick
from stereo.data.synthetic.choose.surfaces import MAX_SLOPE_X, choose_angle, choose_slanted, choose_waves
from stereo.data.synthetic.scene.surface import Plane, Surface


@dataclass(frozen=True)
class Floor:
    """A surface to stand on. plane: Its disparity, without waves. horizon: Row at which it begins, px."""

    surface: Surface
    plane: Plane
    horizon: float


@dataclass(frozen=True)
class Backdrop:
    """surfaces: All backgrounds, from back to front; the nearest is seen, as from within a convex room. floor: One of
    them, or None."""

    surfaces: tuple[Surface, ...]
    floor: Floor | None = None


def choose_backdrop(rng: Generator, stage: Stage, style: Style) -> Backdrop:
    """Return the backgrounds of one scene in a style."""
    kind = pick(rng, style.backgrounds)
    if kind == "road":
        floor = _choose_floor(rng, stage, stage.far, rng.uniform(0.3, 0.55) * stage.height)
        infinity = Surface((Plane(stage.far, 0.0, 0.0),), stage.low, stage.high)
        return Backdrop((infinity, floor.surface, *_choose_side_walls(rng, stage, 0.35)), floor)
    x, y = stage.width / 2, stage.height / 2
    angles = choose_angle(rng, 0.6), choose_angle(rng, 0.3)
    wall = choose_slanted(rng, stage, x, y, stage.far, stage.width, *angles)
    if kind == "wall":
        return Backdrop((wall,))
    if kind == "tabletop":  # the camera looks down: the floor fills the view
        floor = _choose_floor(rng, stage, stage.low, -rng.uniform(0.0, 1.5) * stage.height)
        return Backdrop((floor.surface,), floor)
    floor = _choose_floor(rng, stage, stage.far, rng.uniform(0.15, 0.75) * stage.height)
    side_walls = _choose_side_walls(rng, stage, 0.6) if kind == "room" else []
    return Backdrop((wall, floor.surface, *side_walls), floor)


def _choose_floor(rng: Generator, stage: Stage, far: float, horizon: float) -> Floor:
    """Return a plane, often with waves, whose disparity grows from `far` at the horizon to the bottom of the view."""
    nearest = max(far, stage.near * rng.uniform(0.35, 0.95))
    slope = (nearest - far) / (stage.height - horizon)
    roll = float(np.clip(rng.normal(0, 0.06), -0.2, 0.2)) * slope
    plane = Plane(far - slope * horizon - roll * stage.width / 2, roll, slope)
    waves = choose_waves(rng, stage.width, 0.3 * nearest) if rng.random() < 0.25 else ()
    return Floor(Surface((plane,), stage.low, stage.high, waves), plane, horizon)


def _choose_side_walls(rng: Generator, stage: Stage, share: float) -> list[Surface]:
    """Return planes whose disparity grows towards the left and the right border; each is there in a share of scenes."""
    walls = []
    for side in (-1, 1):
        if rng.random() >= share:
            continue
        nearest = stage.near * rng.uniform(0.35, 0.9)
        reach = stage.width * rng.uniform(0.15, 0.45)
        slope = side * min(MAX_SLOPE_X, max(nearest - stage.far, 0.0) / reach)
        edge = stage.width - reach if side > 0 else reach
        walls.append(Surface((Plane(stage.far - slope * edge, slope, 0.0),), stage.low, stage.high))
    return walls
