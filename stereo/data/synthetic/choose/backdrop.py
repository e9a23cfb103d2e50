"""Backdrop: the backgrounds of a scene, and the floor that things stand on."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.choose.room import Room, choose_windows
from stereo.data.synthetic.choose.stage import Stage
from stereo.data.synthetic.choose.style import Style, pick
from stereo.data.synthetic.choose.surfaces import MAX_SLOPE_X, choose_angle, choose_slanted, choose_waves
from stereo.data.synthetic.scene.surface import Plane, Surface
from stereo.data.synthetic.scene.texture import Outline


@dataclass(frozen=True)
class Floor:
    """A surface to stand on. plane: Its disparity, without waves. horizon: Row at which it begins, px."""

    surface: Surface
    plane: Plane
    horizon: float


@dataclass(frozen=True)
class Backdrop:
    """The backgrounds of a scene.

    surfaces: From back to front; the nearest is seen, as from within a convex room. floor: One of them, or None.
    windows: Where the last of them is, if it has openings.
    """

    surfaces: tuple[Surface, ...]
    floor: Floor | None = None
    windows: Outline | None = None


def choose_backdrop(rng: Generator, stage: Stage, style: Style) -> Backdrop:
    """Return the backgrounds of one scene in a style."""
    kind = pick(rng, style.backgrounds)
    if kind == "road":
        floor = _choose_floor(rng, stage, stage.far, rng.uniform(0.3, 0.55) * stage.height)
        infinity = Surface((Plane(stage.far, 0.0, 0.0),), stage.low, stage.high)
        return Backdrop((infinity, floor.surface, *_choose_side_walls(rng, stage, 0.35)), floor)
    if kind == "interior":
        return _choose_interior(rng, stage)
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


def _choose_interior(rng: Generator, stage: Stage) -> Backdrop:
    """Return the walls of a room, in one paint or each in its own, with windows in some."""
    room = Room(rng, stage)
    sides = [plane for plane in (room.left, room.right, room.ceiling) if plane is not None]
    floor = None
    if room.floor is not None:
        floor = Floor(room.surface(room.floor), room.floor, _horizon(room.floor, stage))
    below = () if floor is None else (floor.surface,)
    windows = choose_windows(rng, room) if rng.random() < 0.5 else None
    if windows is not None:
        outdoors = Surface(
            (Plane(rng.uniform(stage.low, 0.5 * stage.far + stage.low), 0.0, 0.0),), stage.low, stage.high
        )
        return Backdrop((outdoors, *below, room.surface(room.back, *sides)), floor, windows)
    if rng.random() < 0.4:
        return Backdrop((*below, room.surface(room.back, *sides)), floor)
    return Backdrop((room.surface(room.back), *below, *(room.surface(side) for side in sides)), floor)


def _horizon(plane: Plane, stage: Stage) -> float:
    """Return the row where a floor is infinitely far, in the middle of the view, px."""
    return -(plane.offset + plane.slope_x * stage.width / 2) / plane.slope_y if plane.slope_y > 0 else 0.0


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
