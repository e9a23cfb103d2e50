"""Both views of a scene or of a window of it, their exact disparities, and what is occluded."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.lighting import lit
from stereo.data.synthetic.sampling import Outline, brightness_of, sample_map, sample_texture
from stereo.data.synthetic.scene import Layer, Scene
from stereo.data.synthetic.window import Window

Array = NDArray[np.float32]
Indices = NDArray[np.intp]

# One layer hides another if its disparity is greater by more than this, px: well above float32 rounding.
_OCCLUSION_MARGIN = 0.01
# Coverage below and above which a pixel counts as not and as wholly covered.
_NOTHING, _WHOLE = 0.004, 0.996


@dataclass(frozen=True)
class View:
    """Of a window [H, W] of the frame.

    light: RGB float32 [3, H, W] in 0 … 255. disparity: float32 [H, W]. owner: index of the visible layer. mixed: bool
    [H, W], where a layer before the visible one, or that one itself, covers the pixel in part.
    """

    light: Array
    disparity: Array
    owner: NDArray[np.int16]
    mixed: NDArray[np.bool_]

    def part(self, where: tuple[slice, slice]) -> "View":
        """A window of the window."""
        return View(self.light[:, where[0], where[1]], self.disparity[where], self.owner[where], self.mixed[where])


class _Fragment(NamedTuple):
    """Pixels that a layer covers in part, or that shine through it: flat indices, disparity, weight of its colour."""

    pixels: Indices
    disparity: Array
    weight: Array

    def where(self, mask: NDArray[np.bool_]) -> "_Fragment":
        return _Fragment(self.pixels[mask], self.disparity[mask], self.weight[mask])


class _Visible(NamedTuple):
    """owner, disparity: of the layer that covers more than half of a pixel: the ground truth.

    base, base_disparity: of the nearest that covers it wholly and hides what is behind. fragments: what lies before
    the base, by layer. spans: the layers that reach into the window, from back to front, and their rows' flat indices.
    """

    owner: NDArray[np.int16]
    disparity: Array
    base: NDArray[np.int16]
    base_disparity: Array
    spans: dict[int, slice]
    fragments: dict[int, _Fragment]


def render_view(scene: Scene, right: bool, window: Window | None = None) -> View:
    """Draw the left or the right view: first what is visible, then the colours of nothing but that.

    Args:
        window: Only this part of the frame, the same to the last bit. None: the whole.
    """
    window = window or Window(0, 0, scene.height, scene.width)
    visible = _find_visible(scene, right, window)
    base, base_disparity, nearest = (
        part.reshape(-1) for part in (visible.base, visible.base_disparity, visible.disparity)
    )
    x = np.tile(np.arange(window.left, window.left + window.width, dtype=np.float32), window.height)
    y = np.repeat(np.arange(window.top, window.top + window.height, dtype=np.float32), window.width)
    mixed = np.zeros(base.shape, np.bool_)
    light = np.empty((3, base.size), np.float32)
    for index, span in visible.spans.items():
        pixels = np.flatnonzero(base[span] == index) + span.start
        disparity, whole = base_disparity[pixels], pixels
        fragment = visible.fragments.get(index)
        if fragment is not None:
            mixed[fragment.pixels[fragment.disparity >= nearest[fragment.pixels]]] = True
            fragment = fragment.where(base[fragment.pixels] < index)  # not what a nearer layer covers wholly
            pixels = np.concatenate([pixels, fragment.pixels])
            disparity = np.concatenate([disparity, fragment.disparity])
        if pixels.size == 0:
            continue
        # Both in one evaluation, since a small one takes little less time than a large one.
        colors = _look(scene, index, x[pixels], y[pixels], disparity, right)
        for plane, color in zip(light, colors, strict=True):
            plane[whole] = color[: whole.size]
            if fragment is not None:
                behind = plane[fragment.pixels]
                plane[fragment.pixels] = behind + (color[whole.size :] - behind) * fragment.weight
    shape = (window.height, window.width)
    return View(light.reshape(3, *shape), visible.disparity, visible.owner, mixed.reshape(shape))


def _find_visible(scene: Scene, right: bool, window: Window) -> _Visible:
    """The farthest layer first; the nearest covering surface wins at each pixel."""
    shape = (window.height, window.width)
    nearest, base_disparity = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    owner, base = np.full(shape, -1, np.int16), np.full(shape, -1, np.int16)
    spans, fragments = {}, {}
    for index, layer in enumerate(scene.layers):
        rows, columns = _reach(layer, scene, right, window)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        here = _moved(rows, -window.top), _moved(columns, -window.left)
        spans[index] = slice(here[0].start * window.width, here[0].stop * window.width)
        size = (rows.stop - rows.start, columns.stop - columns.start)
        disparity = layer.surface.from_right(x, y) if right else layer.surface.at(x, y)
        front = disparity > nearest[here]
        whole: NDArray[np.bool_] | None = front
        if layer.outline is not None:
            coverage = _coverage(layer.outline, x + disparity if right else x, y, size)
            partial = front & (coverage > _NOTHING)
            if layer.material.opacity < 1:
                whole = None
            else:
                whole = front & (coverage >= _WHOLE)
                partial ^= whole
            where = np.flatnonzero(partial)
            if where.size:
                row, column = np.divmod(where, size[1])
                pixels = row * window.width + (column + here[0].start * window.width + here[1].start)
                weight = coverage.reshape(-1)[where] * layer.material.opacity
                fragments[index] = _Fragment(pixels, disparity.reshape(-1)[where], weight)
            front &= coverage > 0.5
        np.copyto(nearest[here], disparity, where=front)
        np.copyto(owner[here], np.int16(index), where=front)
        if whole is not None:
            np.copyto(base_disparity[here], disparity, where=whole)
            np.copyto(base[here], np.int16(index), where=whole)
    return _Visible(owner, nearest, base, base_disparity, spans, fragments)


def _look(scene: Scene, index: int, x: Array, y: Array, disparity: Array, right: bool) -> Array:
    """Colours [3, N] of a layer at points of a view, where it has these disparities."""
    layer = scene.layers[index]
    material, surface = layer.material, layer.surface
    x_left = x + disparity if right else x
    face = surface.face(x_left, y) if len(surface.planes) > 1 else None
    colors = sample_texture(layer.texture, x_left, y)
    brightness = brightness_of(layer.texture, x_left, y, face)
    if material.surroundings is not None:  # seen where it would stand, behind the surface
        x_virtual = x + material.virtual_disparity if right else x
        colors *= brightness * (1 - material.reflection)
        reflected = brightness_of(material.surroundings, x_virtual, y, None) * material.reflection
        colors += sample_texture(material.surroundings, x_virtual, y) * reflected
        brightness = 1.0
    highlight = None
    if scene.light is not None:
        light, highlight = lit(layer, scene, x_left, y, disparity, face, right)
        brightness = brightness * light
    colors *= brightness
    if highlight is not None:
        colors += highlight
    return np.minimum(colors, 255, out=colors)


def find_occluded(
    scene: Scene, left: View, window: Window | None = None, right: View | None = None
) -> NDArray[np.bool_]:
    """Where the left pixel is not visible in the right view: outside it, or behind another layer there. Bool [H, W].

    Every other layer is evaluated at the sub-pixel point x − disparity of the right view itself, so nothing is rounded.

    Args:
        left: The view of the window; outside the right view means outside the frame.
        right: The same window of the right view. Where two pixels of it on either side of the point show the layer
            itself and nothing touches them, the others need not be evaluated. None: evaluate them everywhere.
    """
    window = window or Window(0, 0, scene.height, scene.width)
    x = np.arange(window.left, window.left + window.width, dtype=np.float32)[None]
    x_right = x - left.disparity
    occluded = (x_right < 0) | (x_right > scene.width - 1)
    open_question = ~occluded if right is None else ~(occluded | _surely_visible(x_right, left, right, window))
    rows, columns = np.nonzero(open_question)
    points, behind, owner = x_right[rows, columns], left.disparity[rows, columns], left.owner[rows, columns]
    lines = (rows + window.top).astype(np.float32)
    hidden = np.zeros(points.shape, np.bool_)
    for index, layer in enumerate(scene.layers):
        reach_y, reach_x = _reach(layer, scene, True, Window(window.top, 0, window.height, scene.width))
        if reach_y.start >= reach_y.stop or reach_x.start >= reach_x.stop:
            continue
        # Rows come in order, as nonzero gives them.
        first, last = np.searchsorted(rows, [reach_y.start - window.top, reach_y.stop - window.top])
        part = slice(first, last)
        candidates = (points[part] >= reach_x.start) & (points[part] <= reach_x.stop)
        candidates &= (owner[part] != index) & ~hidden[part]
        if layer.outline is not None:
            candidates &= behind[part] < layer.bounds[1]
        where = np.nonzero(candidates)[0] + first
        disparity = layer.surface.from_right(points[where], lines[where])
        before = disparity > behind[where] + _OCCLUSION_MARGIN
        where, disparity = where[before], disparity[before]
        if layer.outline is not None and where.size:
            u, v = _on_canvas(layer.outline, points[where] + disparity, lines[where])
            where = where[sample_map(layer.outline.coverage, u, v) > 0.5]
        hidden[where] = True
    occluded[rows[hidden], columns[hidden]] = True
    return occluded


def _surely_visible(x_right: Array, left: View, right: View, window: Window) -> NDArray[np.bool_]:
    """Where the right view shows the same layer, and it alone, at four pixels: two on either side of the point."""
    first = np.floor(x_right).astype(np.int32) - window.left
    inside = (first >= 1) & (first < window.width - 2)
    start = (
        np.clip(first, 1, max(1, window.width - 3)) + np.arange(window.height, dtype=np.int32)[:, None] * window.width
    )
    alone = np.where(right.mixed, np.int16(-1), right.owner)
    same = alone[:, 1:] == alone[:, :-1]
    four = np.full_like(alone, -1)  # the layer that a pixel, the one before it and the two after it show
    np.copyto(four[:, 1:-2], alone[:, 1:-2], where=same[:, :-2] & same[:, 1:-1] & same[:, 2:])
    return np.asarray(inside & (four.reshape(-1)[np.minimum(start, four.size - 1)] == left.owner))


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _reach(layer: Layer, scene: Scene, right: bool, window: Window) -> tuple[slice, slice]:
    """Rows and columns of the frame that a layer may touch within a window of it."""
    top, left, bottom, end = window.top, window.left, window.top + window.height, window.left + window.width
    if layer.outline is None:
        return slice(top, bottom), slice(left, end)
    x0, y0, x1, y1 = layer.outline.box
    if right:
        low, high = layer.bounds
        x0, x1 = x0 - high, x1 - low
    rows = slice(max(top, math.floor(y0)), min(bottom, math.ceil(y1) + 1))
    return rows, slice(max(left, math.floor(x0)), min(end, math.ceil(x1) + 1))


def _on_canvas(outline: Outline, x: Array, y: Array) -> tuple[Array, Array]:
    return (x - outline.x0) * outline.density, (y - outline.y0) * outline.density


def _coverage(outline: Outline, x: Array, y: Array, shape: tuple[int, int]) -> Array:
    """Coverage at left-view points, bilinear in the outline's canvas, 0 outside it."""
    u, v = (np.ascontiguousarray(np.broadcast_to(part, shape)) for part in _on_canvas(outline, x, y))
    return np.asarray(cv2.remap(outline.coverage, u, v, cv2.INTER_LINEAR), np.float32)
