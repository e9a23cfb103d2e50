"""Virtual KITTI 2 (Cabon et al., arXiv 2001.10773): five of KITTI's drives rendered, in ten conditions each.

Depth is a 16-bit PNG in cm, whose largest value stands for all that is farther than 655.34 m, the sky among it. The
cameras are those of the data set's page: 1242×375 px, focal length 725.0087 px, 0.532725 m apart.
"""

from pathlib import Path

import numpy as np

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import from_depth, read_whole_numbers
from stereo.data.sample import Calibration, Map, Mask

_CAMERAS = Calibration(focal_length=725.0087, baseline=0.532725, cx=620.5, cy=187.0)
_FAR = 65535


def _read_depth(path: Path) -> tuple[Map, Mask]:
    stored = read_whole_numbers(path)
    centimeters = np.where(stored == _FAR, np.nan, stored)
    return from_depth(centimeters / 100, _CAMERAS.focal_length, _CAMERAS.baseline)


_FRAMES = "{scene:Scene[0-9]+}/{condition}/frames/"

LAYOUT = Layout(
    family="vkitti2",
    pairs=(
        PairPaths(
            left=_FRAMES + "rgb/Camera_0/rgb_{frame}",
            right=_FRAMES + "rgb/Camera_1/rgb_{frame}",
            truth=_FRAMES + "depth/Camera_0/depth_{frame}.png",
            truth_right=_FRAMES + "depth/Camera_1/depth_{frame}.png",
        ),
    ),
    read_truth=_read_depth,
    calibration=_CAMERAS,
)
