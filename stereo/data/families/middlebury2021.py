"""Middlebury 2021 (https://vision.middlebury.edu/stereo/data/scenes2021): rooms, photographed by a mobile device.

Disparity is PFM, infinite where unknown. The names of the scenes, as artroom1, tell them from those of 2014, whose
files have the same names.
"""

from pathlib import Path

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats import read_calibration
from stereo.data.sample import Calibration

_SCENE = "{scene:[a-z]+[0-9]}/"


def _read_calibration(path: Path, name: str) -> Calibration:
    return read_calibration(path)


LAYOUT = Layout(
    family="middlebury2021",
    pairs=(
        PairPaths(
            left=_SCENE + "im0",
            right=_SCENE + "im1",
            truth=_SCENE + "disp0.pfm",
            truth_right=_SCENE + "disp1.pfm",
            calibration=_SCENE + "calib.txt",
        ),
    ),
    read_calibration=_read_calibration,
)
