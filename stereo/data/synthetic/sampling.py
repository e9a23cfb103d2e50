"""Reading canvases at lists of points."""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stereo.data.synthetic.scene import Texture

Array = NDArray[np.float32]
Indices = NDArray[np.intp]

# cv2.remap wants images, of less than 32,768 rows and columns: short lists are one row, long ones are cut.
_ROW = 16_384


def sample_map(canvas: NDArray[Any], u: Array, v: Array, border: int = cv2.BORDER_CONSTANT) -> NDArray[Any]:
    """A canvas [h, w] or [h, w, C] at points u, v [N]: bilinear, [N] or [N, C] in the canvas's own type.

    border: BORDER_CONSTANT (0 outside) or BORDER_REPLICATE. Mirrored borders make OpenCV 5.0 ten times slower, and may
    make it hang: it looks for the mirror images of coordinates that nobody gave, beyond the end of a short row.
    """
    values = np.empty((len(u), *canvas.shape[2:]), canvas.dtype)
    for start in range(0, len(u), _ROW):
        part = slice(start, start + _ROW)
        row = cv2.remap(canvas, u[None, part], v[None, part], cv2.INTER_LINEAR, borderMode=border)
        values[part] = row[0]
    return values


def sample_texture(texture: "Texture", x: Array, y: Array) -> Array:
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


def brightness_of(texture: "Texture", x: Array, y: Array, face: Indices | None) -> Array | float:
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
