"""Reading canvases at lists of points."""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.surface import Surface

if TYPE_CHECKING:
    from stereo.data.synthetic.scene import Texture

Array = NDArray[np.float32]

# cv2.remap wants images, of less than 32,768 rows and columns: short lists are one row, long ones are cut.
_ROW = 16_384


def sample_map(canvas: NDArray[Any], u: Array, v: Array, border: int = cv2.BORDER_CONSTANT) -> Array:
    """A canvas [h, w] or [h, w, C] at points u, v [N]: bilinear, [N] or [N, C] in the canvas's own type."""
    values = np.empty((len(u), *canvas.shape[2:]), canvas.dtype)
    for start in range(0, len(u), _ROW):
        part = slice(start, start + _ROW)
        row = cv2.remap(canvas, u[None, part], v[None, part], cv2.INTER_LINEAR, borderMode=border)
        values[part] = row[0]
    return values


def sample_texture(texture: "Texture", surface: Surface, x: Array, y: Array) -> Array:
    """Colours at left-view points [N], float32 [N, 3] in 0 … 255."""
    u, v = (row[0] * x + (row[1] * y + row[2]) for row in texture.matrix)
    levels = sample_map(texture.canvas, u, v, cv2.BORDER_REFLECT)
    if texture.tones is None:
        colors = levels.astype(np.float32)
    else:
        colors = np.asarray(cv2.LUT(levels.reshape(-1, 1, 3), texture.tones), np.float32).reshape(-1, 3)
    wave = texture.light
    if wave.amplitude > 0 or texture.faces:
        argument = np.float32(wave.frequency_x) * x + (np.float32(wave.frequency_y) * y + np.float32(wave.phase))
        brightness = 1 + np.float32(wave.amplitude) * np.sin(argument)
        if texture.faces:
            brightness *= np.asarray(texture.faces, np.float32)[surface.face(x, y)]
        colors *= brightness[:, None]
        np.minimum(colors, np.float32(255), out=colors)
    return colors
