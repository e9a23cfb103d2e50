"""Bands of rows, for images beyond memory: where they lie, and how the predictions for them are blended."""

import numpy as np

from stereo.data.sample import Map

# Rows that neighboring bands share, px; over them the weight passes from one band to the other.
BAND_OVERLAP = 64


def bands(height: int, rows: int) -> list[tuple[int, int]]:
    """Return (first row, row after the last) of each band of `rows` rows; neighbors share BAND_OVERLAP or more."""
    count = -(-(height - BAND_OVERLAP) // (rows - BAND_OVERLAP))
    tops = [round(index * (height - rows) / (count - 1)) for index in range(count)]
    return [(top, top + rows) for top in tops]


def band_weight(top: int, bottom: int, height: int) -> Map:
    """Return the weight of each row of a band, 0 … 1.

    Toward a neighbor the outermost quarter of the shared rows, which have seen the least of their surroundings, has
    none; over the next half it rises linearly.
    """
    ramp = ((np.arange(bottom - top, dtype=np.float32) + 0.5 - BAND_OVERLAP / 4) / (BAND_OVERLAP / 2)).clip(0, 1)
    weight = np.ones(bottom - top, np.float32)
    if top > 0:
        weight = np.minimum(weight, ramp)
    if bottom < height:
        weight = np.minimum(weight, ramp[::-1])
    return weight
