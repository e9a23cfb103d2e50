"""Both views of a scene or of a window of it, their exact disparities, and what is occluded."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.material import lit
from stereo.data.synthetic.scene import Layer, Outline, Scene, Texture
from stereo.data.synthetic.surface import Surface
from stereo.data.synthetic.window import Window

Array = NDArray[np.float32]

# One layer hides another if its disparity is greater by more than this, px: well above float32 rounding.
_OCCLUSION_MARGIN = 0.01


@dataclass(frozen=True)
class View:
    """Of a window [H, W] of the frame.

    light: RGB float32 [H, W, 3] in 0 … 255. disparity: float32 [H, W]. owner: index of the visible layer.
    """

    light: Array
    disparity: Array
    owner: NDArray[np.int16]

    def part(self, where: tuple[slice, slice]) -> "View":
        """A window of the window."""
        return View(self.light[where], self.disparity[where], self.owner[where])


def render_view(scene: Scene, right: bool, window: Window | None = None) -> View:
    """Draw the left or the right view, the farthest layer first; the nearest covering surface wins at each pixel.

    Args:
        window: Only this part of the frame, the same to the last bit. None: the whole.
    """
    window = window or Window(0, 0, scene.height, scene.width)
    light = np.zeros((window.height, window.width, 3), np.float32)
    nearest = np.zeros((window.height, window.width), np.float32)
    owner = np.full((window.height, window.width), -1, np.int16)
    for index, layer in enumerate(scene.layers):
        rows, columns = _reach(layer, scene, right, window)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        rows, columns = _moved(rows, -window.top), _moved(columns, -window.left)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        disparity = np.broadcast_to(layer.surface.from_right(x, y) if right else layer.surface.at(x, y), shape)
        x_left = x + disparity if right else x
        front = disparity > nearest[rows, columns]
        partial = None
        if layer.outline is not None:
            coverage = _coverage(layer.outline, x_left, y, shape)
            partial = front & (coverage > 0.004) & (coverage < 0.996)
            full = front & (coverage >= 0.996)
            front &= coverage > 0.5
            if not (full.any() or partial.any()):
                continue
        else:
            full = front
        color = _colors(layer.texture, layer.surface, x_left, y, shape)
        material = layer.material
        if scene.light is not None or material.reflection > 0:
            reflected = None
            if material.surroundings is not None:  # seen where it would stand, behind the surface
                x_virtual = x + np.float32(material.virtual_disparity) if right else x
                reflected = _colors(material.surroundings, layer.surface, x_virtual, y, shape)
            color = lit(color, layer, scene, x_left, y, np.asarray(disparity, np.float32), right, reflected)
        target = light[rows, columns]
        if material.opacity < 1:
            color = target + (color - target) * np.float32(material.opacity)
        if partial is not None:
            where = np.nonzero(partial)
            weight = coverage[where][:, None]
            target[where] += (color[where] - target[where]) * weight
        cv2.copyTo(color, full.view(np.uint8), target)
        np.copyto(nearest[rows, columns], disparity, where=front)
        owner[rows, columns][front] = index
    return View(light, nearest, owner)


def find_occluded(scene: Scene, left: View, window: Window | None = None) -> NDArray[np.bool_]:
    """Where the left pixel is not visible in the right view: outside it, or behind another layer there. Bool [H, W].

    Every other layer is evaluated at the sub-pixel point x − disparity of the right view itself, so nothing is rounded.
    `left` is the view of a window; outside the right view means outside the frame.
    """
    window = window or Window(0, 0, scene.height, scene.width)
    first, last = window.left, window.left + window.width
    x = np.arange(first, last, dtype=np.float32)[None]
    x_right = x - left.disparity
    occluded = (x_right < 0) | (x_right > scene.width - 1)
    for index, layer in enumerate(scene.layers):
        rows, columns = _reach(layer, scene, True, Window(window.top, 0, window.height, scene.width))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        highest = scene.width if layer.outline is None else layer.surface.bounds(*layer.outline.box)[1]
        # A left pixel hidden by this layer has a smaller disparity, so it lies in these columns.
        reach = slice(max(columns.start, first) - first, min(last, int(columns.stop + highest) + 1) - first)
        if reach.start >= reach.stop:
            continue
        top, rows = rows.start, _moved(rows, -window.top)
        there = x_right[rows, reach]
        behind = left.disparity[rows, reach]
        candidates = (there >= columns.start) & (there <= columns.stop) & (behind < highest)
        candidates &= ~occluded[rows, reach] & (left.owner[rows, reach] != index)
        where = np.nonzero(candidates)
        points = there[where]
        lines = (where[0] + top).astype(np.float32)
        disparity = np.broadcast_to(layer.surface.from_right(points, lines), points.shape)
        hidden = disparity > behind[where] + np.float32(_OCCLUSION_MARGIN)
        if layer.outline is not None:
            where = (where[0][hidden], where[1][hidden])
            hidden = (
                _coverage_at(layer.outline, np.asarray(points + disparity, np.float32)[hidden], lines[hidden]) > 0.5
            )
        occluded[rows, reach][where[0][hidden], where[1][hidden]] = True
    return occluded


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _reach(layer: Layer, scene: Scene, right: bool, window: Window) -> tuple[slice, slice]:
    """Rows and columns of the frame that a layer may touch within a window of it."""
    top, left, bottom, end = window.top, window.left, window.top + window.height, window.left + window.width
    if layer.outline is None:
        return slice(top, bottom), slice(left, end)
    x0, y0, x1, y1 = layer.outline.box
    if right:
        low, high = layer.surface.bounds(x0, y0, x1, y1)
        x0, x1 = x0 - high, x1 - low
    rows = slice(max(top, int(np.floor(y0))), min(bottom, int(np.ceil(y1)) + 1))
    return rows, slice(max(left, int(np.floor(x0))), min(end, int(np.ceil(x1)) + 1))


def _coverage(outline: Outline, x: Array, y: Array, shape: tuple[int, ...]) -> Array:
    """Coverage at left-view points, bilinear in the outline's canvas, 0 outside it."""
    u = np.ascontiguousarray(np.broadcast_to((x - np.float32(outline.x0)) * np.float32(outline.density), shape))
    v = np.ascontiguousarray(np.broadcast_to((y - np.float32(outline.y0)) * np.float32(outline.density), shape))
    return np.asarray(cv2.remap(outline.coverage, u, v, cv2.INTER_LINEAR), np.float32)


def _coverage_at(outline: Outline, x: Array, y: Array) -> Array:
    """As _coverage, at a list of points; cv2.remap wants less than 32,768 rows, so they are laid out in rows of 256."""
    count = len(x)
    padding = -count % 256
    table = (np.pad(x, (0, padding)).reshape(-1, 256), np.pad(y, (0, padding)).reshape(-1, 256))
    if count == 0:
        return np.zeros(0, np.float32)
    return _coverage(outline, *table, table[0].shape).reshape(-1)[:count]


def _colors(texture: Texture, surface: Surface, x: Array, y: Array, shape: tuple[int, ...]) -> Array:
    """Colours at left-view points, float32 [h, w, 3] in 0 … 255."""
    u, v = (np.ascontiguousarray(np.broadcast_to(row[0] * x + (row[1] * y + row[2]), shape)) for row in texture.matrix)
    colors = cv2.remap(texture.colors, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    wave = texture.light
    if wave.amplitude > 0 or texture.tone != 1.0:
        argument = np.float32(wave.frequency_x) * x + (np.float32(wave.frequency_y) * y + np.float32(wave.phase))
        brightness = 1 + np.float32(wave.amplitude) * np.sin(argument)
        if len(surface.planes) == 2:
            brightness = np.where(surface.face(x, y), brightness * np.float32(texture.tone), brightness)
        shading = cv2.merge([np.ascontiguousarray(np.broadcast_to(brightness, shape))] * 3)
        colors = np.minimum(cv2.multiply(colors, shading), np.float32(255))
    return np.asarray(colors, np.float32)
