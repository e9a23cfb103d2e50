"""Texture and Outline: what a surface shows, and where an object is."""

from dataclasses import dataclass
from functools import cached_property

from stereo.data.sample import Image
from stereo.data.synthetic.arrays import Box, Float32
from stereo.data.synthetic.scene.surface import Wave

_EVEN = Wave(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Texture:
    """The colors of a surface: texel (u, v) = matrix · (x, y, 1) of a left-view pixel, mirrored beyond the canvas.

    canvas: RGB and a fourth channel that is not used, uint8 [h, w, 4] (assets.canvases.with_fourth_channel).
    matrix: [2, 3], 0.7 to 1.6 texels per pixel, turned.
    brightness: A surface is multiplied by 1 + this wave.
    tones: The level that replaces each level of each channel, float32 [3, 256] in 0 … 255; None: levels stay.
    faces: Brightness of each plane of the surface, where it has several.
    """

    canvas: Image
    matrix: Float32
    brightness: Wave = _EVEN
    tones: Float32 | None = None
    faces: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outline:
    """Where an object is: coverage pixel (density (x − x0), density (y − y0)) belongs to the left-view pixel (x, y).

    coverage: float32 [h, w] in 0 … 1, 0 on its border. density: coverage pixels per image pixel.
    """

    coverage: Float32
    density: float
    x0: float
    y0: float

    @cached_property
    def box(self) -> Box:
        """Return the rectangle of the left view that the coverage fills, px."""
        height, width = self.coverage.shape
        return self.x0, self.y0, self.x0 + (width - 1) / self.density, self.y0 + (height - 1) / self.density
