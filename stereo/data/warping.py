"""Warping: the left view beside the right one at x − d, which tells whether views and ground truth belong together."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image, Mask, StereoSample
from stereo.errors import DataError

# The views are taken to be swapped if the difference at x + d is below this share of the one at x − d.
_CLEARLY = 0.7
# How many pixels are compared whenever a sample is loaded, and how many are too few to decide anything.
_QUICK_PIXELS, _FEWEST_PIXELS = 4000, 200
SWAPPED = (
    "the views seem to be swapped: the left one matches the right one at x + d, not at x − d; exchange the files, or "
    "turn the sign of the disparity"
)


def warp_residual(sample: StereoSample) -> NDArray[np.float32]:
    """Return |L(x) − R(x − d)| of each pixel, the mean of the three channels, in gray levels: float32 [H, W].

    Where the match lies outside the right view, that view's nearest pixel stands for it. Raises: DataError without
    ground truth.
    """
    disparity = sample.require_truth("warping").disparity
    rows, columns = np.mgrid[: sample.height, : sample.width].astype(np.float32)
    left, right = (image.astype(np.float32) for image in (sample.left, sample.right))
    return np.asarray(_residual(left, right, rows, columns, disparity, cv2.INTER_CUBIC).mean(2), np.float32)


def comparable(sample: StereoSample) -> Mask:
    """Return where a residual means something, bool [H, W]: the ground truth is known, and the match lies within the
    right view and is not known to be hidden there. Raises: DataError without ground truth."""
    truth = sample.require_truth("warping")
    known = truth.valid & (np.arange(sample.width, dtype=np.float32) - truth.disparity >= 0)
    return known if truth.occluded is None else known & ~truth.occluded


def refuse_swapped_views(sample: StereoSample, path: Path) -> None:
    """Raise DataError that names `path` if the views of a sample are clearly swapped."""
    if seem_swapped(sample):
        raise DataError(f"{path}: {SWAPPED} (check_views=false reads it all the same)")


def seem_swapped(sample: StereoSample) -> bool:
    """Return whether the left view is much more like the right one at x + d than at x − d.

    Each view is brought to the same mean and contrast first, so that different exposures do not count.
    """
    truth = sample.truth
    if truth is None:
        return False
    # A lattice of rows and columns, dense enough, rather than all pixels.
    step = max(1, int(np.sqrt(truth.disparity.size / _QUICK_PIXELS)))
    lattice = (slice(step // 2, None, step), slice(step // 2, None, step))
    known = truth.valid[lattice]
    if truth.occluded is not None:
        known = known & ~truth.occluded[lattice]
    if int(known.sum()) < _FEWEST_PIXELS:
        return False
    left, right = _normalized(sample.left[lattice[0]]), _normalized(sample.right[lattice[0]])
    rows, columns = np.mgrid[: known.shape[0], : known.shape[1]].astype(np.float32)
    columns = columns * step + step // 2
    disparity = truth.disparity[lattice]
    as_read, swapped = (
        float(_residual(left[:, lattice[1]], right, rows, columns, sign * disparity, cv2.INTER_LINEAR)[known].mean())
        for sign in (1, -1)
    )
    return swapped < _CLEARLY * as_read


def _residual(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    disparity: NDArray[np.float32],
    interpolation: int,
) -> NDArray[np.float32]:
    """Return |L(x) − R(x − d)| on a grid of pixels. `left` is taken at the grid already; `right` is the whole view."""
    source = np.clip(columns - disparity, 0, right.shape[1] - 1, dtype=np.float32)
    warped = cv2.remap(right, source, rows, interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.abs(left - warped)


def _normalized(image: Image) -> NDArray[np.float32]:
    """Return the image in gray, with mean 0 and a standard deviation of 50 gray levels, whatever the exposure."""
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
    gray -= gray.mean()
    return np.asarray(gray * (50 / max(float(gray.std()), 1.0)), np.float32)
