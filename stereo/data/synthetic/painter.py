"""Drawing a scene at random: a background and objects before it, in the style of a preset."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stereo.config import SyntheticConfig
from stereo.data.synthetic.block import draw_block
from stereo.data.synthetic.camera import draw_cameras
from stereo.data.synthetic.photographs import crop_of_photograph
from stereo.data.synthetic.pinhole import Pinhole
from stereo.data.synthetic.sampling import Outline, Texture
from stereo.data.synthetic.scene import Layer, Scene
from stereo.data.synthetic.shapes import draw_mask, fill_polygon
from stereo.data.synthetic.style import draw_style, pick
from stereo.data.synthetic.surface import Dome, Plane, Surface, Wave
from stereo.data.synthetic.textures import CANVAS_SIDES, draw_canvas, draw_tones, with_fourth_channel

Rng = np.random.Generator
Box = tuple[float, float, float, float]

# Slopes of disparity along a row: the plane's and the waves' together stay below 0.5 (see Surface).
_MAX_SLOPE_X = 0.3
_MAX_WAVE_SLOPE = 0.16


class _Place(NamedTuple):
    """Where an object goes: its centre and size in the left view, and its disparity, px."""

    x: float
    y: float
    width: float
    height: float
    disparity: float
    standing: bool


def draw_scene(rng: Rng, config: SyntheticConfig) -> Scene:
    """A random scene. Its geometry does not depend on config.photometric."""
    return _Painter(rng, config).scene()


class _Painter:
    """The state of drawing one scene: its style, limits of disparity and focal length, which ties slants together."""

    def __init__(self, rng: Rng, config: SyntheticConfig) -> None:
        self.rng, self.config = rng, config
        self.style = style = draw_style(rng, config.preset, config.mixture)
        self.height, self.width = config.height, config.width
        self.low = min(0.5, 0.02 * config.max_disparity)
        self.high = 0.99 * config.max_disparity
        self.near = float(min(config.max_disparity * rng.uniform(*style.near), self.high))
        self.far = float(max(self.near * rng.uniform(*style.far), self.low))
        self.focal_length = float(self.width * rng.uniform(0.7, 1.5))
        self.camera = Pinhole(self.focal_length, self.width / 2, self.height / 2)
        self.floor: Plane | None = None
        self.horizon = self.height / 2

    def scene(self) -> Scene:
        background = self._background()
        objects: list[Layer] = []
        clusters = self.rng.uniform(-0.05, 1.05, (int(self.rng.integers(1, 5)), 2))
        clustered = self.rng.random() * 0.8
        for _ in range(int(self.rng.integers(self.config.min_objects, self.config.max_objects + 1))):
            center = self.rng.uniform(-0.05, 1.05, 2)
            if self.rng.random() < clustered:
                center = clusters[self.rng.integers(len(clusters))] + self.rng.normal(0, 0.13, 2)
            objects.append(self._object(center, background, objects[-1] if objects else None))
        objects.sort(key=lambda layer: layer.middle_disparity)
        view = (0.0, 0.0, self.width + self.near, float(self.height))
        layers = tuple(Layer(surface, self._texture(view)) for surface in background) + tuple(objects)
        return Scene(self.height, self.width, layers, draw_cameras(self.rng), self.focal_length)

    # ---------------------------------------------------------------------------------------------- background

    def _background(self) -> list[Surface]:
        """Surfaces that are everywhere; the nearest of them is seen, as from within a convex room."""
        kind = pick(self.rng, self.style.backgrounds)
        if kind == "road":
            self.horizon = self.rng.uniform(0.3, 0.55) * self.height
            surfaces = [Surface((Plane(self.far, 0.0, 0.0),), self.low, self.high), self._floor(self.far)]
            return surfaces + [self._side_wall(side) for side in (-1, 1) if self.rng.random() < 0.35]
        wall = self._slanted(self.width / 2, self.height / 2, self.far, self.width, self._angle(0.6), self._angle(0.3))
        if kind == "wall":
            return [wall]
        if kind == "tabletop":  # the camera looks down: the floor fills the view
            self.horizon = -self.rng.uniform(0.0, 1.5) * self.height
            return [self._floor(self.low)]
        self.horizon = self.rng.uniform(0.15, 0.75) * self.height
        surfaces = [wall, self._floor(self.far)]
        if kind == "room":
            surfaces += [self._side_wall(side) for side in (-1, 1) if self.rng.random() < 0.6]
        return surfaces

    def _floor(self, far: float) -> Surface:
        """A plane whose disparity grows from `far` at the horizon to the bottom of the view."""
        nearest = max(far, self.near * self.rng.uniform(0.35, 0.95))
        slope = (nearest - far) / (self.height - self.horizon)
        roll = float(np.clip(self.rng.normal(0, 0.06), -0.2, 0.2)) * slope
        self.floor = Plane(far - slope * self.horizon - roll * self.width / 2, roll, slope)
        waves = self._waves(self.width, 0.3 * nearest) if self.rng.random() < 0.25 else ()
        return Surface((self.floor,), self.low, self.high, waves)

    def _side_wall(self, side: int) -> Surface:
        """A plane whose disparity grows towards the left (side −1) or right (side 1) border."""
        nearest = self.near * self.rng.uniform(0.35, 0.9)
        reach = self.width * self.rng.uniform(0.15, 0.45)
        slope = side * min(_MAX_SLOPE_X, max(nearest - self.far, 0.0) / reach)
        # Seen in the right view, the border lies `nearest` further right.
        edge = self.width - reach if side > 0 else reach
        return Surface((Plane(self.far - slope * edge, slope, 0.0),), self.low, self.high)

    # ------------------------------------------------------------------------------------------------- objects

    def _object(self, center: NDArray[np.float64], background: list[Surface], previous: Layer | None) -> Layer:
        """An object about `center`, given in shares of the view: floating, or standing on the background."""
        place = self._standing_in_line(center) if self.style.perspective else None
        place = place or self._anywhere(center, background)
        form = pick(self.rng, self.style.forms)
        if form == "block":
            block = self._block(place)
            if block is not None:
                return block
            form = "slanted"
        if form in ("ball", "upright", "lying"):
            outline = self._outline(place, "ellipse" if form == "ball" else None)
            return Layer(self._dome(outline.box, place.disparity, form), self._texture(outline.box), outline)
        outline = self._outline(place)
        surface = self._surface(place, form)
        again = previous is not None and previous.outline is not None and len(previous.surface.planes) == 1
        if again and self.rng.random() < 0.15:
            # The same thing once more, elsewhere: rows of books, chairs, windows.
            assert previous is not None
            assert previous.outline is not None
            old = previous.outline
            x0, y0 = place.x - (old.box[2] - old.box[0]) / 2, place.y - (old.box[3] - old.box[1]) / 2
            outline = replace(old, x0=x0, y0=y0)
            offset = previous.texture.matrix[:, :2] @ np.array([x0 - old.x0, y0 - old.y0], np.float32)
            matrix = previous.texture.matrix - np.pad(offset[:, None], ((0, 0), (2, 0)))
            texture = replace(previous.texture, matrix=matrix)
        else:
            texture = self._texture(outline.box)
        return Layer(surface, self._with_faces(texture, surface), outline)

    def _anywhere(self, center: NDArray[np.float64], background: list[Surface]) -> _Place:
        """Small things by their number, large ones by their area; in the air, or with a foot on the background."""
        rng = self.rng
        share = np.exp(rng.uniform(np.log(0.06), np.log(0.4))) if rng.random() < 0.6 else rng.uniform(0.25, 0.65)
        size = float(share) * min(self.height, self.width * 0.75)
        aspect = float(np.exp(rng.normal(0, 0.5)))
        width, height = max(5.0, size * aspect), max(5.0, size / aspect)
        x, y = float(center[0]) * self.width, float(center[1]) * self.height
        behind = max(surface.at_point(x, y) for surface in background)
        foot = max(surface.at_point(x, y + height / 2) for surface in background)
        standing = bool(rng.random() < self.style.standing and foot > behind + 0.5)
        disparity = foot if standing else behind + max(self.near - behind, 0.0) * rng.beta(*self.style.depth)
        disparity = min(max(disparity, self.low), self.near)
        # Half of the shift, so that both views see as many objects.
        return _Place(x + disparity / 2, y, width, height, disparity, standing)

    def _standing_in_line(self, center: NDArray[np.float64]) -> _Place | None:
        """A thing of 0.4 to 3 times the camera's height on the floor: near ones are large, and most are far."""
        rng = self.rng
        if self.floor is None or rng.random() >= self.style.standing:
            return None
        below = (self.height * 1.1 - self.horizon) * rng.beta(1.0, 2.5)
        x, foot = float(center[0]) * self.width, self.horizon + below
        disparity = self.floor.offset + self.floor.slope_x * x + self.floor.slope_y * foot
        if below < 3 or disparity <= self.low:
            return None
        height = float(np.clip(below * np.exp(rng.uniform(np.log(0.4), np.log(3))), 5, 1.2 * self.height))
        width = float(np.clip(height * np.exp(rng.normal(-0.1, 0.6)), 5, 0.5 * self.width))
        disparity = float(min(disparity, self.near))
        return _Place(x + disparity / 2, foot - height / 2, width, height, disparity, True)

    def _block(self, place: _Place) -> Layer | None:
        standing = place.standing and self.floor is not None
        up = self.camera.normal(self.floor) if standing and self.floor is not None else None
        anchor = place.x, place.y + (place.height / 2 if standing else 0), place.disparity
        limits = max(self.low, 0.05), self.high
        block = draw_block(self.rng, self.camera, anchor, (place.width, place.height), up, limits)
        if block is None:
            return None
        x0, y0 = block.hull.min(0)
        x1, y1 = block.hull.max(0)
        if min(x1 - x0, y1 - y0) < 3 or x1 - x0 > 1.5 * self.width or y1 - y0 > 1.5 * self.height:
            return None
        density = float(self.rng.uniform(1.0, 1.6))
        margin = 4 / density
        columns, rows = (round((high - low + 2 * margin) * density) + 1 for low, high in ((x0, x1), (y0, y1)))
        mask = fill_polygon(rows, columns, (block.hull - (x0 - margin, y0 - margin)) * density)
        coverage = mask.astype(np.float32) / np.float32(255)
        outline = Outline(coverage, density, float(x0 - margin), float(y0 - margin))
        surface = Surface(block.planes, self.low, self.high)
        return Layer(surface, self._with_faces(self._texture(outline.box), surface), outline)

    def _dome(self, box: Box, disparity: float, form: str) -> Surface:
        """A ball, or a cylinder that stands or lies: no deeper than it is wide."""
        x0, y0, x1, y1 = box
        radius_x = float(np.inf if form == "lying" else (x1 - x0) / 2)
        radius_y = float(np.inf if form == "upright" else (y1 - y0) / 2)
        # Relief in px is depth · disparity / focal length.
        depth = min(radius_x, radius_y) * self.rng.uniform(0.3, 1.0)
        room = max(0.0, min(self.high - disparity, disparity - self.low))
        height = float(min(depth * disparity / self.focal_length, 0.2 * radius_x, room))
        dome = Dome(height, (x0 + x1) / 2, (y0 + y1) / 2, radius_x, radius_y)
        return Surface((Plane(disparity - height / 2, 0.0, 0.0),), self.low, self.high, dome=dome)

    def _surface(self, place: _Place, form: str) -> Surface:
        x, y, disparity = place.x, place.y, place.disparity
        size = max(place.width, place.height)
        if form == "folded":
            ridge = x + self.rng.uniform(-0.3, 0.3) * size
            convex = bool(self.rng.random() < 0.7)
            turn = self._angle(0.9)
            spread = self.rng.uniform(0.5, 1.1) * (1 if convex else -1)
            left = self._plane(ridge, y, disparity, turn + spread, 0.0)
            right = self._plane(ridge, y, disparity, turn - spread, 0.0)
            return Surface((left, right), self.low, self.high, convex=convex)
        if form == "fronto_parallel":
            return self._slanted(x, y, disparity, 0.0, self._angle(0.05), self._angle(0.05))
        curved_size = size if form == "curved" else 0.0
        return self._slanted(x, y, disparity, curved_size, self._angle(1.1), self._angle(1.1))

    def _slanted(
        self, x: float, y: float, disparity: float, curved_size: float, angle_x: float, angle_y: float
    ) -> Surface:
        """A plane through (x, y, disparity), with waves of about `curved_size` px (0: none)."""
        plane = self._plane(x, y, disparity, angle_x, angle_y)
        relief = disparity * curved_size / self.focal_length * self.rng.uniform(0.1, 0.7)
        waves = self._waves(curved_size, relief) if curved_size > 0 else ()
        return Surface((plane,), self.low, self.high, waves)

    def _plane(self, x: float, y: float, disparity: float, angle_x: float, angle_y: float) -> Plane:
        """The image of a plane in space turned by two angles, radians: its slope is tan(angle) · disparity / f."""
        slope_x, slope_y = (
            _limited(math.tan(_limited(angle, 1.35)) * disparity / self.focal_length, _MAX_SLOPE_X)
            for angle in (angle_x, angle_y)
        )
        return Plane(disparity - slope_x * x - slope_y * y, slope_x, slope_y)

    def _angle(self, limit: float) -> float:
        return float(self.rng.uniform(-limit, limit))

    def _waves(self, size: float, relief: float) -> tuple[Wave, ...]:
        """One to three waves about as long as the surface, `relief` px high together."""
        count = int(self.rng.integers(1, 4))
        waves = []
        for _ in range(count):
            frequency = 2 * math.pi / (max(size, 16.0) * math.exp(self.rng.uniform(math.log(0.6), math.log(2.5))))
            direction = self.rng.uniform(0, 2 * np.pi)
            amplitude = min(relief / count, _MAX_WAVE_SLOPE / count / frequency)
            along_x, along_y = frequency * math.cos(direction), frequency * math.sin(direction)
            waves.append(Wave(amplitude, along_x, along_y, self._angle(math.pi)))
        return tuple(waves)

    def _outline(self, place: _Place, family: str | None = None) -> Outline:
        density = float(self.rng.uniform(1.0, 1.6))
        rows, columns = max(12, round(place.height * density)), max(12, round(place.width * density))
        family = family or pick(self.rng, self.style.shapes)
        coverage = draw_mask(self.rng, rows, columns, density, family).astype(np.float32) / np.float32(255)
        return Outline(coverage, density, float(place.x - place.width / 2), float(place.y - place.height / 2))

    # ------------------------------------------------------------------------------------------------ textures

    def _texture(self, box: Box) -> Texture:
        """For a surface that fills a box of the left view."""
        rng, config = self.rng, self.config
        x0, y0, x1, y1 = box
        density = math.exp(rng.uniform(math.log(0.7), math.log(1.6)))
        tilt = rng.normal(0, 0.1) if rng.random() < 0.5 else rng.uniform(0, 2 * np.pi)
        needed = density * math.hypot(x1 - x0, y1 - y0) * 0.8
        side = next((side for side in CANVAS_SIDES if side >= needed), CANVAS_SIDES[-1])
        # All of these are drawn in any case, so that settings of the look do not move the geometry.
        number, kind, picture = int(rng.integers(2**31)), rng.random(), int(rng.integers(2**31))
        cos, sin = density * math.cos(tilt), density * math.sin(tilt)
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        u, v = rng.uniform(0, side, 2)
        matrix = np.array([[cos, -sin, u - (cos * x - sin * y)], [sin, cos, v - (sin * x + cos * y)]], np.float32)
        frequency = 2 * math.pi / (max(x1 - x0, y1 - y0) * rng.uniform(1.5, 4))
        direction = rng.uniform(0, 2 * np.pi)
        light = Wave(
            amplitude=float(rng.uniform(0, 0.4)) if rng.random() < 0.7 else 0.0,
            frequency_x=frequency * math.cos(direction),
            frequency_y=frequency * math.sin(direction),
            phase=self._angle(np.pi),
        )
        tones = draw_tones(rng)
        if config.textures is not None and kind < config.texture_share:
            canvas = crop_of_photograph(np.random.default_rng(picture), config.textures, side, side)
            return Texture(with_fourth_channel(canvas), matrix, light)
        family = "dead_leaves" if kind > 1 - config.natural_textures else None
        if config.texture_bank > 0:
            number %= config.texture_bank
        return Texture(draw_canvas(config.seed, side, number, family), matrix, light, tones)

    def _with_faces(self, texture: Texture, surface: Surface) -> Texture:
        count = len(surface.planes)
        if count == 1:
            return texture
        return replace(texture, faces=tuple(float(tone) for tone in self.rng.uniform(0.6, 1.3, count)))


def _limited(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
