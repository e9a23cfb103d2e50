"""Reading canvases and outlines at lists of points."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.arrays import Float32, Indices
from stereo.data.synthetic.scene.texture import Outline, Texture

# cv2.remap takes images of less than 32,768 rows and columns: a short list becomes one row, a long one is cut.
_ROW = 16_384


def sample_map(canvas: NDArray[Any], u: Float32, v: Float32, border: int = cv2.BORDER_CONSTANT) -> NDArray[Any]:
    """Return a map [h, w] or [h, w, C] at points u, v [N], bilinear: [N] or [N, C] in the map's own type.

    border: BORDER_CONSTANT (0 outside) or BORDER_REPLICATE. BORDER_REFLECT is slow in OpenCV 5.0, which hangs with four
    channels and a row of 100 points.
    """
    if len(u) <= _ROW:
        return np.asarray(cv2.remap(canvas, u[None], v[None], cv2.INTER_LINEAR, borderMode=border)[0])
    values = np.empty((1, len(u), *canvas.shape[2:]), canvas.dtype)
    for start in range(0, len(u), _ROW):
        part = (slice(None), slice(start, start + _ROW))
        cv2.remap(canvas, u[None][part], v[None][part], cv2.INTER_LINEAR, values[part], borderMode=border)
    return values[0]


def sample_texture(texture: Texture, x: Float32, y: Float32) -> Float32:
    """Return the colors at left-view points [N] before the texture's brightness: float32 [3, N] in 0 … 255."""
    per_x, per_y, start = texture.matrix.T[:, :, None]
    u, v = _mirrored(per_x * x + (per_y * y + start), texture.canvas.shape[1::-1])
    levels = sample_map(texture.canvas, u, v, cv2.BORDER_REPLICATE)
    channels = np.ascontiguousarray(levels.T[:3])
    if texture.tones is None:
        return channels.astype(np.float32)
    colors = np.empty(channels.shape, np.float32)
    for channel, tones, color in zip(channels, texture.tones, colors, strict=True):
        cv2.LUT(channel, tones, color)
    return colors


def _mirrored(points: Float32, size: tuple[int, ...]) -> Float32:
    """Fold points u, v [2, N], in place, onto a canvas that is mirrored at its borders, −½ and side − ½, without end.

    size: Width and height of the canvas.
    """
    period = 2 * np.array(size, np.float32)[:, None]
    points += 0.5
    points *= 1 / period
    points -= np.rint(points)
    np.abs(points, out=points)
    points *= period
    points -= 0.5
    return points


def brightness_of(texture: Texture, x: Float32, y: Float32, face: Indices | None) -> Float32 | float:
    """Return the factor of a texture's colors at left-view points: [N], or one for all.

    face: The plane of the surface on which each point lies; None where there is only one.
    """
    wave = texture.brightness
    brightness: Any = 1.0
    if wave.amplitude > 0:
        brightness = brightness + wave.at(x, y)
    if texture.faces and face is not None:
        brightness = brightness * np.asarray(texture.faces, np.float32).take(face)
    return brightness


def on_outline(outline: Outline, x: Float32, y: Float32) -> tuple[Float32, Float32]:
    """Return the column and row in the outline's coverage of left-view points."""
    return (x - outline.x0) * outline.density, (y - outline.y0) * outline.density


def coverage_on_grid(outline: Outline, x: Float32, y: Float32, shape: tuple[int, int]) -> Float32:
    """Return the coverage at left-view points that broadcast to `shape`, bilinear, 0 outside the outline: [H, W]."""
    u, v = np.empty((2, *shape), np.float32)
    u[:], v[:] = on_outline(outline, x, y)
    return np.asarray(cv2.remap(outline.coverage, u, v, cv2.INTER_LINEAR), np.float32)
