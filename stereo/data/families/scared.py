"""SCARED (Allan et al., arXiv 2101.01133): endoscopic views of organs, ground truth by structured light.

This is the reduced form, rectified, of 590×512 px, that is passed on with disparity in px as float32 TIFF. The original
release (views one above the other, points in 3D as TIFF) has to be rectified first.
"""

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import read_float_tiff

LAYOUT = Layout(
    family="scared",
    pairs=(
        PairPaths(
            left="{split}/left/{frame}",
            right="{split}/right/{frame}",
            truth="{split}/disparity/{frame}.tiff",
            visible="{split}/occlusion/{frame}.png",
        ),
    ),
    read_truth=read_float_tiff,
)
