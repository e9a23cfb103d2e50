"""The parts of an image that are scored on their own. To add one, add an entry to `REGIONS`.

A region says where it lies, whether or not the ground truth is known there; the protocol says which pixels count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import GroundTruth, Map, Mask, StereoSample

# px: a larger difference between neighbors is a jump, and so near to one is its edge.
JUMP = 2.0
EDGE_WIDTH = 3.0
# px: two views' disparities agree where they differ by no more.
_AGREE = 1.0
# Gray levels: Middlebury's threshold for the root mean square of the horizontal gradient.
_TEXTURELESS = 4.0


class Scene:
    """What regions are found from; what several of them need is computed once, when first asked for.

    Args:
        sample: A pair with ground truth.
        max_disparity: px, the range of the method; None where it has none.
    """

    def __init__(self, sample: StereoSample, max_disparity: int | None = None) -> None:
        self.sample = sample
        self.truth = sample.require_truth("evaluation")
        self.max_disparity = max_disparity

    @cached_property
    def occlusion(self) -> tuple[Mask, str]:
        """Return where the left pixel is not visible in the right view, bool [H, W], and how that is known."""
        if self.truth.occluded is not None:
            return self.truth.occluded, "the data set's mask"
        if self.truth.disparity_right is not None:
            return occluded_by_both(self.truth, self.truth.disparity_right), "both views' disparities"
        return occluded_by_left(self.truth), "left-right consistency of the left view's disparity alone"

    @cached_property
    def edge_distance(self) -> Map:
        """Return the distance to the next pixel at a jump of the true disparity, float32 [H, W], px; inf without any.

        A pixel is at a jump where it differs from one of its four neighbors by more than `JUMP`, both known.
        """
        disparity, valid = self.truth.disparity, self.truth.valid
        at_jump = np.zeros(valid.shape, np.bool_)
        for one, other in (
            (np.s_[:, :-1], np.s_[:, 1:]),
            (np.s_[:-1], np.s_[1:]),
        ):
            jump = (np.abs(disparity[one] - disparity[other]) > JUMP) & valid[one] & valid[other]
            at_jump[one] |= jump
            at_jump[other] |= jump
        if not at_jump.any():
            return np.full(valid.shape, np.inf, np.float32)
        away = np.where(at_jump, np.uint8(0), np.uint8(1))
        return cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float32, copy=False)


def occluded_by_both(truth: GroundTruth, disparity_right: Map) -> Mask:
    """Return where the right view shows something else at x − d, by its own disparity.

    A pixel is visible where the right disparity at either of the two whole columns beside x − d differs from its own by
    1 px or less. Where the right disparity is not known at both, the left view alone decides.

    Returns: bool [H, W].
    """
    left_column, right_column, inside = _columns(truth.disparity)
    rows = np.arange(len(truth.disparity))[:, None]
    agree, known = np.zeros(truth.valid.shape, np.bool_), np.zeros(truth.valid.shape, np.bool_)
    for column in (left_column, right_column):
        there = disparity_right[rows, column]
        known |= there != 0
        agree |= (there != 0) & (np.abs(there - truth.disparity) <= _AGREE)
    occluded = np.where(known, ~agree, True)
    undecided = inside & ~known
    if undecided.any():
        occluded = np.where(undecided, occluded_by_left(truth), occluded)
    return occluded | ~inside


def occluded_by_left(truth: GroundTruth) -> Mask:
    """Return where another pixel of the left view hides this one, or the right view ends.

    Each known pixel is carried to its nearest column of the right view, where the largest disparity, the nearest
    surface, stays. A pixel is visible where what stayed differs from its own disparity by 1 px or less.

    Returns: bool [H, W]; False where the disparity is not known.
    """
    height, width = truth.disparity.shape
    x_right = np.arange(width, dtype=np.float32) - truth.disparity
    inside = (x_right >= 0) & (x_right <= width - 1) & truth.valid
    target = np.rint(np.where(inside, x_right, 0)).astype(np.intp) + width * np.arange(height)[:, None]
    nearest = np.full(height * width, -np.inf, np.float32)
    np.maximum.at(nearest, target[inside], truth.disparity[inside])
    hidden = nearest[target] - truth.disparity > _AGREE
    return truth.valid & (~inside | hidden)


def _columns(disparity: Map) -> tuple[NDArray[np.intp], NDArray[np.intp], Mask]:
    """Return the whole columns on both sides of x − d, within the view, and where x − d lies within it."""
    width = disparity.shape[1]
    x_right = np.arange(width, dtype=np.float32) - disparity
    inside = (x_right >= 0) & (x_right <= width - 1)
    x_right = np.where(inside, x_right, 0)
    column = np.floor(x_right).astype(np.intp)
    return column, np.minimum(np.ceil(x_right).astype(np.intp), width - 1), inside


def textureless(sample: StereoSample) -> Mask:
    """Return where the left view has hardly any texture along the rows.

    The squared difference between horizontal neighbors in gray levels, averaged over 3×3 px, is below 4². At the right
    border the last difference stands again.

    Returns: bool [H, W]. Source: Scharstein & Szeliski, IJCV 2002, section 5.1.
    """
    gray = cv2.cvtColor(sample.left, cv2.COLOR_RGB2GRAY).astype(np.float32)
    gradient = np.zeros_like(gray)
    if sample.width > 1:
        np.subtract(gray[:, 1:], gray[:, :-1], out=gradient[:, :-1])
        gradient[:, -1] = gradient[:, -2]
    mean = cv2.blur(gradient**2, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return mean < _TEXTURELESS**2


@dataclass(frozen=True)
class Region:
    """A part of an image.

    description: For reports.
    mask: From a scene to bool [H, W]; None where the scene does not have it.
    """

    description: str
    mask: Callable[[Scene], Mask | None]


def _bin(low: float, high: float) -> Region:
    if low == 0:  # the few protocols that count d < 0 count it here
        return Region(f"d < {high} px", lambda scene: scene.truth.disparity < high)
    if high == np.inf:
        return Region(f"{low} px ≤ d", lambda scene: scene.truth.disparity >= low)
    return Region(
        f"{low} px ≤ d < {high} px",
        lambda scene: (scene.truth.disparity >= low) & (scene.truth.disparity < high),
    )


def _moving(foreground: bool, visible: bool) -> Callable[[Scene], Mask | None]:
    def mask(scene: Scene) -> Mask | None:
        if scene.truth.foreground is None:
            return None
        own = scene.truth.foreground == foreground
        return own & ~scene.occlusion[0] if visible else own

    return mask


REGIONS: dict[str, Region] = {
    "all": Region("the whole image", lambda scene: np.ones(scene.truth.valid.shape, np.bool_)),
    "visible": Region("visible in both views (noc)", lambda scene: ~scene.occlusion[0]),
    "occluded": Region("hidden in the right view, or outside it", lambda scene: scene.occlusion[0]),
    "edges": Region(
        f"within {EDGE_WIDTH:g} px of a jump of the true disparity by more than {JUMP:g} px",
        lambda scene: scene.edge_distance <= EDGE_WIDTH,
    ),
    "textureless": Region(
        "squared horizontal gradient, averaged over 3×3 px, below 4² gray levels",
        lambda scene: textureless(scene.sample),
    ),
    "left_border": Region(
        "x < d: outside the right view",
        lambda scene: np.arange(scene.sample.width) < scene.truth.disparity,
    ),
    "disparity_0_16": _bin(0, 16),
    "disparity_16_32": _bin(16, 32),
    "disparity_32_64": _bin(32, 64),
    "disparity_64_128": _bin(64, 128),
    "disparity_128_192": _bin(128, 192),
    "disparity_192_up": _bin(192, np.inf),
    "beyond_range": Region(
        "d at or beyond the method's range",
        lambda scene: None if scene.max_disparity is None else scene.truth.disparity >= scene.max_disparity,
    ),
    "background": Region("KITTI 2015: not on moving objects", _moving(False, visible=False)),
    "foreground": Region("KITTI 2015: on moving objects", _moving(True, visible=False)),
    "visible_background": Region("KITTI 2015: background, visible in both views", _moving(False, visible=True)),
    "visible_foreground": Region("KITTI 2015: foreground, visible in both views", _moving(True, visible=True)),
}

# Those that few data sets have: they come with the protocol that they belong to.
BY_DATA = ("background", "foreground", "visible_background", "visible_foreground")
# Those that depend on the occlusion of pixels, whose source is reported.
OCCLUSION_REGIONS = {"visible", "occluded", "visible_background", "visible_foreground"}
