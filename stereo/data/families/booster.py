"""Booster, the balanced training half (Zama Ramirez et al., CVPR 2022): shiny and transparent things, 12 megapixels.

A scene has one ground truth, float32 NPY in px, and views in several lights: of each light, the left one matches the
right one of the same name. The test half has no ground truth.
"""

from stereo.data.families.layout import Layout, PairPaths

_SCENE = "train/balanced/{scene}/"

LAYOUT = Layout(
    family="booster",
    pairs=(
        PairPaths(
            left=_SCENE + "camera_00/{light:im[0-9]+}",
            right=_SCENE + "camera_02/{light}",
            truth=_SCENE + "disp_00.npy",
            truth_right=_SCENE + "disp_02.npy",
        ),
    ),
)
