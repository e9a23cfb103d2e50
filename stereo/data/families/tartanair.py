"""TartanAir (Wang et al., IROS 2020): flights through rendered places.

Depth in m is a float32 NPY. The cameras are those of https://github.com/castacks/tartanair_tools: 640×480 px,
focal length 320 px, 0.25 m apart.
"""

from pathlib import Path

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats import read_disparity
from stereo.data.formats.encodings import from_depth
from stereo.data.sample import Calibration, Map, Mask

_CAMERAS = Calibration(focal_length=320.0, baseline=0.25, cx=320.0, cy=240.0)


def _read_depth(path: Path) -> tuple[Map, Mask]:
    return from_depth(read_disparity(path)[0], _CAMERAS.focal_length, _CAMERAS.baseline)


_FLIGHT = "{environment}/{level:Easy|Hard}/{flight}/"

LAYOUT = Layout(
    family="tartanair",
    pairs=tuple(
        PairPaths(
            left=above + _FLIGHT + "image_left/{frame}_left",
            right=above + _FLIGHT + "image_right/{frame}_right",
            truth=above + _FLIGHT + "depth_left/{frame}_left_depth.npy",
            truth_right=above + _FLIGHT + "depth_right/{frame}_right_depth.npy",
        )
        for above in ("{environment}/", "")  # the archives unpack to ENVIRONMENT/ENVIRONMENT, and many people undo it
    ),
    read_truth=_read_depth,
    calibration=_CAMERAS,
)
