"""Semi-global matching: the classical baseline that every learned method should beat.

Source: Hirschmüller, PAMI 2008, as OpenCV's StereoSGBM has it (Birchfield–Tomasi cost instead of mutual information).
Holes are filled from the background as the KITTI development kit does before it scores a sparse result, since the
networks beside which this is reported are dense.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image, Map, Mask, StereoSample, check_pair
from stereo.errors import ConfigError
from stereo.methods.method import Prediction

# OpenCV gives sixteenths of a pixel as int16.
_SUBPIXEL = 16


class Sgbm:
    """OpenCV's StereoSGBM over 8 paths, with holes filled: a dense map for any pair.

    Args:
        num_disparities: px, the range searched is 0 … num_disparities - 1; rounded up to a multiple of 16.
        block_size: px, odd: side of the window over which the matching cost is summed.
    """

    name = "sgbm"
    device = None

    def __init__(self, num_disparities: int = 192, block_size: int = 3) -> None:
        if num_disparities < 1:
            raise ConfigError(f"num_disparities is {num_disparities}, expected 1 or more")
        if block_size < 1 or block_size % 2 == 0:
            raise ConfigError(f"block_size is {block_size}, expected an odd number, 1 or more")
        self.num_disparities = -(-num_disparities // 16) * 16
        self.block_size = block_size
        window = 3 * block_size**2  # values compared for one pixel, over three color channels
        self.parameters = {
            # Penalties for a change of disparity by 1 and by more between neighbors: OpenCV's own recommendation.
            "P1": 8 * window,
            "P2": 32 * window,
            # Two views' estimates may differ by this, px: what is seen in one view only becomes a hole.
            "disp12MaxDiff": 1,
            # Image gradients are clipped to ±63, the largest value allowed: the cost keeps strong edges.
            "preFilterCap": 63,
            # %, by which the best cost must beat the second best.
            "uniquenessRatio": 10,
            # Islands of fewer than 100 px, more than 2 px off their surroundings, become holes.
            "speckleWindowSize": 100,
            "speckleRange": 2,
        }

    @property
    def max_disparity(self) -> int:
        """Return the range, px."""
        return self.num_disparities

    @property
    def settings(self) -> dict[str, Any]:
        """Return what changes the disparities, as plain values."""
        return {"num_disparities": self.num_disparities, "block_size": self.block_size, **self.parameters}

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction for a sample, of which the images alone are looked at. Raises: As `predict`."""
        disparity = self.match(sample.left, sample.right)
        estimated = disparity >= 0
        return Prediction(fill_from_background(disparity, estimated), estimated=estimated)

    def predict(self, left: Image, right: Image) -> Map:
        """Return the disparity of the left view, dense.

        Args:
            left, right: RGB uint8 [H, W, 3], 32 px or more on each side.

        Returns: float32 [H, W], px, 0 … num_disparities - 1.
        Raises: DataError where the pair has no common size or is too small.
        """
        disparity = self.match(left, right)
        return fill_from_background(disparity, disparity >= 0)

    def match(self, left: Image, right: Image) -> Map:
        """Return the disparity of the left view with holes: float32 [H, W] px, -1 where there is no estimate."""
        check_pair(left, right)
        # A disparity beyond the width leaves the image at every pixel: searching there costs memory for nothing.
        num_disparities = min(self.num_disparities, -(-left.shape[1] // 16) * 16)
        # StereoSGBM leaves the first num_disparities columns without an estimate: let these be padding.
        margin = num_disparities
        padded = [cv2.copyMakeBorder(image, 0, 0, margin, 0, cv2.BORDER_REPLICATE) for image in (left, right)]
        matcher = cv2.StereoSGBM.create(
            minDisparity=0,
            numDisparities=num_disparities,
            blockSize=self.block_size,
            mode=cv2.StereoSGBM_MODE_HH,
            **self.parameters,
        )
        disparity = matcher.compute(*padded)[:, margin:].astype(np.float32) / _SUBPIXEL
        # A match in the padding is none: a surface without texture would pass for one with the replicated border.
        inside = disparity <= np.arange(disparity.shape[1])
        return np.where((disparity >= 0) & inside, disparity, np.float32(-1))


class TrueRangeSgbm:
    """SGBM that is told each image's largest true disparity: an oracle, which no method has in use.

    It shows what SGBM could do if its range were set by hand for every image, as is usual in papers.
    """

    name = "sgbm (true range)"
    device = None
    max_disparity = None

    @property
    def settings(self) -> dict[str, Any]:
        """Return what changes the disparities, as plain values."""
        return {**Sgbm().settings, "num_disparities": "true range"}

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the disparity of the left view by an :class:`Sgbm` of the sample's own range.

        Raises: DataError where the sample has no ground truth.
        """
        truth = sample.require_truth("the true range")
        largest = float(np.max(truth.disparity, where=truth.valid & np.isfinite(truth.disparity), initial=0))
        return Sgbm(math.ceil(largest) + 1).predict_sample(sample)


def fill_from_background(disparity: Map, valid: Mask) -> Map:
    """Fill every hole with the smaller of the nearest valid disparities to its left and right in the row.

    At an end of the row, with the one there is. A row without any valid pixel is filled likewise from above and below;
    a map without any, with 0. The smaller one is the background's, which is what an occluded pixel mostly belongs to.

    Args:
        disparity: float32 [H, W], px.
        valid: bool [H, W]: where to keep it.

    Returns: float32 [H, W], finite where `disparity` is on the valid pixels.
    Source: KITTI stereo development kit, `interpolateBackground` (which only extrapolates to the top and bottom).
    """
    filled = _fill_rows(np.where(valid, disparity, np.inf))
    filled = _fill_rows(filled.T).T  # only rows without any valid pixel are still infinite
    return np.where(np.isfinite(filled), filled, 0).astype(np.float32)


def _fill_rows(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(np.isinf(values), np.minimum(_previous(values), _previous(values[:, ::-1])[:, ::-1]), values)


def _previous(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the last finite value at or before each position in the row; inf where there is none."""
    columns = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    return np.take_along_axis(values, np.maximum.accumulate(columns, axis=1), axis=1)
