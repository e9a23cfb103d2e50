"""Check a pair that comes without a calibration: is it rectified, are the eyes swapped, has it black borders?

Each check returns numbers and a sentence for the user, or None instead of the sentence where there is nothing to say.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from stereo.data.sample import Image, Mask

Points = NDArray[np.float64]

# Features are looked for in views of at most so many pixels, and so many of them.
_PIXELS, _FEATURES = 1_000_000, 1500
# A match counts if its descriptor is so much nearer than the next best, and no check speaks with fewer matches.
_RATIO, _FEWEST = 0.8, 25
# Matches farther than this from the fitted offset are taken for wrong ones, px of the searched views.
_TOLERANCE = 2.0
# What the checks speak at: px of the searched views; shares of the matches; levels of 255; shares of the image.
_OFFSET_LIMIT = 0.4
_SWAPPED_SHARE = 0.8
_STILL, _STILL_SHARE = 1.0, 0.8
_BLACK, _LEAST_AREA = 8, 0.005
# A border is 0 but for what JPEG makes of its edge; dark things of a scene are not.
_BORDER_LEVEL = 1.0
# A border's line bends by so many px from row to row, on so large a share of the rows.
_BEND, _SMOOTH_SHARE = 2, 0.8


@dataclass(frozen=True, eq=False)
class Matches:
    """Points of the left view and the same points in the right one.

    left, right: float64 [N, 2], x and y in px of the images as given.
    scale: the searched views' size over that of the images, ≤ 1: matches are good to about 1 / scale px.
    """

    left: Points
    right: Points
    scale: float = 1.0


@dataclass(frozen=True)
class VerticalOffset:
    """How far matches lie from one row.

    median: px, of the offset's size, after a plane was fitted to it. spread: px, between the 10th and the 90th
    percentile of the fitted offset: a turned camera has a large one. matches: how many agree with the plane.
    """

    median: float
    spread: float
    matches: int
    sentence: str | None


@dataclass(frozen=True)
class SwappedEyes:
    """positive, negative: how many matches have such a disparity, beyond the accuracy of a match."""

    positive: int
    negative: int
    sentence: str | None


@dataclass(frozen=True)
class SameImage:
    """still: the share of the matches that did not move, 0 … 1. matches: how many there are."""

    still: float
    matches: int
    sentence: str | None


@dataclass(frozen=True, eq=False)
class BlackBorder:
    """mask: bool [H, W], True in black borders. share: of the image, 0 … 1."""

    mask: Mask
    share: float
    sentence: str | None


def find_matches(left: Image, right: Image, features: int = _FEATURES) -> Matches:
    """Return matches of ORB features that are each other's best and clearly better than the next.

    Args:
        left, right: uint8, [H, W] or RGB [H, W, 3]; the sizes may differ.
        features: So many are looked for in each.
    """
    scale = min(1.0, (_PIXELS / max(left[..., 0].size if left.ndim == 3 else left.size, 1)) ** 0.5)
    detector = cv2.ORB.create(nfeatures=features, fastThreshold=8)
    (one, one_found), (other, other_found) = (
        detector.detectAndCompute(_searched(image, scale), None) for image in (left, right)
    )
    empty = Matches(np.zeros((0, 2)), np.zeros((0, 2)), scale)
    if one_found is None or other_found is None:
        return empty
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(other_found, one_found)}
    good = [
        best[0]
        for best in matcher.knnMatch(one_found, other_found, k=2)
        if len(best) == 2
        and best[0].distance < _RATIO * best[1].distance
        and back[best[0].trainIdx] == best[0].queryIdx
    ]
    if not good:
        return empty
    lefts = np.array([one[match.queryIdx].pt for match in good])
    rights = np.array([other[match.trainIdx].pt for match in good])
    return Matches(lefts / scale, rights / scale, scale)


def vertical_offset(matches: Matches) -> VerticalOffset:
    """Return how far the matches lie from one row; the sentence says that the pair looks unrectified."""
    plane, inlier = _fit_offset(matches)
    count = int(inlier.sum())
    if count < _FEWEST:
        return VerticalOffset(0.0, 0.0, count, None)
    fitted = plane[inlier]
    median = float(np.median(np.abs(fitted)))
    low, high = np.percentile(fitted, [10, 90])
    spread = float(high - low)
    limit = _OFFSET_LIMIT / matches.scale
    sentence = None
    if median > limit:
        sentence = f"this pair looks unrectified: {median:.1f} px median vertical offset"
    elif spread > 2 * limit:
        sentence = f"this pair looks unrectified: the vertical offset changes by {spread:.1f} px across the image"
    return VerticalOffset(median, spread, count, sentence)


def swapped_eyes(matches: Matches) -> SwappedEyes:
    """Return how many disparities are positive and negative; the sentence says that the eyes seem to be swapped.

    Of a pair that looks unrectified it says nothing: turned cameras see negative disparities too.
    """
    _, inlier = _fit_offset(matches)
    disparity = (matches.left - matches.right)[inlier, 0] * matches.scale
    positive, negative = int((disparity > 1).sum()), int((disparity < -1).sum())
    sentence = None
    mostly = negative >= _FEWEST and negative >= _SWAPPED_SHARE * (positive + negative)
    if mostly and vertical_offset(matches).sentence is None:
        sentence = (
            f"the right image seems to be the left one: {negative} of {positive + negative} matches have a negative "
            "disparity"
        )
    return SwappedEyes(positive, negative, sentence)


def largest_disparity(matches: Matches) -> float | None:
    """Return a disparity, px, that one in 20 of the matches exceeds; None where too few agree with one row."""
    _, inlier = _fit_offset(matches)
    disparity = (matches.left - matches.right)[inlier, 0]
    return float(np.percentile(disparity, 95)) if len(disparity) >= _FEWEST else None


def same_image(matches: Matches) -> SameImage:
    """Return which share of the matches did not move; the sentence says that both views are one image."""
    count = len(matches.left)
    if count < _FEWEST:
        return SameImage(0.0, count, None)
    moved = np.abs(matches.left - matches.right).max(axis=1) * matches.scale
    still = float((moved < _STILL).mean())
    sentence = f"the two images seem to be one and the same: {100 * still:.0f} % of the matches did not move"
    return SameImage(still, count, sentence if still >= _STILL_SHARE else None)


def black_border(image: Image) -> BlackBorder:
    """Return where an image has black borders, as rectification leaves them.

    Args:
        image: uint8, [H, W] or RGB [H, W, 3].
    """
    level = image if image.ndim == 2 else image.max(axis=-1)
    black = level <= _BLACK
    mask = np.zeros_like(black)
    for turns in range(4):
        # A view of the mask, so that each side of the image is its left one once.
        np.rot90(mask, turns)[...] |= _border_at_left(np.rot90(black, turns))
    share = float(mask.mean())
    if share < _LEAST_AREA or level[mask].mean() > _BORDER_LEVEL:
        return BlackBorder(np.zeros_like(mask), 0.0, None)
    return BlackBorder(mask, share, f"{100 * share:.1f} % of the image is black border, which shows nothing")


def _border_at_left(black: Mask) -> Mask:
    """Return the black border at an image's left side, bool [H, W].

    It is black without a gap from the first column to a smooth line; what is dark in a scene ends in a ragged one.
    """
    height, width = black.shape
    depth = np.where(black.all(axis=1), width, black.argmin(axis=1))
    border = np.zeros(height, np.bool_)
    starts = np.flatnonzero(np.diff(depth > 0, prepend=False, append=False))
    for first, last in zip(starts[::2], starts[1::2], strict=True):
        bend = np.abs(np.diff(depth[first:last], 2))
        if (bend <= _BEND).sum() >= _SMOOTH_SHARE * len(bend):
            border[first:last] = True
    return (np.arange(width) < depth[:, None]) & border[:, None]


def _searched(image: Image, scale: float) -> Image:
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8)


def _fit_offset(matches: Matches) -> tuple[NDArray[np.float64], Mask]:
    """Return the vertical offset of each match by a plane over the left view, px, and which matches agree with it."""
    offset = matches.right[:, 1] - matches.left[:, 1]
    if len(offset) < _FEWEST:
        return offset, np.zeros(len(offset), np.bool_)
    center = matches.left.mean(axis=0)
    terms = np.column_stack([np.ones(len(offset)), (matches.left - center) / np.ptp(matches.left, axis=0).max()])
    tolerance = _TOLERANCE / matches.scale
    start = np.array([np.median(offset), 0.0, 0.0])
    # Wrong matches lie anywhere: the loss of Cauchy's distribution all but forgets them.
    fit = least_squares(lambda plane: terms @ plane - offset, start, loss="cauchy", f_scale=tolerance / 2)
    plane = terms @ fit.x
    return plane, np.abs(plane - offset) <= tolerance
