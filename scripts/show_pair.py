"""Draw a pair in one picture: the left view, its disparity, and its point cloud from another side.

    scripts/show_pair.py left.png right.png --calib calib.txt --output picture.jpg
    scripts/show_pair.py left.png right.png --calib calib.txt --output picture.jpg --yaw -25 --pitch 15 --width 480

Distances in the cloud are those of the calibration (docs/calibration.md lists the forms of its file).
"""

from stereo.cli import run

import argparse
import os
from pathlib import Path

import cv2
import numpy as np

from stereo.camera import read_camera_pair
from stereo.cloud_view import BACKGROUND, draw_cloud
from stereo.config import check_max_disparity
from stereo.data.formats import read_image, write_image
from stereo.data.sample import Calibration, Image
from stereo.methods.predictor import Predictor
from stereo.methods.result import StereoResult
from stereo.options import add_network_options, require_at_least, script_parser
from stereo.visualize import color_disparity, color_limit

# px between the three pictures.
_GAP = 6


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(32, args, "width")
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    left, right = read_image(args.left), read_image(args.right)
    calibration = read_camera_pair(args.calib).calibration_for(*left.shape[:2])
    predictor = Predictor.from_checkpoint(args.checkpoint, args.device, args.max_disparity, confidence=True)
    pictures = _draw(predictor(left, right), calibration, args)
    gap = np.full((pictures[0].shape[0], _GAP, 3), BACKGROUND, np.uint8)
    row = [part for picture in pictures for part in (picture, gap)][:-1]
    path = Path(args.output)
    write_image(path, np.hstack(row))
    print(f"wrote {path}: left view, disparity and point cloud")
    return 0


def _draw(result: StereoResult, calibration: Calibration, args: argparse.Namespace) -> list[Image]:
    """Return the three pictures, of the width that is asked for."""
    rows, columns = result.left.shape[:2]
    width, height = args.width, max(1, round(rows * args.width / columns))
    cloud = result.point_cloud(calibration, min_confidence=args.min_confidence)
    beside = calibration.resized(width / columns, height / rows)
    turned = draw_cloud(cloud, beside, height, width, yaw=args.yaw, pitch=args.pitch, distance=args.distance)
    least = float(np.percentile(result.disparity, 0.5))  # the colors are for the eye; no scale stands beside them
    views = [result.left, color_disparity(result.disparity, color_limit(result.disparity), least)]
    shrunk = [cv2.resize(view, (width, height), interpolation=cv2.INTER_AREA) for view in views]
    return [*(np.asarray(view, np.uint8) for view in shrunk), turned]


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    path = os.path.expanduser
    parser.add_argument("left", type=path, metavar="LEFT")
    parser.add_argument("right", type=path, metavar="RIGHT")
    parser.add_argument("--calib", required=True, type=path, metavar="FILE", help="the pair's calibration")
    parser.add_argument("--output", required=True, type=path, metavar="FILE", help="the picture, PNG or JPEG")
    parser.add_argument("--width", type=int, default=480, metavar="PX", help="of each of the three (default: 480)")
    parser.add_argument("--yaw", type=float, default=20.0, help="degrees to the right of the camera (default: 20)")
    parser.add_argument("--pitch", type=float, default=12.0, help="degrees above the camera (default: 12)")
    parser.add_argument(
        "--distance", type=float, default=1.0, help="from the cloud's middle, in the camera's own (default: 1)"
    )
    parser.add_argument(
        "--min-confidence", type=float, default=0.0, metavar="C", help="leave out points of less, 0 … 1 (default: 0)"
    )
    add_network_options(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    run(main)
