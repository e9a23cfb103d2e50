"""What a scene of the procedural world is: textured surfaces, objects before a background, light and two cameras."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image
from stereo.data.synthetic.camera import Camera
from stereo.data.synthetic.material import PLAIN, Light, Material, Shadow
from stereo.data.synthetic.pinhole import Pinhole
from stereo.data.synthetic.surface import Surface, Wave

_EVEN = Wave(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Texture:
    """Colours of a surface: texel (u, v) = matrix · (x, y, 1) of a left-view pixel, mirrored beyond the canvas.

    canvas: RGB and a channel that is not looked at, uint8 [h, w, 4] (textures.with_fourth_channel). matrix: [2, 3], 0.7
        to 1.6 texels per pixel, turned.
    tones: What becomes of each level of each channel, float32 [3, 256] in 0 … 255; None: nothing.
    light: Brightness 1 + wave over the surface. faces: Brightness of each plane of the surface, where it has several.
    """

    canvas: Image
    matrix: NDArray[np.float32]
    light: Wave = _EVEN
    tones: NDArray[np.float32] | None = None
    faces: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outline:
    """Where an object is: canvas pixel (density (x − x0), density (y − y0)) of a left-view pixel.

    coverage: float32 [h, w] in 0 … 1, 0 on its border. density: canvas pixels per image pixel.
    """

    coverage: NDArray[np.float32]
    density: float
    x0: float
    y0: float

    @cached_property
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

    @cached_property
    def middle_disparity(self) -> float:
        """Of an object at the centre of its box, px."""
        assert self.outline is not None
        x0, y0, x1, y1 = self.outline.box
        return self.surface.at_point((x0 + x1) / 2, (y0 + y1) / 2)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Limits, px, between which an object's disparity lies."""
        assert self.outline is not None
        return self.surface.bounds(*self.outline.box)


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

    def shadows_on(self, layer: Layer) -> list[Shadow]:
        """Those that may fall on a layer of this scene."""
        return self._shadows[id(layer)]

    @cached_property
    def _shadows(self) -> dict[int, list[Shadow]]:
        found = {}
        for layer in self.layers:
            if layer.outline is None:  # all that either view shows
                box = (0.0, 0.0, self.width + max(self.middle_disparities), float(self.height))
                farthest, nearest = layer.surface.low, layer.surface.high
            else:
                box, (farthest, nearest) = layer.outline.box, layer.bounds
            found[id(layer)] = [shadow for shadow in self.shadows if shadow.may_reach(box, nearest, farthest)]
        return found

    @cached_property
    def camera(self) -> Pinhole:
        """The left view's eye."""
        return Pinhole(self.focal_length, self.width / 2, self.height / 2)

    @property
    def middle_disparities(self) -> list[float]:
        """Of all surfaces, px: objects at their centre, backgrounds at the view's."""
        return [
            layer.surface.at_point(self.width / 2, self.height / 2) if layer.outline is None else layer.middle_disparity
            for layer in self.layers
        ]
