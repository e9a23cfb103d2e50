"""Ground truth verified by warping: of all scales and signs, the right one makes the views alike.

The left view is compared with the right one at x − f·d for several factors f. Where another factor than 1 gives much
the smaller difference, the disparity was read in the wrong units, or the views are swapped. Each view is brought to the
same mean and contrast first, so that different exposures do not count.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image, Mask, StereoSample
from stereo.errors import DataError

# 1 for the values as read, −1 for swapped views, and the ratios of the scales that occur, with both signs.
FACTORS = (1.0, -1.0, *(sign for scale in (2, 3, 4, 8, 16, 256) for sign in (scale, 1 / scale)))
# Another factor than 1 is taken to be right if its difference is below this share of the difference at 1.
_CLEARLY = 0.7
# How many pixels are compared whenever a sample is loaded, and how many are too few to decide anything.
_QUICK_PIXELS, _FEWEST_PIXELS = 4000, 200


@dataclass(frozen=True)
class WarpCheck:
    """How alike the views are at each factor of the disparity.

    residuals: mean |L(x) − R(x − f·d)| in gray levels by factor f, over the pixels known to be visible in both.
    """

    residuals: dict[float, float]

    @property
    def best(self) -> float:
        """Return the factor of the smallest residual; 1 if none is clearly smaller than that at 1."""
        best = min(self.residuals, key=lambda factor: self.residuals[factor])
        return best if self.residuals[best] < _CLEARLY * self.residuals[1.0] else 1.0

    @property
    def confirmed(self) -> bool:
        """Return whether 1 is clearly better than all other factors."""
        others = [residual for factor, residual in self.residuals.items() if factor != 1.0]
        return self.residuals[1.0] < _CLEARLY * min(others)

    def verdict(self) -> str:
        """Return in words what the pair's ground truth is like."""
        if self.best == -1.0:
            return (
                "the views seem to be swapped: the left one matches the right one at x + d, not at x − d; exchange the "
                "files, or turn the sign of the disparity"
            )
        if self.best != 1.0:
            factor = f"{self.best:g}" if self.best >= 1 else f"1/{1 / self.best:g}"
            return f"the disparity's scale seems to be wrong: the views match at {factor} × the values that were read"
        if not self.confirmed:
            return "the views tell little about the scale (small disparities or little texture)"
        return "the views match at the disparity's own scale and sign"


def check_by_warping(sample: StereoSample, pixels: int = 50_000) -> WarpCheck | None:
    """Compare the views at all :data:`FACTORS`, over at most so many pixels; return None if too few are known."""
    return _check(sample, FACTORS, pixels)


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
    check = _check(sample, (1.0, -1.0), _QUICK_PIXELS)
    if check is not None and check.best == -1.0:
        raise DataError(f"{path}: {check.verdict()} (check_views=false reads it all the same)")


def _check(sample: StereoSample, factors: tuple[float, ...], pixels: int) -> WarpCheck | None:
    truth = sample.truth
    if truth is None:
        return None
    # A lattice of rows and columns, dense enough, rather than all pixels.
    step = max(1, int(np.sqrt(truth.disparity.size / pixels)))
    lattice = (slice(step // 2, None, step), slice(step // 2, None, step))
    known = truth.valid[lattice]
    if truth.occluded is not None:
        known = known & ~truth.occluded[lattice]
    if int(known.sum()) < _FEWEST_PIXELS:
        return None
    left, right = _normalized(sample.left[lattice[0]]), _normalized(sample.right[lattice[0]])
    rows, columns = np.mgrid[: known.shape[0], : known.shape[1]].astype(np.float32)
    columns = columns * step + step // 2
    disparity = truth.disparity[lattice]
    residuals = {}
    for factor in factors:
        residual = _residual(left[:, lattice[1]], right, rows, columns, factor * disparity, cv2.INTER_LINEAR)
        residuals[factor] = float(residual[known].mean())
    return WarpCheck(residuals)


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
