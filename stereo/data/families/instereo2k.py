"""InStereo2K (Bao et al., Science China 2020): rooms, ground truth by structured light; px × 100 in a 16-bit PNG.

The scale is the one that the data set's own page states (https://github.com/YuhuaXu/StereoDataset).
"""

from functools import partial

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import read_above_zero

LAYOUT = Layout(
    family="instereo2k",
    pairs=(
        PairPaths(
            left="{split:part[0-9]|train|test}/{scene}/left",
            right="{split}/{scene}/right",
            truth="{split}/{scene}/left_disp.png",
            truth_right="{split}/{scene}/right_disp.png",
        ),
    ),
    read_truth=partial(read_above_zero, scale=100.0),
)
