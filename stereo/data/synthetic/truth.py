"""How true the ground truth of a rendered pair is, judged from the pair alone."""

from typing import NamedTuple

import numpy as np

from stereo.config import SyntheticConfig
from stereo.data.sample import Mask, StereoSample
from stereo.data.synthetic.arrays import Float32
from stereo.data.synthetic.dataset import SyntheticWorld
from stereo.data.warping import warp_residual
from stereo.errors import DataError

# A pixel of the right view that is nearer by more than this, px, hides the left pixel that is matched to it. On slanted
# surfaces two neighbors differ by less.
_HIDES = 0.7


class Judgment(NamedTuple):
    """warp: Mean |L(x) − R(x − d)| over the visible pixels, gray levels.

    both, either: Numbers of pixels that the mask and the two disparity maps, or at least one of the two, call occluded.
    decided: Share of the pixels that the maps decide.
    """

    warp: float
    both: int
    either: int
    decided: float


def judge(sample: StereoSample) -> Judgment:
    """Judge the ground truth of one pair.

    The right view's disparity is known at whole pixels only. Where one neighbor of x − d hides the point and the other
    does not, the maps do not decide, and the pixel does not count.

    Raises: DataError without ground truth, occluded pixels or the right view's disparity.
    """
    truth = sample.require_truth("judging it")
    if truth.occluded is None or truth.disparity_right is None:
        raise DataError(f"{sample.name}: judging it needs the occluded pixels and the right view's disparity")
    warp = warp_residual(sample)[~truth.occluded].mean()
    seen, decided = occluded_by_disparities(truth.disparity, truth.disparity_right)
    both = int(np.count_nonzero(truth.occluded & seen & decided))
    either = int(np.count_nonzero((truth.occluded | seen) & decided))
    return Judgment(float(warp), both, either, float(decided.mean()))


def judge_pair(config: SyntheticConfig, index: int) -> Judgment:
    """Judge pair `index` of the world that the settings describe."""
    return judge(SyntheticWorld(config)[index])


def occluded_by_disparities(left: Float32, right: Float32) -> tuple[Mask, Mask]:
    """Return where the left pixel is outside the right view or behind something there, and where that is decided."""
    height, width = left.shape
    x_right = np.arange(width, dtype=np.float32) - left
    outside = (x_right < 0) | (x_right > width - 1)
    first = np.clip(np.floor(x_right).astype(np.intp), 0, width - 1)
    rows = np.arange(height)[:, None]
    hidden, also = (right[rows, np.minimum(first + step, width - 1)] > left + np.float32(_HIDES) for step in (0, 1))
    return outside | hidden, outside | (hidden == also)
