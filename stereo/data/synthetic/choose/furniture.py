"""Furniture: tables, chairs, shelves and cabinets, made of blocks that share their axes, in exact perspective."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.choose.backdrop import Backdrop, Floor
from stereo.data.synthetic.choose.block import block_at, choose_axes
from stereo.data.synthetic.choose.objects import outline_of_hull
from stereo.data.synthetic.choose.stage import Stage
from stereo.data.synthetic.choose.style import Style, pick
from stereo.data.synthetic.choose.textures import choose_texture, with_faces
from stereo.data.synthetic.scene.scene import SceneObject
from stereo.data.synthetic.scene.surface import Surface

# Of a piece 1 high: the center across, up and along, and the size of a block in the same directions.
_Part = tuple[tuple[float, float, float], tuple[float, float, float]]

_DENSITY = 1.5


def _legs(width: float, height: float, length: float, thick: float) -> list[_Part]:
    x, z = (width - thick) / 2, (length - thick) / 2
    return [((i * x, height / 2, k * z), (thick, height, thick)) for i in (-1, 1) for k in (-1, 1)]


def _table(rng: Generator) -> list[_Part]:
    width, length, thick = rng.uniform(0.8, 2.2), rng.uniform(0.6, 1.4), rng.uniform(0.03, 0.1)
    top: _Part = ((0.0, 1 - thick / 2, 0.0), (width, thick, length))
    return [top, *_legs(width, 1 - thick, length, rng.uniform(0.03, 0.09))]


def _chair(rng: Generator) -> list[_Part]:
    width, seat, thick = rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.55), rng.uniform(0.02, 0.05)
    back = (thick - width) / 2
    parts: list[_Part] = [((0.0, seat, 0.0), (width, thick, width)), *_legs(width, seat, width, thick)]
    posts = [((i * (width - thick) / 2, (1 + seat) / 2, back), (thick, 1 - seat, thick)) for i in (-1.0, 1.0)]
    count = int(rng.integers(2, 7))
    if rng.random() < 0.5:  # bars that lie
        bars = [((0.0, seat + (1 - seat) * (n + 1) / count, back), (width, thick, thick / 2)) for n in range(count)]
    else:
        x = np.linspace(-width / 2, width / 2, count + 2)[1:-1]
        bars = [((float(at), (1 + seat) / 2, back), (thick / 2, 1 - seat, thick / 2)) for at in x]
        bars.append(((0.0, 1.0, back), (width, thick, thick)))
    return parts + posts + bars


def _shelf(rng: Generator) -> list[_Part]:
    width, length, thick = rng.uniform(0.3, 1.5), rng.uniform(0.15, 0.4), rng.uniform(0.015, 0.05)
    boards = int(rng.integers(3, 8))
    parts: list[_Part] = [
        ((0.0, thick / 2 + (1 - thick) * n / (boards - 1), 0.0), (width, thick, length)) for n in range(boards)
    ]
    uprights = int(rng.integers(2, 5))
    parts += [((float(x), 0.5, 0.0), (thick, 1.0, length)) for x in np.linspace(-width / 2, width / 2, uprights)]
    if rng.random() < 0.6:
        parts.append(((0.0, 0.5, -length / 2), (width, 1.0, thick / 4)))
    return parts


def _cabinet(rng: Generator) -> list[_Part]:
    width, length = rng.uniform(0.4, 2.0), rng.uniform(0.3, 1.0)
    return [((0.0, 0.5, 0.0), (width, 1.0, length))]


# Name → (weight, function).
_PIECES: dict[str, tuple[float, Callable[[Generator], list[_Part]]]] = {
    "table": (0.3, _table),
    "chair": (0.25, _chair),
    "shelf": (0.2, _shelf),
    "cabinet": (0.25, _cabinet),
}


def choose_furniture(
    rng: Generator, config: SyntheticConfig, style: Style, stage: Stage, backdrop: Backdrop
) -> list[SceneObject]:
    """Return the parts of a piece of furniture that stands on the floor; none where a few tries find no place."""
    floor = backdrop.floor
    if floor is None:
        return []
    parts = _PIECES[pick(rng, {name: weight for name, (weight, _) in _PIECES.items()})][1](rng)
    place = _choose_place(rng, stage, backdrop, floor)
    if place is None:
        return []
    camera = stage.camera
    foot = camera.point(*place)
    axes = choose_axes(rng, camera.normal(floor.plane))
    size = rng.uniform(0.25, 0.9) * stage.height / place[2]
    found: list[SceneObject] = []
    texture = None
    for middle, extent in parts:
        center = foot + size * np.asarray(middle) @ axes
        block = block_at(camera, center, axes, size / 2 * np.asarray(extent), (stage.low, stage.high))
        if block is None:
            continue
        (x0, y0), (x1, y1) = block.hull.min(0), block.hull.max(0)
        if min(x1 - x0, y1 - y0) < 1 or max(x1 - x0 - 2 * stage.width, y1 - y0 - 2 * stage.height) > 0:
            continue
        outline = outline_of_hull(block.hull, _DENSITY)
        surface = Surface(block.planes, stage.low, stage.high)
        texture = texture or choose_texture(rng, config, outline.box, style.object_looks)
        found.append(SceneObject(surface, with_faces(rng, texture, surface), outline))
    return found


def _choose_place(rng: Generator, stage: Stage, backdrop: Backdrop, floor: Floor) -> tuple[float, float, float] | None:
    """Return x, y and disparity of a point of the floor in view, px; None where a few tries find none."""
    for _ in range(4):
        x, y = rng.uniform(0, 1) * stage.width, rng.uniform(0.4, 1.15) * stage.height
        disparity = floor.surface.at_point(x, y)
        behind = max(surface.at_point(x, y) for surface in backdrop.surfaces)
        if disparity >= behind and 2 * stage.low < disparity < 0.8 * stage.high:
            return x, y, disparity
    return None
