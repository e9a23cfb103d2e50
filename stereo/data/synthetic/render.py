"""Both views of a scene or of a window of it, their exact disparities, and what is occluded."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.material import lit
from stereo.data.synthetic.sampling import sample_map, sample_texture
from stereo.data.synthetic.scene import Layer, Outline, Scene
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

    light: RGB float32 [H, W, 3] in 0 … 255. disparity: float32 [H, W]. owner: index of the visible layer. mixed: bool
    [H, W], where a layer before the visible one, or that one itself, covers the pixel in part.
    """

    light: Array
    disparity: Array
    owner: NDArray[np.int16]
    mixed: NDArray[np.bool_]

    def part(self, where: tuple[slice, slice]) -> "View":
        """A window of the window."""
        return View(self.light[where], self.disparity[where], self.owner[where], self.mixed[where])


class _Fragment(NamedTuple):
    """Pixels that a layer covers in part, or that shine through it: flat indices, disparity, weight of its colour."""

    layer: int
    pixels: Indices
    disparity: Array
    weight: Array

    def where(self, mask: NDArray[np.bool_]) -> "_Fragment":
        return _Fragment(self.layer, self.pixels[mask], self.disparity[mask], self.weight[mask])


class _Visible(NamedTuple):
    """owner, disparity: of the layer that covers more than half of a pixel: the ground truth.

    base, base_disparity: of the nearest that covers it wholly and hides what is behind. fragments: what lies before
    that, from back to front.
    """

    owner: NDArray[np.int16]
    disparity: Array
    base: NDArray[np.int16]
    base_disparity: Array
    fragments: list[_Fragment]


def render_view(scene: Scene, right: bool, window: Window | None = None) -> View:
    """Draw the left or the right view: first what is visible, then the colours of nothing but that.

    Args:
        window: Only this part of the frame, the same to the last bit. None: the whole.
    """
    window = window or Window(0, 0, scene.height, scene.width)
    visible = _find_visible(scene, right, window)
    columns = np.arange(window.left, window.left + window.width, dtype=np.float32)
    rows = np.arange(window.top, window.top + window.height, dtype=np.float32)
    base, nearest = visible.base.reshape(-1), visible.disparity.reshape(-1)
    mixed = np.zeros(base.shape, np.bool_)
    kept = []
    for fragment in visible.fragments:
        mixed[fragment.pixels[fragment.disparity >= nearest[fragment.pixels]]] = True
        kept.append(fragment.where(base[fragment.pixels] < fragment.layer))  # not what a nearer layer covers wholly
    x, y = np.tile(columns, window.height), np.repeat(rows, window.width)
    x, y = (np.concatenate([part, *(part[fragment.pixels] for fragment in kept)]) for part in (x, y))
    layers = np.concatenate([base, *(np.full(part.pixels.size, part.layer, np.int16) for part in kept)])
    disparity = np.concatenate([visible.base_disparity.reshape(-1), *(fragment.disparity for fragment in kept)])
    colors = _look_at(scene, layers, x, y, disparity, right)
    light, start = colors[: base.size], base.size
    for fragment in kept:
        color = colors[start : start + fragment.pixels.size]
        light[fragment.pixels] += (color - light[fragment.pixels]) * fragment.weight[:, None]
        start += fragment.pixels.size
    shape = (window.height, window.width)
    return View(light.reshape(*shape, 3), visible.disparity, visible.owner, mixed.reshape(shape))


def _find_visible(scene: Scene, right: bool, window: Window) -> _Visible:
    """The farthest layer first; the nearest covering surface wins at each pixel."""
    shape = (window.height, window.width)
    nearest, base_disparity = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    owner, base = np.full(shape, -1, np.int16), np.full(shape, -1, np.int16)
    fragments = []
    for index, layer in enumerate(scene.layers):
        rows, columns = _reach(layer, scene, right, window)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        here = _moved(rows, -window.top), _moved(columns, -window.left)
        size = (rows.stop - rows.start, columns.stop - columns.start)
        disparity = np.broadcast_to(layer.surface.from_right(x, y) if right else layer.surface.at(x, y), size)
        front = disparity > nearest[here]
        if layer.outline is None:
            whole = front
        else:
            coverage = _coverage(layer.outline, x + disparity if right else x, y, size)
            touched = front & (coverage > _NOTHING)
            whole = front & (coverage >= _WHOLE)
            partial = touched if layer.material.opacity < 1 else touched ^ whole
            where = np.nonzero(partial)
            if where[0].size:
                pixels = (where[0] + here[0].start) * window.width + (where[1] + here[1].start)
                weight = coverage[where] * np.float32(layer.material.opacity)
                fragments.append(_Fragment(index, pixels, disparity[where], weight))
            front &= coverage > 0.5
            if layer.material.opacity < 1:
                whole = np.zeros_like(front)
        np.copyto(nearest[here], disparity, where=front)
        np.copyto(owner[here], np.int16(index), where=front)
        np.copyto(base_disparity[here], disparity, where=whole)
        np.copyto(base[here], np.int16(index), where=whole)
    return _Visible(owner, nearest, base, base_disparity, fragments)


def _look_at(scene: Scene, layers: NDArray[np.int16], x: Array, y: Array, disparity: Array, right: bool) -> Array:
    """Colours [N, 3] of points of a view, each of the layer that is named for it: one evaluation a layer."""
    order = np.argsort(layers, kind="stable")
    ends = np.cumsum(np.bincount(layers, minlength=len(scene.layers)))
    points = x[order], y[order], disparity[order]
    colors = np.empty((layers.size, 3), np.float32)
    for index, (start, end) in enumerate(zip((0, *ends[:-1]), ends, strict=True)):
        if start < end:
            x_here, y_here, disparity_here = (part[start:end] for part in points)
            colors[start:end] = _look(scene, index, x_here, y_here, disparity_here, right)
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    return colors.take(back, axis=0)


def _look(scene: Scene, index: int, x: Array, y: Array, disparity: Array, right: bool) -> Array:
    """Colours [N, 3] of a layer at points of a view, where it has these disparities."""
    layer = scene.layers[index]
    x_left = x + disparity if right else x
    color = sample_texture(layer.texture, layer.surface, x_left, y)
    material = layer.material
    if scene.light is None and material.reflection == 0:
        return color
    reflected = None
    if material.surroundings is not None:  # seen where it would stand, behind the surface
        x_virtual = x + np.float32(material.virtual_disparity) if right else x
        reflected = sample_texture(material.surroundings, layer.surface, x_virtual, y)
    return lit(color, layer, scene, x_left, y, disparity, right, reflected)


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
            candidates &= behind[part] < layer.surface.bounds(*layer.outline.box)[1]
        where = np.nonzero(candidates)[0] + first
        disparity = np.broadcast_to(layer.surface.from_right(points[where], lines[where]), where.shape)
        before = disparity > behind[where] + np.float32(_OCCLUSION_MARGIN)
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
    alone = np.where(right.mixed, np.int16(-1), right.owner).reshape(-1)
    owner = np.pad(alone, (0, 4), constant_values=-1)  # a narrow window has no such four
    for step in (-1, 0, 1, 2):
        inside &= owner[start + step] == left.owner
    return np.asarray(inside)


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


def _on_canvas(outline: Outline, x: Array, y: Array) -> tuple[Array, Array]:
    density = np.float32(outline.density)
    return (x - np.float32(outline.x0)) * density, (y - np.float32(outline.y0)) * density


def _coverage(outline: Outline, x: Array, y: Array, shape: tuple[int, int]) -> Array:
    """Coverage at left-view points, bilinear in the outline's canvas, 0 outside it."""
    u, v = (np.ascontiguousarray(np.broadcast_to(part, shape)) for part in _on_canvas(outline, x, y))
    return np.asarray(cv2.remap(outline.coverage, u, v, cv2.INTER_LINEAR), np.float32)
