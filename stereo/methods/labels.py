"""Where a disparity is not to be trusted, and why: one label for each pixel, and the check of both views behind it."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Map, Mask
from stereo.methods.holes import fill_from_background
from stereo.methods.method import Prediction

Labels = NDArray[np.uint8]

# px, by which the views may differ: one bin of the cost volume, from which the right view's disparity comes as it is.
CONSISTENT = 4.0
# Share of a map's pixels near the end of the range, above which the range seems too small. Measured on real pairs: maps
# that end well within the range have no such pixel, most of those of scenes that reach beyond it have more.
_CUT_OFF_SHARE = 0.002
# A confidence below it is low. It is the mass of the dominant mode: above a half, no other mode has as much.
LOW_CONFIDENCE = 0.5


class Label(IntEnum):
    """What is the matter with a pixel; of several things BORDER counts first, then OUT_OF_RANGE, then OCCLUDED."""

    GOOD = 0
    OCCLUDED = 1  # the right view has another disparity at x − d: it mostly shows something else there
    OUT_OF_RANGE = 2  # at the end of the network's range: what is there is nearer than it can tell
    BORDER = 3  # x − d lies beyond the edge of the right view; or a view shows nothing there, in a black border
    LOW_CONFIDENCE = 4  # none of the above, but the network sees several surfaces or none


# RGB of each label's value.
LABEL_COLORS = np.array([(0, 0, 0), (214, 39, 40), (255, 187, 40), (120, 120, 120), (60, 110, 220)], np.uint8)


def consistent(disparity: Map, disparity_right: Map, tolerance: float = CONSISTENT) -> Mask:
    """Return where both views agree: the right disparity at one of the two columns beside x − d is d.

    Args:
        disparity, disparity_right: float32 [H, W] of the left and of the right view, px.
        tolerance: px, by which they may differ.

    Returns: bool [H, W]; False where x − d lies outside the right view.
    """
    height, width = disparity.shape
    place = np.arange(width, dtype=np.float32) - disparity
    rows = np.arange(height)[:, None]
    agree = np.zeros(disparity.shape, np.bool_)
    for column in (np.floor(place), np.ceil(place)):
        there = disparity_right[rows, column.clip(0, width - 1).astype(np.intp)]
        agree |= np.abs(there - disparity) <= tolerance
    return agree & _seen(disparity)


def label(
    prediction: Prediction,
    max_disparity: int | None,
    left_shown: Mask | None = None,
    right_shown: Mask | None = None,
) -> Labels:
    """Return the label of each pixel, uint8 [H, W], of the values of :class:`Label`.

    Args:
        prediction: Without a right view nothing is called occluded, without a confidence nothing of low confidence.
        max_disparity: px, the method's range; None: it has none.
        left_shown, right_shown: bool [H, W], False where a view has a black border. None: it has none.
    """
    disparity = prediction.disparity
    labels = np.zeros(disparity.shape, np.uint8)
    if prediction.confidence is not None:
        labels[prediction.confidence < LOW_CONFIDENCE] = Label.LOW_CONFIDENCE
    if prediction.disparity_right is not None:
        labels[~consistent(disparity, prediction.disparity_right)] = Label.OCCLUDED
    if max_disparity is not None:
        labels[disparity > end_of_range(max_disparity)] = Label.OUT_OF_RANGE
    seen = _seen(disparity)
    if left_shown is not None:
        seen &= left_shown
    if right_shown is not None:
        columns = np.arange(disparity.shape[1], dtype=np.float32)
        place = np.rint(columns - disparity).clip(0, len(columns) - 1).astype(np.intp)
        seen &= np.take_along_axis(right_shown, place, axis=1)
    labels[~seen] = Label.BORDER
    return labels


def fill(disparity: Map, labels: Labels) -> Map:
    """Return a disparity map whose pixels with a label other than GOOD are filled from the background's side."""
    return fill_from_background(disparity, labels == Label.GOOD)


def end_of_range(max_disparity: int) -> float:
    """Return the disparity, px, above which an estimate lies at the end of a network's range.

    The last of the volume's bins lies 4 px below the end, and an estimate averages over two more on its one side.
    """
    return min(0.9 * max_disparity, max_disparity - 12)


def _seen(disparity: Map) -> Mask:
    """Return where x − d lies within the right view."""
    return np.arange(disparity.shape[1], dtype=np.float32) - disparity >= 0


def wider_range(disparity: Map, max_disparity: int) -> int | None:
    """Return the range to try where a network's seems too small for a scene; None where it seems to suffice.

    A scene that reaches beyond the range leaves no hole: the network gives something, much of it near the range's end.

    Args:
        disparity: float32 [H, W], px: what a network predicted.
        max_disparity: px: its range.

    Returns: px, a multiple of 16: twice the range, or the image's width if that is less.
    """
    widest = -(-disparity.shape[1] // 16) * 16
    if max_disparity >= widest or (disparity > end_of_range(max_disparity)).mean() <= _CUT_OFF_SHARE:
        return None
    return min(2 * max_disparity, widest)
