"""Tiles, for images beyond memory: where they lie along an axis, and how the predictions for them are blended."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

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


def fitting_tile(height: int, width: int, pixels: int, max_disparity: int, stride: int) -> tuple[int, int] | None:
    """Return the rows and columns of the tiles that cost least among those of at most `pixels`; None: none is so small.

    Args:
        height, width: px, of the image.
        pixels: what a tile may have, padded to a multiple of `stride`.
        max_disparity: px, the network's range, which neighboring tiles share beside the usual overlap.
    """
    least = least_tile(max_disparity)
    overlap = BAND_OVERLAP + max_disparity
    fitting = [
        (len(bands(height, rows)) * rows * len(bands(width, columns, overlap)) * columns, rows, columns)
        for rows in _lengths(height, least[0], BAND_OVERLAP)
        for columns in _lengths(width, least[1], overlap)
        if _padded(rows, stride) * _padded(columns, stride) <= pixels
    ]
    return min(fitting)[1:] if fitting else None


def _lengths(length: int, least: int, overlap: int) -> list[int]:
    """Return the lengths that cut an axis into 1, 2, … tiles, down to the least."""
    lengths = [length]
    count = 2
    while length > least and lengths[-1] > least:
        lengths.append(max(least, -(-(length + (count - 1) * overlap) // count)))
        count += 1
    return lengths


def _padded(length: int, stride: int) -> int:
    return -(-length // stride) * stride


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


def blend_tiles(
    predict: Callable[[int, int, int, int], NDArray[np.float32]],
    size: tuple[int, int],
    tile: tuple[int, int],
    reach: int,
    of_right_view: Sequence[bool],
) -> NDArray[np.float32]:
    """Return maps of a whole image, [N, …, H, W], from those of its tiles.

    Args:
        predict: Gives the maps [N, …, rows, columns] of the tile from top to bottom and from first to last, excluded.
        size, tile: (rows, columns), px.
        reach: px, the network's range: how far from a pixel of one view its match in the other may be.
        of_right_view: N times whether the map is of the right view, whose matches are on the other side.
    """
    height, width = size
    rows, columns = tile
    columns_of = bands(width, columns, BAND_OVERLAP + reach)
    of_left = _weights(columns_of, width, reach, 0)
    of_right = _weights(columns_of, width, 0, reach)
    total: NDArray[np.float32] | None = None
    rows_of = bands(height, rows)
    for (top, bottom), row_weight in zip(rows_of, _weights(rows_of, height), strict=True):
        for number, (first, last) in enumerate(columns_of):
            maps = predict(top, bottom, first, last)
            if total is None:
                total = np.zeros((*maps.shape[:-2], height, width), np.float32)
            for index, is_right in enumerate(of_right_view):
                column_weight = (of_right if is_right else of_left)[number]
                total[index, ..., top:bottom, first:last] += row_weight[:, None] * column_weight * maps[index]
    assert total is not None
    return total


def _weights(stretches: list[tuple[int, int]], length: int, lost_first: int = 0, lost_last: int = 0) -> list[Map]:
    """Return the weights of an axis's stretches, which add up to 1 at each pixel."""
    weights = [band_weight(start, stop, length, lost_first, lost_last) for start, stop in stretches]
    total = np.zeros(length, np.float32)
    for (start, stop), weight in zip(stretches, weights, strict=True):
        total[start:stop] += weight
    return [weight / total[start:stop] for (start, stop), weight in zip(stretches, weights, strict=True)]
