"""Tiles, for images beyond memory: where they lie along an axis, and how the predictions for them are blended."""

import numpy as np

from stereo.data.sample import Map
from stereo.errors import ConfigError

# px that neighboring tiles share along an axis; over them the weight passes from one to the other.
BAND_OVERLAP = 64


def least_tile(max_disparity: int) -> tuple[int, int]:
    """Return the fewest rows and columns that a tile can have for a network of this range, px."""
    return 2 * BAND_OVERLAP, 2 * BAND_OVERLAP + max_disparity


def check_tile(rows: int | None, columns: int | None, max_disparity: int) -> None:
    """Raise ConfigError for tiles that are too small; None stands for the whole axis."""
    least_rows, least_columns = least_tile(max_disparity)
    if rows is not None and rows < least_rows:
        raise ConfigError(f"bands of {rows} rows are too low, expected {least_rows} or more")
    if columns is not None and columns < least_columns:
        raise ConfigError(
            f"tiles of {columns} columns are too narrow, expected {least_columns} or more: 128 and the network's range "
            f"of {max_disparity} px"
        )


def bands(length: int, size: int, overlap: int = BAND_OVERLAP) -> list[tuple[int, int]]:
    """Return (first, after the last) of each stretch of `size` pixels; neighbors share `overlap` or more."""
    if size >= length:
        return [(0, length)]
    count = -(-(length - overlap) // (size - overlap))
    starts = [round(index * (length - size) / (count - 1)) for index in range(count)]
    return [(start, start + size) for start in starts]


def band_weight(start: int, stop: int, length: int, lost_first: int = 0, lost_last: int = 0) -> Map:
    """Return the weight of each pixel of a stretch, 0 … 1.

    Toward a neighbor the outermost 16 px, which have seen the least of their surroundings, have none; over the next 32
    it rises linearly.

    Args:
        start, stop, length: px, of the stretch and of the whole axis.
        lost_first, lost_last: px at the first and the last end, toward a neighbor, that have no weight besides.
    """
    position = np.arange(stop - start, dtype=np.float32) + 0.5 - BAND_OVERLAP / 4
    weight = np.ones(stop - start, np.float32)
    if start > 0:
        weight = np.minimum(weight, ((position - lost_first) / (BAND_OVERLAP / 2)).clip(0, 1))
    if stop < length:
        weight = np.minimum(weight, ((position - lost_last) / (BAND_OVERLAP / 2)).clip(0, 1)[::-1])
    return weight
