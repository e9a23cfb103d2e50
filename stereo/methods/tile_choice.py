"""Which tiles a pair is predicted in: those that were asked for, or those that fit into memory."""

from collections.abc import Sequence

import numpy as np

from stereo.errors import DataError
from stereo.methods.memory import Need
from stereo.methods.padding import MapName, PaddedNetwork
from stereo.methods.tiling import check_tile, fitting_tile, least_tile


class TileChoice:
    """Chooses the size of the tiles for pairs of any size.

    Args:
        network: What the tiles are for.
        rows, columns: px, of a tile; None: all of the image.
        max_memory: Bytes that prediction must stay within; it takes the place of rows and columns. None: there is no
            limit.

    Raises: ConfigError for tiles that are too small.
    """

    def __init__(self, network: PaddedNetwork, rows: int | None, columns: int | None, max_memory: int | None) -> None:
        check_tile(rows, columns, network.max_disparity)
        self._network = network
        self._limits = rows, columns
        self._max_memory = max_memory
        self._need: Need | None = None  # once it is measured

    def size_for(self, height: int, width: int, count: int, wanted: Sequence[MapName]) -> tuple[int, int]:
        """Return the rows and columns of the tiles for `count` pairs at once, of which these maps are wanted.

        Raises: DataError where no tile is small enough for the memory.
        """
        if self._max_memory is not None:
            return self._size_within(self._max_memory, height, width, count, wanted)
        rows, columns = (
            size if limit is None else min(size, limit)
            for size, limit in zip((height, width), self._limits, strict=True)
        )
        return rows, columns

    def _size_within(
        self, limit: int, height: int, width: int, count: int, wanted: Sequence[MapName]
    ) -> tuple[int, int]:
        network = self._network
        least_rows, least_columns = least_tile(network.max_disparity)
        if self._need is None:
            rows, columns = network.size_of(least_rows, least_columns)
            blank = [np.zeros((rows, columns, 3), np.uint8)]
            with network.ready():
                self._need = Need.of_call(
                    lambda: network.predict(blank, blank, wanted), rows * columns, len(wanted), network.device
                )
        pixels = self._need.pixels_within(limit, count, height * width)
        tile = fitting_tile(height, width, pixels, network.max_disparity, network.stride)
        if tile is None:
            raise DataError(
                f"a pair of {width}×{height} (width × height) does not fit into {limit / 1e9:.3g} GB, which leave room "
                f"for {pixels:,} px at once; the least tile is {least_columns}×{least_rows}: allow more memory, or use "
                "a smaller maximal disparity, smaller images or fewer at once"
            )
        return tile
