"""How true the ground truth of a drawn pair is, judged from the pair alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stereo.config import SyntheticConfig
from stereo.data.sample import StereoSample
from stereo.data.synthetic.dataset import SyntheticWorld
from stereo.data.warping import warp_residual

# A pixel of the right view that is nearer by more than this, px, hides what is matched to it; slanted surfaces differ
# by less from one pixel to the next.
_HIDES = 0.7


class Truth(NamedTuple):
    """warp: mean |L(x) − R(x − d)| over the visible pixels, grey levels. both, either: numbers of pixels that both, or
    one, of the mask and the two disparity maps call occluded. decided: share of pixels about which the maps agree.
    """

    warp: float
    both: int
    either: int
    decided: float


def judge(sample: StereoSample) -> Truth:
    """Needs the disparities of both views. The right one is known at whole pixels only: where one neighbour of
    x − d hides the point and the other does not, the maps leave it open, and it does not count.
    """
    truth = sample.require_truth("judging it")
    assert truth.disparity_right is not None
    assert truth.occluded is not None
    warp = warp_residual(sample)[~truth.occluded].mean()
    seen, decided = occluded_by_disparities(truth.disparity, truth.disparity_right)
    both = int(np.count_nonzero(truth.occluded & seen & decided))
    either = int(np.count_nonzero((truth.occluded | seen) & decided))
    return Truth(float(warp), both, either, float(decided.mean()))


def judge_drawn(config: SyntheticConfig, index: int) -> Truth:
    """The same of a pair of the world."""
    return judge(SyntheticWorld(config)[index])


def occluded_by_disparities(
    left: NDArray[np.float32], right: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the left pixel is outside the right view or behind something there, and where that is decided."""
    height, width = left.shape
    x_right = np.arange(width, dtype=np.float32) - left
    outside = (x_right < 0) | (x_right > width - 1)
    first = np.clip(np.floor(x_right).astype(np.intp), 0, width - 1)
    rows = np.arange(height)[:, None]
    hidden, also = (right[rows, np.minimum(first + step, width - 1)] > left + np.float32(_HIDES) for step in (0, 1))
    return outside | hidden, outside | (hidden == also)
