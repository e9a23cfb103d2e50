"""What the left view shows and the right view does not."""

import numpy as np

from stereo.data.sample import Mask
from stereo.data.synthetic.arrays import Float32
from stereo.data.synthetic.render.sampling import on_outline, sample_map
from stereo.data.synthetic.render.view import View, reach
from stereo.data.synthetic.scene.scene import Scene, SceneObject
from stereo.data.synthetic.window import Window

# One layer hides another if its disparity is greater by more than this, px: well above float32 rounding.
_MARGIN = 0.01


def find_occluded(scene: Scene, left: View, window: Window | None = None, right: View | None = None) -> Mask:
    """Return where the left pixel is not visible in the right view: outside it, or behind another layer there.

    Every other layer is evaluated at the sub-pixel point x − disparity of the right view itself, so nothing is rounded.

    Args:
        left: The view of the window; outside the right view means outside the frame.
        window: None: the whole frame.
        right: The same window of the right view. It decides most pixels at once, where two pixels of it on either side
            of the point show the layer itself and nothing touches them. None: evaluate all layers everywhere.
    """
    window = window or Window(0, 0, scene.height, scene.width)
    x = np.arange(window.left, window.left + window.width, dtype=np.float32)[None]
    x_right = x - left.disparity
    occluded = (x_right < 0) | (x_right > scene.width - 1)
    open_question = ~occluded if right is None else ~(occluded | _surely_visible(x_right, left, right, window))
    pixels = open_question.reshape(-1).nonzero()[0]
    rows = pixels // window.width
    # Of the first open pixel of each row, and of the last row's end.
    starts = np.searchsorted(rows, np.arange(window.height + 1))
    points, behind, owner = x_right.take(pixels), left.disparity.take(pixels), left.owner.take(pixels)
    lines = (rows + window.top).astype(np.float32)
    hidden = np.zeros(points.shape, np.bool_)
    for index, layer in enumerate(scene.layers):
        reach_y, reach_x = reach(layer, True, Window(window.top, 0, window.height, scene.width))
        if reach_y.start >= reach_y.stop or reach_x.start >= reach_x.stop:
            continue
        first, last = starts[reach_y.start - window.top], starts[reach_y.stop - window.top]
        part = slice(first, last)
        candidates = (points[part] >= reach_x.start) & (points[part] <= reach_x.stop)
        candidates &= (owner[part] != index) & ~hidden[part]
        if isinstance(layer, SceneObject):
            candidates &= behind[part] < layer.bounds[1]
        where = candidates.nonzero()[0] + first
        if where.size == 0:
            continue
        disparity = layer.surface.from_right(points.take(where), lines.take(where))
        before = disparity > behind.take(where) + _MARGIN
        where, disparity = where.compress(before), disparity.compress(before)
        if layer.outline is not None and where.size:
            u, v = on_outline(layer.outline, points.take(where) + disparity, lines.take(where))
            where = where.compress(sample_map(layer.outline.coverage, u, v) > 0.5)
        hidden[where] = True
    occluded.reshape(-1)[pixels.compress(hidden)] = True
    return occluded


def _surely_visible(x_right: Float32, left: View, right: View, window: Window) -> Mask:
    """Return where four pixels of the right view, two on either side of the point, show the same layer and it alone."""
    first = np.floor(x_right).astype(np.int32) - window.left
    inside = (first >= 1) & (first < window.width - 2)
    start = (
        np.clip(first, 1, max(1, window.width - 3)) + np.arange(window.height, dtype=np.int32)[:, None] * window.width
    )
    alone = right.owner.copy()
    np.copyto(alone, np.int16(-1), where=right.mixed)
    same = alone[:, 1:] == alone[:, :-1]
    four = np.full_like(alone, -1)  # the layer that a pixel, the one before it and the two after it show
    np.copyto(four[:, 1:-2], alone[:, 1:-2], where=same[:, :-2] & same[:, 1:-1] & same[:, 2:])
    return np.asarray(inside & (four.take(start, mode="clip") == left.owner))
