"""What a scene of the procedural world is: textured surfaces, objects before a background, light and two cameras."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image
from stereo.data.synthetic.camera import Camera
from stereo.data.synthetic.material import PLAIN, Light, Material, Shadow
from stereo.data.synthetic.surface import Surface, Wave

_EVEN = Wave(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Texture:
    """Colours of a surface: texel (u, v) = matrix · (x, y, 1) of a left-view pixel, mirrored beyond the canvas.

    canvas: RGB uint8 [h, w, 3]. matrix: [2, 3], 0.7 to 1.6 texels per pixel, turned.
    tones: What becomes of each level of each channel, float32 [1, 256, 3] in 0 … 255; None: nothing.
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

    @property
    def middle_disparity(self) -> float:
        """Of an object at the centre of its box, px."""
        assert self.outline is not None
        x0, y0, x1, y1 = self.outline.box
        return disparity_at(self.surface, (x0 + x1) / 2, (y0 + y1) / 2)


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

    @property
    def middle_disparities(self) -> list[float]:
        """Of all surfaces, px: objects at their centre, backgrounds at the view's."""
        return [
            disparity_at(layer.surface, self.width / 2, self.height / 2)
            if layer.outline is None
            else layer.middle_disparity
            for layer in self.layers
        ]


def disparity_at(surface: Surface, x: float, y: float) -> float:
    """Of one left-view point, px."""
    return float(surface.at(np.array(x, np.float32), np.array(y, np.float32)))
