"""Holes of a disparity map: pixels for which a method has no value, filled so that the map is dense.

They are filled from the background, as the KITTI development kit does before it scores a sparse result, since the
networks beside which such a result is reported are dense.
"""

import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Map, Mask

# How a method's settings name it.
HOLES = "filled from the background"


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
