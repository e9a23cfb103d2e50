"""Both views of a scene, or of a window of it, with their exact disparities."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stereo.data.sample import Mask
from stereo.data.synthetic.arrays import Float32, Indices, ObjectIds
from stereo.data.synthetic.render.sampling import brightness_of, coverage_on_grid, sample_texture
from stereo.data.synthetic.render.shading import shade
from stereo.data.synthetic.scene.scene import Background, Layer, Scene
from stereo.data.synthetic.window import Window

# Coverage below and above which a pixel counts as not and as wholly covered.
_NOTHING, _WHOLE = 0.004, 0.996


@dataclass(frozen=True)
class View:
    """What one eye sees in a window [H, W] of the frame.

    radiance: RGB float32 [3, H, W] in 0 … 255. disparity: float32 [H, W], px. owner: int16 [H, W], index of the visible
    layer. mixed: bool [H, W], where a layer before the visible one, or that one itself, covers the pixel in part.
    """

    radiance: Float32
    disparity: Float32
    owner: ObjectIds
    mixed: Mask

    def part(self, where: tuple[slice, slice]) -> "View":
        """Return these rows and columns of the view."""
        return View(self.radiance[:, where[0], where[1]], self.disparity[where], self.owner[where], self.mixed[where])


class _Fragment(NamedTuple):
    """Pixels that a layer covers in part, or lets shine through: flat indices, disparity, weight of its own color."""

    pixels: Indices
    disparity: Float32
    weight: Float32

    def where(self, mask: Mask) -> "_Fragment":
        where = mask.nonzero()[0]
        return _Fragment(self.pixels.take(where), self.disparity.take(where), self.weight.take(where))


class _Visible(NamedTuple):
    """owner, disparity: Of the nearest layer that covers more than half of a pixel, which is the ground truth.

    base, base_disparity: Of the nearest layer that covers the whole pixel and hides all others behind.
    fragments: What lies before the base, by layer.
    spans: The layers that reach into the window, from back to front, and the flat indices of their rows.
    """

    owner: ObjectIds
    disparity: Float32
    base: ObjectIds
    base_disparity: Float32
    spans: dict[int, slice]
    fragments: dict[int, _Fragment]


def render_view(scene: Scene, right: bool, window: Window | None = None) -> View:
    """Return the left or the right view: find what is visible first, then look up the colors of that alone.

    Args:
        window: Render only this part of the frame; it is the same to the last bit. None: render the whole.
    """
    window = window or Window(0, 0, scene.height, scene.width)
    visible = _find_visible(scene, right, window)
    base, base_disparity, nearest = (
        part.reshape(-1) for part in (visible.base, visible.base_disparity, visible.disparity)
    )
    x = np.tile(np.arange(window.left, window.left + window.width, dtype=np.float32), window.height)
    y = np.repeat(np.arange(window.top, window.top + window.height, dtype=np.float32), window.width)
    mixed = np.zeros(base.shape, np.bool_)
    radiance = np.empty((3, base.size), np.float32)
    for index, span in visible.spans.items():
        # take, compress and nonzero are faster than brackets, several times where these hold a mask.
        pixels = (base[span] == index).nonzero()[0] + span.start
        disparity, whole = base_disparity.take(pixels), pixels
        fragment = visible.fragments.get(index)
        if fragment is not None:
            mixed[fragment.pixels.compress(fragment.disparity >= nearest.take(fragment.pixels))] = True
            fragment = fragment.where(base.take(fragment.pixels) < index)  # not what a nearer layer covers wholly
            pixels = np.concatenate([pixels, fragment.pixels])
            disparity = np.concatenate([disparity, fragment.disparity])
        if pixels.size == 0:
            continue
        # Both in one call, since a small call takes little less time than a large one.
        colors = _look(scene, index, x.take(pixels), y.take(pixels), disparity, right)
        for plane, color in zip(radiance, colors, strict=True):
            plane[whole] = color[: whole.size]
            if fragment is not None:
                behind = plane.take(fragment.pixels)
                plane[fragment.pixels] = behind + (color[whole.size :] - behind) * fragment.weight
    shape = (window.height, window.width)
    return View(radiance.reshape(3, *shape), visible.disparity, visible.owner, mixed.reshape(shape))


def _find_visible(scene: Scene, right: bool, window: Window) -> _Visible:
    """Return the nearest covering layer at each pixel, from the farthest layer to the nearest one."""
    shape = (window.height, window.width)
    nearest, base_disparity = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    owner, base = np.full(shape, -1, np.int16), np.full(shape, -1, np.int16)
    spans, fragments = {}, {}
    for index, layer in enumerate(scene.layers):
        rows, columns = reach(layer, right, window)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        here = _moved(rows, -window.top), _moved(columns, -window.left)
        spans[index] = slice(here[0].start * window.width, here[0].stop * window.width)
        size = (rows.stop - rows.start, columns.stop - columns.start)
        disparity = layer.surface.from_right(x, y) if right else layer.surface.at(x, y)
        front = disparity > nearest[here]
        whole: Mask | None = front
        if layer.outline is not None:
            coverage = coverage_on_grid(layer.outline, x + disparity if right else x, y, size)
            partial = front & (coverage > _NOTHING)
            if layer.material.opacity < 1:
                whole = None
            else:
                whole = front & (coverage >= _WHOLE)
                partial ^= whole
            where = partial.reshape(-1).nonzero()[0]
            if where.size:
                row = where // size[1]
                pixels = where + row * (window.width - size[1]) + (here[0].start * window.width + here[1].start)
                fragments[index] = _Fragment(
                    pixels, disparity.take(where), coverage.take(where) * layer.material.opacity
                )
            front &= coverage > 0.5
        np.copyto(nearest[here], disparity, where=front)
        np.copyto(owner[here], np.int16(index), where=front)
        if whole is not None:
            np.copyto(base_disparity[here], disparity, where=whole)
            np.copyto(base[here], np.int16(index), where=whole)
    return _Visible(owner, nearest, base, base_disparity, spans, fragments)


def _look(scene: Scene, index: int, x: Float32, y: Float32, disparity: Float32, right: bool) -> Float32:
    """Return the colors [3, N] of a layer at points of a view, where it has these disparities."""
    layer = scene.layers[index]
    material, surface = layer.material, layer.surface
    x_left = x + disparity if right else x
    face = surface.face(x_left, y) if len(surface.planes) > 1 else None
    colors = sample_texture(layer.texture, x_left, y)
    brightness = brightness_of(layer.texture, x_left, y, face)
    if material.surroundings is not None:  # they are seen as if they stood behind the surface
        x_virtual = x + material.virtual_disparity if right else x
        colors *= brightness * (1 - material.reflection)
        reflected = brightness_of(material.surroundings, x_virtual, y, None) * material.reflection
        colors += sample_texture(material.surroundings, x_virtual, y) * reflected
        brightness = 1.0
    shading, highlight = shade(scene, index, x_left, y, disparity, face, right)
    colors *= brightness * shading
    if highlight is not None:
        colors += highlight
    return colors.clip(-np.inf, 255, out=colors)


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def reach(layer: Layer, right: bool, window: Window) -> tuple[slice, slice]:
    """Return the rows and columns of the frame that a layer may touch within a window of a view."""
    top, left, bottom, end = window.top, window.left, window.top + window.height, window.left + window.width
    if isinstance(layer, Background):
        return slice(top, bottom), slice(left, end)
    x0, y0, x1, y1 = layer.outline.box
    if right:
        low, high = layer.bounds
        x0, x1 = x0 - high, x1 - low
    rows = slice(max(top, math.floor(y0)), min(bottom, math.ceil(y1) + 1))
    return rows, slice(max(left, math.floor(x0)), min(end, math.ceil(x1) + 1))
