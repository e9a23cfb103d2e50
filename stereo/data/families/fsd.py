"""FSD, the data set of FoundationStereo (Wen et al., CVPR 2025): rendered rooms, drives and flying things.

Disparity in px is coded in an 8-bit color image: (255²·R + 255·G + B) / 1000.
"""

from functools import partial

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import read_color_code

_SCENE = "{scene}/dataset/data/"

LAYOUT = Layout(
    family="fsd",
    pairs=(
        PairPaths(
            left=_SCENE + "left/rgb/{frame}",
            right=_SCENE + "right/rgb/{frame}",
            truth=_SCENE + "left/disparity/{frame}.png",
        ),
    ),
    read_truth=partial(read_color_code, weights=(255**2 / 1000, 255 / 1000, 1 / 1000)),
)
