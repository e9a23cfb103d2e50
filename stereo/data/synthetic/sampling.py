"""Canvases that surfaces are cut from, and reading them at lists of points."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image
from stereo.data.synthetic.surface import Wave

Array = NDArray[np.float32]
Indices = NDArray[np.intp]

# cv2.remap wants images, of less than 32,768 rows and columns: short lists are one row, long ones are cut.
_ROW = 16_384


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


def sample_map(canvas: NDArray[Any], u: Array, v: Array, border: int = cv2.BORDER_CONSTANT) -> NDArray[Any]:
    """A canvas [h, w] or [h, w, C] at points u, v [N]: bilinear, [N] or [N, C] in the canvas's own type.

    border: BORDER_CONSTANT (0 outside) or BORDER_REPLICATE. Beyond a mirrored border (BORDER_REFLECT) OpenCV 5.0 takes
    eight times as long, and with four channels it did not come back from a row of 100 points at all.
    """
    values = np.empty((len(u), *canvas.shape[2:]), canvas.dtype)
    for start in range(0, len(u), _ROW):
        part = slice(start, start + _ROW)
        row = cv2.remap(canvas, u[None, part], v[None, part], cv2.INTER_LINEAR, borderMode=border)
        values[part] = row[0]
    return values


def sample_texture(texture: Texture, x: Array, y: Array) -> Array:
    """Colours at left-view points [N], without the brightness over the surface: float32 [3, N] in 0 … 255."""
    u, v = (
        _mirrored(row[0] * x + (row[1] * y + row[2]), side)
        for row, side in zip(texture.matrix, texture.canvas.shape[1::-1], strict=True)
    )
    levels = sample_map(texture.canvas, u, v, cv2.BORDER_REPLICATE)
    channels = np.ascontiguousarray(levels.T[:3])
    if texture.tones is None:
        return channels.astype(np.float32)
    colors = np.empty(channels.shape, np.float32)
    for channel, tones, color in zip(channels, texture.tones, colors, strict=True):
        cv2.LUT(channel, tones, color)
    return colors


def _mirrored(u: Array, side: int) -> Array:
    """Coordinates brought onto a canvas that is mirrored at its borders, −½ and side − ½, again and again. In place."""
    u += 0.5
    u *= 1 / (2 * side)
    u -= np.rint(u)
    np.abs(u, out=u)
    u *= 2 * side
    u -= 0.5
    return u


def brightness_of(texture: Texture, x: Array, y: Array, face: Indices | None) -> Array | float:
    """What a texture's colours are multiplied by at left-view points, [N] or one for all.

    face: which of its surface's planes the points lie on; None where there is but one.
    """
    wave = texture.light
    brightness: Any = 1.0
    if wave.amplitude > 0:
        brightness = brightness + wave.at(x, y)
    if texture.faces and face is not None:
        brightness = brightness * np.asarray(texture.faces, np.float32)[face]
    return brightness
