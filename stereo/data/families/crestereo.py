"""The data set of CREStereo (Li et al., CVPR 2022): rendered, in four styles; disparity is a 16-bit PNG, px × 32."""

from functools import partial

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import read_above_zero

_STYLE = "{style:hole|reflective|shapenet|tree}/"

LAYOUT = Layout(
    family="crestereo",
    pairs=(
        PairPaths(
            left=_STYLE + "{frame}_left",
            right=_STYLE + "{frame}_right",
            truth=_STYLE + "{frame}_left.disp.png",
            truth_right=_STYLE + "{frame}_right.disp.png",
        ),
    ),
    read_truth=partial(read_above_zero, scale=32.0),
)
