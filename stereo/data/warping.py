"""Ground truth verified by warping: of all scales and signs, the right one makes the views alike.

The left view is compared with the right one at x − f·d for several factors f. Where another factor than 1 gives much
the smaller difference, the disparity is in other units than it was read in, or the views are swapped. Each view is
brought to the same mean and contrast before, so that different exposures do not count.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image, StereoSample
from stereo.errors import DataError

# The own one, swapped eyes, and the ratios of the scales that occur: 2, 3, 4, 8, 16 and 256, and their inverses.
FACTORS = (1.0, -1.0, *(sign for scale in (2, 3, 4, 8, 16, 256) for sign in (scale, 1 / scale)))
# Another factor is right where its difference is below this share of the own one's.
_CLEARLY = 0.7
# Pixels that are compared when every sample is loaded, and that decide too little where they are fewer.
_QUICK_PIXELS, _FEWEST_PIXELS = 4000, 200


@dataclass(frozen=True)
class WarpCheck:
    """residuals: mean |L(x) − R(x − f·d)| in grey levels by factor f, over the pixels known to be visible in both."""

    residuals: dict[float, float]

    @property
    def best(self) -> float:
        """The factor of the smallest residual; 1 where none is clearly smaller than the own one's."""
        best = min(self.residuals, key=lambda factor: self.residuals[factor])
        return best if self.residuals[best] < _CLEARLY * self.residuals[1.0] else 1.0

    @property
    def confirmed(self) -> bool:
        """Whether the own factor is clearly better than all others."""
        others = [residual for factor, residual in self.residuals.items() if factor != 1.0]
        return self.residuals[1.0] < _CLEARLY * min(others)

    def verdict(self) -> str:
        """In words, what the pair's ground truth is like."""
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
    """Compare the views at all :data:`FACTORS`, over at most so many pixels; None where too few are known."""
    return _check(sample, FACTORS, pixels)


def warped_right(sample: StereoSample) -> NDArray[np.float32]:
    """The right view as the ground truth says the left one sees it, R(x − d): RGB float32 [H, W, 3] in 0 … 255.

    Where the match lies outside the right view, that view's nearest pixel. Raises: DataError without ground truth.
    """
    if sample.disparity is None:
        raise DataError(f"{sample.name}: has no ground-truth disparity to warp by")
    y, x = np.mgrid[: sample.height, : sample.width].astype(np.float32)
    right = sample.right.astype(np.float32)
    warped = cv2.remap(right, x - sample.disparity, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


def refuse_swapped_views(sample: StereoSample, path: Path) -> None:
    """Raises: DataError that names `path` where the views of a sample are clearly swapped. Takes 0.5 ms."""
    check = _check(sample, (1.0, -1.0), _QUICK_PIXELS)
    if check is not None and check.best == -1.0:
        raise DataError(f"{path}: {check.verdict()} (check_views: false loads it all the same)")


def _check(sample: StereoSample, factors: tuple[float, ...], pixels: int) -> WarpCheck | None:
    if sample.disparity is None or sample.valid is None:
        return None
    # A lattice of rows and columns, dense enough, rather than all pixels.
    step = max(1, int(np.sqrt(sample.disparity.size / pixels)))
    rows = slice(step // 2, None, step)
    known = sample.valid[rows, rows]
    if sample.occluded is not None:
        known = known & ~sample.occluded[rows, rows]
    if int(known.sum()) < _FEWEST_PIXELS:
        return None
    disparity = sample.disparity[rows, rows][known]
    y, x = (index * step + step // 2 for index in np.nonzero(known))
    left, right = _normalised(sample.left[rows]), _normalised(sample.right[rows])
    values = left[y // step, x]
    residuals = {}
    for factor in factors:
        source = np.clip(x - factor * disparity, 0, sample.width - 1)
        low = np.minimum(source.astype(np.int64), sample.width - 2)
        weight = (source - low).astype(np.float32)
        row = y // step
        warped = right[row, low] * (1 - weight) + right[row, low + 1] * weight
        residuals[factor] = float(np.abs(values - warped).mean())
    return WarpCheck(residuals)


def _normalised(image: Image) -> NDArray[np.float32]:
    """Grey, of mean 0 and of a contrast of 50 grey levels (standard deviation), whatever the exposure."""
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey -= grey.mean()
    return np.asarray(grey * (50 / max(float(grey.std()), 1.0)), np.float32)
