"""Argoverse stereo v1.1 (Chang et al., CVPR 2019): drives in Miami and Pittsburgh, ground truth by LiDAR.

Disparity is KITTI's 16-bit PNG, sparse. The files of a frame end with its time in ns. Of the test half, the ground
truth is withheld; val is its `split: test`.
"""

from pathlib import Path

from stereo.camera.read import read_camera_pair
from stereo.data.families.layout import Layout, PairPaths
from stereo.data.sample import Calibration


def _read_calibration(path: Path, name: str) -> Calibration:
    return read_camera_pair(path).calibration()


_VIEWS = "rectified_stereo_images_v1.1/{split}/{log}/"
_TRUTH = "disparity_maps_v1.1/{split}/{log}/stereo_front_left_rect_disparity/"

LAYOUT = Layout(
    family="argoverse",
    pairs=tuple(
        PairPaths(
            left=_VIEWS + "stereo_front_left_rect/stereo_front_left_rect_{time}",
            right=_VIEWS + "stereo_front_right_rect/stereo_front_right_rect_{time}",
            truth=_TRUTH + name + "_{time}.png",
            calibration=_VIEWS + "vehicle_calibration_stereo_info.json",
        )
        for name in ("disparity", "stereo_front_left_rect_disparity")
    ),
    read_calibration=_read_calibration,
)
