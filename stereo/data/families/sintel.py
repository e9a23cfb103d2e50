"""MPI Sintel stereo, the training half (Butler et al., ECCV 2012): scenes of an animated film, clean and final pass.

Disparity in px is coded in an 8-bit color image: 4·R + G/64 + B/16384. It is known where the match is hidden or lies
outside the right view too; these pixels, which the two masks have, are `occluded`.
"""

from functools import partial

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import read_color_code

LAYOUT = Layout(
    family="sintel",
    pairs=(
        PairPaths(
            left="training/{rendering:clean|final}_left/{scene}/frame_{frame}",
            right="training/{rendering}_right/{scene}/frame_{frame}",
            truth="training/disparities/{scene}/frame_{frame}.png",
            hidden=(
                "training/occlusions/{scene}/frame_{frame}.png",
                "training/outofframe/{scene}/frame_{frame}.png",
            ),
        ),
    ),
    read_truth=partial(read_color_code, weights=(4.0, 1 / 64, 1 / 16384)),
    renderings={"cleanpass": "clean", "finalpass": "final"},
)
