"""What a scene of the procedural world is, and how one is drawn: a background and objects in front of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stereo.config import SyntheticConfig
from stereo.data.synthetic.camera import Camera, draw_cameras
from stereo.data.synthetic.material import PLAIN, Light, Material, Shadow
from stereo.data.synthetic.photographs import crop_of_photograph
from stereo.data.synthetic.shapes import draw_mask
from stereo.data.synthetic.surface import Dome, Plane, Surface, Wave
from stereo.data.synthetic.textures import draw_texture

Rng = np.random.Generator

# Slopes of disparity along a row: the plane's and the waves' together stay below 0.5 (see Surface).
_MAX_SLOPE_X = 0.3
_MAX_WAVE_SLOPE = 0.16
# Texture canvases are no larger than this, texels; larger surfaces see the canvas mirrored at its border.
_OBJECT_CANVAS, _BACKGROUND_CANVAS = 320, 448


@dataclass(frozen=True)
class Texture:
    """Colours of a surface: texel (u, v) = matrix · (x, y, 1) of a left-view pixel, mirrored beyond the canvas.

    colors: RGB float32 [h, w, 3] in 0 … 255. matrix: [2, 3], 0.7 to 1.6 texels per pixel, turned.
    light: Brightness 1 + wave over the surface. tone: Brightness of a folded surface's second face.
    """

    colors: NDArray[np.float32]
    matrix: NDArray[np.float32]
    light: Wave
    tone: float = 1.0


@dataclass(frozen=True)
class Outline:
    """Where an object is: canvas pixel (density (x − x0), density (y − y0)) of a left-view pixel.

    coverage: float32 [h, w] in 0 … 1, 0 on its border. density: canvas pixels per image pixel.
    """

    coverage: NDArray[np.float32]
    density: float
    x0: float
    y0: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the canvas in the left view, px."""
        height, width = self.coverage.shape
        return self.x0, self.y0, self.x0 + (width - 1) / self.density, self.y0 + (height - 1) / self.density


@dataclass(frozen=True)
class Layer:
    """One textured surface. outline: None for a background, which is everywhere."""

    surface: Surface
    texture: Texture
    outline: Outline | None = None
    material: Material = PLAIN


@dataclass(frozen=True)
class Scene:
    """Layers from back to front, and the two cameras that see them. Sizes and focal length in px.

    light: None: textures are shown as they are, without shading and shadows.
    """

    height: int
    width: int
    layers: tuple[Layer, ...]
    cameras: tuple[Camera, Camera]
    focal_length: float = 500.0
    light: Light | None = None
    shadows: tuple[Shadow, ...] = ()


def draw_scene(rng: Rng, config: SyntheticConfig) -> Scene:
    """A random scene. Its geometry does not depend on config.photometric."""
    return _Painter(rng, config).scene()


class _Painter:
    """The state of drawing one scene: its limits of disparity and its focal length, which ties slants together."""

    def __init__(self, rng: Rng, config: SyntheticConfig) -> None:
        self.rng, self.config = rng, config
        self.height, self.width = config.height, config.width
        self.low = min(0.5, 0.02 * config.max_disparity)
        self.high = 0.99 * config.max_disparity
        self.near = float(min(config.max_disparity * rng.uniform(0.25, 1), self.high))
        self.far = float(max(self.near * rng.uniform(0.02, 0.35), self.low))
        self.focal_length = float(self.width * rng.uniform(0.7, 1.5))

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
        objects.sort(key=_middle_disparity)
        layers = tuple(Layer(surface, self._texture(None)) for surface in background) + tuple(objects)
        return Scene(self.height, self.width, layers, draw_cameras(self.rng), self.focal_length)

    # ---------------------------------------------------------------------------------------------- background

    def _background(self) -> list[Surface]:
        """Surfaces that are everywhere; the nearest of them is seen, as from within a convex room."""
        kind = self.rng.choice(["wall", "ground", "room", "tabletop"], p=[0.35, 0.25, 0.2, 0.2])
        wall = self._slanted(self.width / 2, self.height / 2, self.far, self.width, self._angle(0.6), self._angle(0.3))
        if kind == "wall":
            return [wall]
        if kind == "tabletop":  # the camera looks down: the floor fills the view
            return [self._floor(-self.rng.uniform(0.0, 1.5) * self.height, self.low)]
        surfaces = [wall, self._floor(self.rng.uniform(0.15, 0.75) * self.height, self.far)]
        if kind == "room":
            for side in (-1, 1):
                if self.rng.random() < 0.6:
                    surfaces.append(self._side_wall(side))
        return surfaces

    def _floor(self, horizon: float, far: float) -> Surface:
        """A plane whose disparity grows from `far` at the row `horizon` to the bottom of the view."""
        nearest = max(far, self.near * self.rng.uniform(0.35, 0.95))
        slope = (nearest - far) / (self.height - horizon)
        roll = float(np.clip(self.rng.normal(0, 0.06), -0.2, 0.2)) * slope
        plane = Plane(far - slope * horizon - roll * self.width / 2, roll, slope)
        waves = self._waves(self.width, 0.3 * nearest) if self.rng.random() < 0.25 else ()
        return Surface((plane,), self.low, self.high, waves)

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
        rng = self.rng
        # Small things by their number, large ones by their area.
        share = np.exp(rng.uniform(np.log(0.06), np.log(0.4))) if rng.random() < 0.6 else rng.uniform(0.25, 0.65)
        size = float(share) * min(self.height, self.width * 0.75)
        aspect = float(np.exp(rng.normal(0, 0.5)))
        width, height = max(5.0, size * aspect), max(5.0, size / aspect)
        x, y = center[0] * self.width, center[1] * self.height
        behind = max(_disparity_at(s, x, y) for s in background)
        foot = max(_disparity_at(s, x, y + height / 2) for s in background)
        if rng.random() < 0.5 and foot > behind + 0.5:
            disparity = foot
        else:
            disparity = behind + max(self.near - behind, 0.0) * rng.beta(1.1, 1.7)
        disparity = float(np.clip(disparity, self.low, self.near))
        # Half of the shift, so that both views see as many objects.
        x += disparity / 2
        outline = self._outline(x, y, width, height)
        if previous is not None and previous.outline is not None and rng.random() < 0.15:
            # The same thing once more, elsewhere: rows of books, chairs, windows.
            old = previous.outline
            outline = replace(old, x0=x - (old.box[2] - old.box[0]) / 2, y0=y - (old.box[3] - old.box[1]) / 2)
            offset = previous.texture.matrix[:, :2] @ np.array([outline.x0 - old.x0, outline.y0 - old.y0], np.float32)
            matrix = previous.texture.matrix - np.pad(offset[:, None], ((0, 0), (2, 0)))
            texture = replace(previous.texture, matrix=matrix)
        else:
            texture = self._texture(outline)
        surface = self._object_surface(x, y, disparity, max(width, height))
        if len(surface.planes) == 2:
            texture = replace(texture, tone=float(rng.uniform(0.6, 1.4)))
        return Layer(surface, texture, outline)

    def _object_surface(self, x: float, y: float, disparity: float, size: float) -> Surface:
        rng = self.rng
        kind = rng.choice(["fronto_parallel", "slanted", "curved", "folded"], p=[0.2, 0.35, 0.35, 0.1])
        if kind == "folded":
            ridge = x + rng.uniform(-0.3, 0.3) * size
            convex = bool(rng.random() < 0.7)
            turn = self._angle(0.9)
            spread = rng.uniform(0.5, 1.1) * (1 if convex else -1)
            left = self._plane(ridge, y, disparity, turn + spread, 0.0)
            right = self._plane(ridge, y, disparity, turn - spread, 0.0)
            return Surface((left, right), self.low, self.high, convex=convex)
        if kind == "fronto_parallel":
            return self._slanted(x, y, disparity, 0.0, self._angle(0.05), self._angle(0.05))
        curved_size = size if kind == "curved" else 0.0
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
        slopes = np.tan(np.clip([angle_x, angle_y], -1.35, 1.35)) * disparity / self.focal_length
        slope_x, slope_y = np.clip(slopes, -_MAX_SLOPE_X, _MAX_SLOPE_X)
        return Plane(float(disparity - slope_x * x - slope_y * y), float(slope_x), float(slope_y))

    def _angle(self, limit: float) -> float:
        return float(self.rng.uniform(-limit, limit))

    def _waves(self, size: float, relief: float) -> tuple[Wave, ...]:
        """One to three waves about as long as the surface, `relief` px high together."""
        count = int(self.rng.integers(1, 4))
        waves = []
        for _ in range(count):
            frequency = 2 * np.pi / (max(size, 16.0) * np.exp(self.rng.uniform(np.log(0.6), np.log(2.5))))
            direction = self.rng.uniform(0, 2 * np.pi)
            amplitude = min(relief / count, _MAX_WAVE_SLOPE / count / frequency)
            along_x, along_y = frequency * np.cos(direction), frequency * np.sin(direction)
            waves.append(Wave(float(amplitude), float(along_x), float(along_y), self._angle(np.pi)))
        return tuple(waves)

    def _outline(self, x: float, y: float, width: float, height: float) -> Outline:
        density = float(self.rng.uniform(1.0, 1.6))
        rows, columns = max(12, round(height * density)), max(12, round(width * density))
        coverage = draw_mask(self.rng, rows, columns, density).astype(np.float32) / np.float32(255)
        return Outline(coverage, density, float(x - width / 2), float(y - height / 2))

    def _texture(self, outline: Outline | None) -> Texture:
        rng = self.rng
        if outline is None:
            x0, y0, x1, y1 = 0.0, 0.0, self.width + self.near, float(self.height)
            cap = _BACKGROUND_CANVAS
        else:
            x0, y0, x1, y1 = outline.box
            cap = _OBJECT_CANVAS
        density = float(np.exp(rng.uniform(np.log(0.7), np.log(1.6))))
        tilt = rng.normal(0, 0.1) if rng.random() < 0.5 else rng.uniform(0, 2 * np.pi)
        cos, sin = abs(np.cos(tilt)), abs(np.sin(tilt))
        columns, rows = (
            int(np.clip(density * side + 8, 48, cap))
            for side in ((x1 - x0) * cos + (y1 - y0) * sin, (x1 - x0) * sin + (y1 - y0) * cos)
        )
        turn = density * np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
        middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
        shift = np.array([columns / 2, rows / 2]) - turn @ middle
        matrix = np.concatenate([turn, shift[:, None]], 1).astype(np.float32)
        frequency = 2 * np.pi / (max(x1 - x0, y1 - y0) * rng.uniform(1.5, 4))
        direction = rng.uniform(0, 2 * np.pi)
        light = Wave(
            amplitude=float(rng.uniform(0, 0.4)) if rng.random() < 0.7 else 0.0,
            frequency_x=float(frequency * np.cos(direction)),
            frequency_y=float(frequency * np.sin(direction)),
            phase=self._angle(np.pi),
        )
        return Texture(draw_texture(rng, rows, columns), matrix, light)


def with_domes(scene: Scene, rng: Rng, share: float) -> Scene:
    """Some objects become balls and cylinders: their planes bulge towards the camera, and balls are round."""
    layers = []
    for layer in scene.layers:
        if layer.outline is None or rng.random() >= share:
            layers.append(layer)
            continue
        x0, y0, x1, y1 = layer.outline.box
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        middle = _disparity_at(layer.surface, x, y)
        kind = rng.choice(["ball", "upright", "lying"], p=[0.5, 0.35, 0.15])
        radius_x = float(np.inf if kind == "lying" else max(x1 - x0, 4.0) / 2)
        radius_y = float(np.inf if kind == "upright" else max(y1 - y0, 4.0) / 2)
        # As deep as it is wide, at most: relief in px is depth · disparity / focal length.
        depth = min(radius_x, radius_y) * rng.uniform(0.3, 1.0)
        height = min(depth * middle / scene.focal_length, 0.2 * radius_x, _relief(layer.surface, middle))
        plane = Plane(middle - height / 2, 0.0, 0.0)
        dome = Dome(float(height), x, y, radius_x, radius_y)
        surface = Surface((plane,), layer.surface.low, layer.surface.high, dome=dome)
        outline = layer.outline
        if kind == "ball":
            rows, columns = outline.coverage.shape
            coverage = draw_mask(rng, rows, columns, outline.density, "ellipse").astype(np.float32) / np.float32(255)
            outline = replace(outline, coverage=coverage)
        layers.append(replace(layer, surface=surface, outline=outline))
    backgrounds = [layer for layer in layers if layer.outline is None]
    objects = sorted((layer for layer in layers if layer.outline is not None), key=_middle_disparity)
    return replace(scene, layers=(*backgrounds, *objects))


def with_textures(scene: Scene, rng: Rng, config: SyntheticConfig) -> Scene:
    """Some surfaces get dead leaves, which have the statistics of photographs, or crops of the user's photographs."""
    layers = []
    for layer in scene.layers:
        height, width = layer.texture.colors.shape[:2]
        kind = rng.random()
        if config.textures is not None and kind < config.texture_share:
            colors = crop_of_photograph(rng, config.textures, height, width)
            layer = replace(layer, texture=replace(layer.texture, colors=colors))
        elif kind > 1 - config.natural_textures:
            colors = draw_texture(rng, height, width, "dead_leaves")
            layer = replace(layer, texture=replace(layer.texture, colors=colors))
        layers.append(layer)
    return replace(scene, layers=tuple(layers))


def _relief(surface: Surface, middle: float) -> float:
    """How far a bulge at `middle` px may go before it meets the limits of disparity."""
    return max(0.0, min(surface.high - middle, middle - surface.low))


def middle_disparities(scene: Scene) -> list[float]:
    """Of all surfaces, px: objects at their centre, backgrounds at the view's."""
    return [
        _disparity_at(layer.surface, scene.width / 2, scene.height / 2)
        if layer.outline is None
        else _middle_disparity(layer)
        for layer in scene.layers
    ]


def _middle_disparity(layer: Layer) -> float:
    assert layer.outline is not None
    x0, y0, x1, y1 = layer.outline.box
    return _disparity_at(layer.surface, (x0 + x1) / 2, (y0 + y1) / 2)


def _disparity_at(surface: Surface, x: float, y: float) -> float:
    return float(surface.at(np.array(x, np.float32), np.array(y, np.float32)))
