"""The options of infer.py for images, by what they concern."""

import argparse
import os

from stereo.data.image_pairs import LAYOUTS
from stereo.geometry import MAX_JUMP
from stereo.methods.backends import BACKENDS
from stereo.methods.labels import LOW_CONFIDENCE
from stereo.methods.outputs import FORMATS
from stereo.methods.predictor import PRECISIONS
from stereo.options import require_at_least
from stereo.visualize import COLOR_MAPS


def add_infer_options(parser: argparse.ArgumentParser) -> None:
    """Add all of them, in groups."""
    _add_source_options(parser)
    _add_output_options(parser)
    _add_camera_options(parser)
    _add_limit_options(parser)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where the pairs come from")
    # The shell leaves ~ as it is in quotes, which paths with blanks need.
    path = os.path.expanduser
    group.add_argument("--list", type=path, metavar="FILE", help="a list of pairs instead of LEFT and RIGHT")
    group.add_argument("--root", type=path, metavar="DIR", help="the folder that the paths in --list are relative to")
    group.add_argument(
        "--strict", action="store_true", help="refuse a list with a missing image (default: name it, and do the rest)"
    )
    group.add_argument("--layout", choices=LAYOUTS, help="each image or video holds both views")
    group.add_argument("--exif", action="store_true", help="turn images as their EXIF orientation says")
    group.add_argument(
        "--vertical", action="store_true", help="the cameras stand one above the other, and LEFT is the upper view"
    )
    group.add_argument(
        "--check",
        choices=("auto", "off"),
        default="auto",
        help="look for unrectified pairs, swapped eyes, one image twice and black borders (default: auto)",
    )


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is written")
    group.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        default=["pfm", "png"],
        help="of disparities: px in pfm and npy, px × 256 in 16-bit png (default: pfm png)",
    )
    group.add_argument(
        "--flat", action="store_true", help="NAME.png and NAME.preview.png in one folder, not a folder for each pair"
    )
    group.add_argument("--confidence", action="store_true", help="confidence.pfm (0 … 1) and confidence.png")
    group.add_argument(
        "--right", action="store_true", help="disparity_right of the right view, and consistent.png: where both agree"
    )
    group.add_argument(
        "--labels",
        action="store_true",
        help="labels.png: 0 good, 1 occluded, 2 out of range, 3 border, 4 low confidence; colors by its palette",
    )
    group.add_argument("--fill", action="store_true", help="fill what has such a label from the background")
    group.add_argument("--no-preview", action="store_true", help="no preview.png")
    group.add_argument("--colormap", choices=list(COLOR_MAPS), default="turbo", help="of the preview (default: turbo)")
    group.add_argument(
        "--preview-range", nargs=2, type=float, metavar=("LOW", "HIGH"), help="px, of its colors (default: by the map)"
    )


def _add_camera_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("depth in m and the point cloud: from a calibration file, or from numbers")
    group.add_argument(
        "--calib",
        nargs="+",
        type=os.path.expanduser,
        metavar="FILE",
        help="one file or two, of any form in docs/calibration.md",
    )
    group.add_argument(
        "--calib-unit", choices=("m", "cm", "mm"), help="unit of the baseline, where the file does not say it"
    )
    group.add_argument(
        "--rectify", action="store_true", help="the images are as the cameras took them: rectify them by --calib"
    )
    group.add_argument("--alpha", type=float, default=0.0, help="0: no black borders, 1: keep all pixels (default: 0)")
    group.add_argument("--fov-scale", type=float, default=1.0, help="fisheye: above 1 shows more (default: 1)")
    group.add_argument("--focal", type=float, metavar="PX", help="focal length")
    group.add_argument("--baseline", type=float, metavar="M", help="distance of the cameras, in --calib-unit (m)")
    group.add_argument("--cx", type=float, metavar="PX", help="principal point (default: the middle)")
    group.add_argument("--cy", type=float, metavar="PX")
    group.add_argument(
        "--doffs", type=float, default=0.0, metavar="PX", help="the right minus the left principal point's x"
    )
    group.add_argument(
        "--min-confidence",
        type=float,
        default=LOW_CONFIDENCE,
        metavar="C",
        help=f"points of less are left out (default: {LOW_CONFIDENCE:g})",
    )
    group.add_argument("--min-depth", type=float, default=0.0, metavar="M", help="nearer points are left out")
    group.add_argument(
        "--max-depth", type=float, metavar="M", help="farther points are left out (default: where disparity is 1 px)"
    )
    group.add_argument(
        "--max-jump",
        type=float,
        default=MAX_JUMP,
        metavar="SHARE",
        help=f"share of the depth by which a point flies between surfaces; 0 keeps them (default: {MAX_JUMP:g})",
    )


def _add_limit_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("large images, and many")
    group.add_argument("--scale", type=float, metavar="S", help="predict at S times the size")
    group.add_argument("--max-memory", metavar="SIZE", help="such as 4GB: choose tiles that stay within it, blended")
    group.add_argument("--band-rows", type=int, metavar="N", help="tiles of N rows, 128 or more")
    group.add_argument("--band-columns", type=int, metavar="N", help="tiles of N columns, the range + 128 or more")
    group.add_argument(
        "--batch", type=int, default=1, metavar="N", help="so many pairs of one size at once, for a GPU (default: 1)"
    )
    group.add_argument(
        "--backend",
        choices=("torch", *BACKENDS),
        default="torch",
        help="what computes the network; all but torch on the CPU, from a checkpoint or an ONNX file (default: torch)",
    )
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="fp32",
        help="of torch and openvino; bf16 is faster where the processor has it, and coarser (default: fp32)",
    )
    group.add_argument("--skip-existing", action="store_true", help="leave out pairs whose files are there")


def check_infer_options(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with a usage error where options do not go together."""
    if args.calib is not None and len(args.calib) > 2:
        parser.error(f"--calib: expected one file or two, got {len(args.calib)}; name the images before it")
    if args.root is not None and args.list is None:
        parser.error("--root: needs --list, whose paths it is for")
    count = len(args.images)
    if args.list is not None:
        if count or args.layout is not None:
            parser.error("expected LEFT and RIGHT, or --list FILE, not both (and no --layout with a list)")
    elif args.layout is not None:
        if count != 1:
            parser.error(f"--layout {args.layout}: expected one image, video, folder or pattern, got {count}")
    elif count == 1:
        parser.error(f"expected LEFT and RIGHT; if {args.images[0]} holds both, add --layout {' or '.join(LAYOUTS)}")
    elif count != 2:
        hint = "; put patterns in quotes, or use two folders" if count else ""
        parser.error(f"expected LEFT and RIGHT, or --list FILE, got {count} images{hint}")
    if args.calib is not None and (args.focal is not None or args.baseline is not None):
        parser.error("expected --calib, or --focal and --baseline, not both")
    if (args.focal is None) != (args.baseline is None):
        parser.error("expected both --focal and --baseline")
    if args.rectify and args.calib is None:
        parser.error("--rectify: needs --calib")
    if args.vertical and args.calib is not None:
        parser.error("--vertical: no form of calibration has cameras one above the other; give --focal and --baseline")
    if args.max_memory is not None and (args.band_rows is not None or args.band_columns is not None):
        parser.error("--max-memory: chooses the tiles itself; leave out --band-rows and --band-columns")
    require_at_least(1, args, "batch")
