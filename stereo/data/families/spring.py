"""Spring, the training half (Mehl et al., CVPR 2023): scenes of an animated film in HD.

Disparity is HDF5 (.dsp5) with twice the images' rows and columns and values in the images' px, so that every second
value is taken as it is. 0, which is the sky, and NaN are unknown. The cameras are 0.065 m apart; intrinsics.txt has a
line fx fy cx cy for each frame.
"""

from functools import partial
from pathlib import Path

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import read_hdf5
from stereo.data.formats.faults import AGAIN
from stereo.data.formats.text import parse_numbers, read_text
from stereo.data.sample import Calibration
from stereo.errors import FormatError

_BASELINE = 0.065


def _read_calibration(path: Path, name: str) -> Calibration:
    frame = name.rpartition("/")[2]
    lines = read_text(path, "2100 2100 960 540").splitlines()
    number = int(frame) if frame.isdecimal() else 0
    numbers = parse_numbers(lines[number - 1]) if 0 < number <= len(lines) else []
    if len(numbers) != 4 or not numbers[0] > 0:
        raise FormatError(f"{path}: has no line {frame} with fx fy cx cy, fx > 0; expected one for each frame; {AGAIN}")
    fx, fy, cx, cy = numbers
    return Calibration(fx, _BASELINE, cx=cx, cy=cy, focal_length_y=fy if fy != fx else None)


_SEQUENCE = "train/{sequence}/"

LAYOUT = Layout(
    family="spring",
    pairs=(
        PairPaths(
            left=_SEQUENCE + "frame_left/frame_left_{frame}",
            right=_SEQUENCE + "frame_right/frame_right_{frame}",
            truth=_SEQUENCE + "disp1_left/disp1_left_{frame}.dsp5",
            truth_right=_SEQUENCE + "disp1_right/disp1_right_{frame}.dsp5",
            calibration=_SEQUENCE + "cam_data/intrinsics.txt",
        ),
    ),
    read_truth=partial(read_hdf5, key="disparity", step=2),
    read_calibration=_read_calibration,
)
