"""Choosing objects: where one goes, what form its surface has, and what shape its outline."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.arrays import Float64
from stereo.data.synthetic.assets.shapes import fill_polygon, make_shape
from stereo.data.synthetic.choose.backdrop import Backdrop
from stereo.data.synthetic.choose.block import choose_block
from stereo.data.synthetic.choose.stage import Stage
from stereo.data.synthetic.choose.style import Style, pick
from stereo.data.synthetic.choose.surfaces import choose_angle, choose_dome, choose_folded, choose_slanted
from stereo.data.synthetic.choose.textures import choose_texture, with_faces
from stereo.data.synthetic.scene.scene import SceneObject
from stereo.data.synthetic.scene.surface import Surface
from stereo.data.synthetic.scene.texture import Outline, Texture


class _Place(NamedTuple):
    """Where an object goes: its center and size in the left view, and its disparity, px."""

    x: float
    y: float
    width: float
    height: float
    disparity: float
    standing: bool


class ObjectChooser:
    """Chooses the objects of one scene, one after the other."""

    def __init__(self, rng: Generator, config: SyntheticConfig, style: Style, stage: Stage, backdrop: Backdrop) -> None:
        self.rng, self.config, self.style, self.stage, self.backdrop = rng, config, style, stage, backdrop

    def choose(self, center: Float64, previous: SceneObject | None) -> SceneObject:
        """Return an object about `center`, in shares of the view, that floats or stands on the background.

        previous: The object before; some objects are that one again, elsewhere.
        """
        place = self._standing_in_line(center) if self.style.perspective else None
        place = place or self._anywhere(center)
        form = pick(self.rng, self.style.forms)
        if form == "block":
            block = self._block(place)
            if block is not None:
                return block
            form = "slanted"
        if form in ("ball", "upright", "lying"):
            outline = self._outline(place, "ellipse" if form == "ball" else None)
            surface = choose_dome(self.rng, self.stage, outline.box, place.disparity, form)
            return SceneObject(surface, self._texture(outline), outline)
        outline = self._outline(place)
        surface = self._surface(place, form)
        if previous is not None and len(previous.surface.planes) == 1 and self.rng.random() < 0.15:
            # The same thing once more, elsewhere: rows of books, chairs, windows.
            old = previous.outline
            x0, y0 = place.x - (old.box[2] - old.box[0]) / 2, place.y - (old.box[3] - old.box[1]) / 2
            outline = replace(old, x0=x0, y0=y0)
            offset = previous.texture.matrix[:, :2] @ np.array([x0 - old.x0, y0 - old.y0], np.float32)
            matrix = previous.texture.matrix - np.pad(offset[:, None], ((0, 0), (2, 0)))
            texture = replace(previous.texture, matrix=matrix)
        else:
            texture = self._texture(outline)
        return SceneObject(surface, with_faces(self.rng, texture, surface), outline)

    def _anywhere(self, center: Float64) -> _Place:
        """Return a place in the air, or with a foot on the background. Many things are small, a few are large."""
        rng, stage, surfaces = self.rng, self.stage, self.backdrop.surfaces
        if self.style.sizes is not None:
            share = np.exp(rng.uniform(*np.log(self.style.sizes)))
        else:
            share = np.exp(rng.uniform(np.log(0.06), np.log(0.4))) if rng.random() < 0.6 else rng.uniform(0.25, 0.65)
        size = float(share) * min(stage.height, stage.width * 0.75)
        aspect = float(np.exp(rng.normal(0, 0.5)))
        width, height = max(5.0, size * aspect), max(5.0, size / aspect)
        x, y = float(center[0]) * stage.width, float(center[1]) * stage.height
        behind = max(surface.at_point(x, y) for surface in surfaces)
        foot = max(surface.at_point(x, y + height / 2) for surface in surfaces)
        standing = bool(rng.random() < self.style.standing and foot > behind + 0.5)
        disparity = foot if standing else behind + max(stage.near - behind, 0.0) * rng.beta(*self.style.depth)
        disparity = min(max(disparity, stage.low), stage.near)
        # Half of the shift, so that both views see as many objects.
        return _Place(x + disparity / 2, y, width, height, disparity, standing)

    def _standing_in_line(self, center: Float64) -> _Place | None:
        """Return a place on the floor for a thing of 0.4 to 3 times the camera's height; None where there is none.

        Near things are large, and most things are far.
        """
        rng, stage, floor = self.rng, self.stage, self.backdrop.floor
        if floor is None or rng.random() >= self.style.standing:
            return None
        below = (stage.height * 1.1 - floor.horizon) * rng.beta(1.0, 2.5)
        x, foot = float(center[0]) * stage.width, floor.horizon + below
        disparity = floor.plane.offset + floor.plane.slope_x * x + floor.plane.slope_y * foot
        if below < 3 or disparity <= stage.low:
            return None
        height = float(np.clip(below * np.exp(rng.uniform(np.log(0.4), np.log(3))), 5, 1.2 * stage.height))
        width = float(np.clip(height * np.exp(rng.normal(-0.1, 0.6)), 5, 0.5 * stage.width))
        disparity = float(min(disparity, stage.near))
        return _Place(x + disparity / 2, foot - height / 2, width, height, disparity, True)

    def _block(self, place: _Place) -> SceneObject | None:
        """Return a box in space at this place, or None where none fits."""
        stage, floor = self.stage, self.backdrop.floor
        up = stage.camera.normal(floor.plane) if place.standing and floor is not None else None
        anchor = place.x, place.y + (0 if up is None else place.height / 2), place.disparity
        limits = max(stage.low, 0.05), stage.high
        block = choose_block(self.rng, stage.camera, anchor, (place.width, place.height), up, limits)
        if block is None:
            return None
        x0, y0 = block.hull.min(0)
        x1, y1 = block.hull.max(0)
        if min(x1 - x0, y1 - y0) < 3 or x1 - x0 > 1.5 * stage.width or y1 - y0 > 1.5 * stage.height:
            return None
        outline = outline_of_hull(block.hull, self._density())
        surface = Surface(block.planes, stage.low, stage.high)
        texture = self._texture(outline)
        return SceneObject(surface, with_faces(self.rng, texture, surface), outline)

    def _surface(self, place: _Place, form: str) -> Surface:
        rng, stage, x, y, disparity = self.rng, self.stage, place.x, place.y, place.disparity
        size = max(place.width, place.height)
        if form == "folded":
            return choose_folded(rng, stage, x, y, disparity, size)
        steepest = 0.05 if form == "fronto_parallel" else 1.1
        curved_size = size if form == "curved" else 0.0
        angles = choose_angle(rng, steepest), choose_angle(rng, steepest)
        return choose_slanted(rng, stage, x, y, disparity, curved_size, *angles)

    def _outline(self, place: _Place, shape: str | None = None) -> Outline:
        density = self._density()
        rows, columns = max(12, round(place.height * density)), max(12, round(place.width * density))
        shape = shape or pick(self.rng, self.style.shapes)
        coverage = make_shape(self.rng, rows, columns, density, shape).astype(np.float32) / np.float32(255)
        return Outline(coverage, density, float(place.x - place.width / 2), float(place.y - place.height / 2))

    def _texture(self, outline: Outline) -> Texture:
        return choose_texture(self.rng, self.config, outline.box, self.style.object_looks)

    def _density(self) -> float:
        """Return coverage pixels per image pixel."""
        return float(self.rng.uniform(1.0, 1.6))


def outline_of_hull(hull: Float64, density: float) -> Outline:
    """Return the outline of a convex polygon [N, 2], px of the left view."""
    x0, y0 = hull.min(0)
    x1, y1 = hull.max(0)
    margin = 4 / density
    columns, rows = (round((high - low + 2 * margin) * density) + 1 for low, high in ((x0, x1), (y0, y1)))
    polygon = fill_polygon(rows, columns, (hull - (x0 - margin, y0 - margin)) * density)
    coverage = polygon.astype(np.float32) / np.float32(255)
    return Outline(coverage, density, float(x0 - margin), float(y0 - margin))
