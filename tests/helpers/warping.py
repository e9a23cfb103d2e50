"""How true a sample's ground truth is, by warping."""

from helpers import with_truth
from stereo.data.sample import Map, Mask, StereoSample
from stereo.data.warping import comparable, warp_residual


def warp_error(sample: StereoSample, disparity: Map | None = None, mask: Mask | None = None) -> float:
    """Return the mean of |L(x) − R(x − d)| in gray levels, for the sample's own disparity or another one.

    mask: where to take it; None: where the residual of that disparity means something.
    """
    if disparity is not None:
        sample = with_truth(sample, disparity=disparity)
    return float(warp_residual(sample)[comparable(sample) if mask is None else mask].mean())
