"""DrivingStereo (Yang et al., CVPR 2019): drives in China, ground truth by LiDAR.

Disparity is a 16-bit PNG, 0 where unknown: px × 256 at half size (881×400), px × 128 at full size (1762×800). Name the
folder of one size: frames have the same names in both. The frames in four kinds of weather belong to the test half.
"""

from pathlib import Path

import numpy as np

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import known, read_whole_numbers
from stereo.data.sample import Map, Mask

# Wider maps are of full size.
_MOST_COLUMNS_OF_HALF = 1320


def _read(path: Path) -> tuple[Map, Mask]:
    stored = read_whole_numbers(path)
    scale = 256 if stored.shape[1] <= _MOST_COLUMNS_OF_HALF else 128
    return known(stored / np.float64(scale))


def _paths(left: str, right: str, truth: str) -> PairPaths:
    return PairPaths(left + "/{frame}", right + "/{frame}", truth + "/{frame}.png")


_DATED = ("{split:train|test}-left-image/{date:[0-9-]+}", "{split}-right-image/{date}", "{split}-disparity-map/{date}")

LAYOUT = Layout(
    family="drivingstereo",
    pairs=(
        _paths(*_DATED),
        *(
            _paths(
                f"{above[0]}/left-image-{size}-size",
                f"{above[1]}/right-image-{size}-size",
                f"{above[2]}/disparity-map-{size}-size",
            )
            for above in (
                ("{split:test}-left-image", "{split}-right-image", "{split}-disparity-map"),
                ("{split:cloudy|foggy|rainy|sunny}", "{split}", "{split}"),
            )
            for size in ("half", "full")
        ),
    ),
    read_truth=_read,
)
