"""Disparity, depth and point clouds of one pair, or of many.

    scripts/infer.py left.png right.png --output out                   one pair   → out/disparity.pfm, …
    scripts/infer.py left_folder right_folder --output out             many pairs → out/NAME/disparity.pfm, …
    scripts/infer.py "*/im0.png" "*/im1.png" --output out              likewise, by what * stands for
    scripts/infer.py --list pairs.csv --output out                     likewise
    scripts/infer.py both.png --layout side-by-side --output out       both views in one image
    scripts/infer.py left.png right.png --output out --calib calib.txt            and depth.npy, depth.png, cloud.ply
    scripts/infer.py left.png right.png --output out --calib cameras.yaml --rectify
    scripts/infer.py left.mp4 right.mp4 --output out                   a video    → out/disparity.mp4
    torchrun --nproc-per-node 4 scripts/infer.py --list pairs.csv --output out --skip-existing     shared, resumable

Of two folders, the images of one name (without the ending) belong together. For every pair it writes disparity.pfm
(px), disparity.png (16-bit, px × 256) and preview.png. Exit code 1: some of many pairs failed and were named.
"""

import argparse
import sys
import time
from datetime import timedelta
from pathlib import Path

from tqdm import tqdm

from stereo.camera.rig import Rig, calibration_of_numbers
from stereo.cli import add_network_options, printable, require_at_least, run, script_parser
from stereo.config import check_max_disparity
from stereo.data.image_pairs import LAYOUTS, ImagePairs, pairs_of_layout, pairs_of_list, pairs_of_paths
from stereo.errors import ConfigError, DataError
from stereo.geometry import MAX_JUMP
from stereo.methods.backends import BACKENDS, load_predictor
from stereo.methods.inference import Inference
from stereo.methods.labels import LOW_CONFIDENCE
from stereo.methods.memory import parse_memory
from stereo.methods.method import Method
from stereo.methods.outputs import FORMATS, Cloud, Outputs, Preview
from stereo.methods.predictor import PRECISIONS, Predictor
from stereo.methods.summary import Summary
from stereo.methods.variants import Scaled
from stereo.output import make_output_folder
from stereo.processes import Processes, join_processes
from stereo.video import is_video
from stereo.video.command import add_video_options, infer_videos
from stereo.visualize import COLOR_MAPS

# How long a process waits for those whose pairs take longer.
_PATIENCE = timedelta(days=7)


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    with join_processes(args.device, timeout=_PATIENCE) as processes:
        return _infer(args, processes)


def _infer(args: argparse.Namespace, processes: Processes) -> int:
    outputs, rig = _outputs(args), _rig(args)
    if args.video or any(map(is_video, args.images)):
        if processes.size > 1:
            raise ConfigError("a video is the work of one process; start it without torchrun")
        folder = make_output_folder(args.output)
        return infer_videos(args, Inference(_method(args, outputs), folder, outputs, rig))
    pairs = _pairs(args)
    folder = make_output_folder(args.output)
    if outputs.flat:
        _check_flat_names(pairs, outputs, folder)
    inference = Inference(
        method=_method(args, outputs),
        folder=folder,
        outputs=outputs,
        rig=rig,
        check=args.check == "auto",
        vertical=args.vertical,
        single=pairs.single,
        batch=args.batch,
        skip_existing=args.skip_existing,
    )
    summary = Summary()
    start = time.perf_counter()
    share = pairs.pairs[processes.rank :: processes.size]
    for outcome in tqdm(inference.run(share), total=len(share), unit="pair", disable=True if pairs.single else None):
        summary.add(outcome)
    summary.seconds = time.perf_counter() - start
    if processes.size > 1:
        summary = Summary.of(processes.gather(summary))
    return _report(summary, pairs, inference)


def _report(summary: Summary, pairs: ImagePairs, inference: Inference) -> int:
    """Print what came of all pairs; return the exit code."""
    if pairs.single and summary.failed:
        raise DataError(summary.failed[0].reason)
    failed = pairs.unmatched + [f"{pair.name}: {pair.reason}" for pair in summary.failed]
    for message in failed:
        print(f"failed: {printable(message)}", file=sys.stderr)
    if not summary.done and not summary.skipped:
        raise DataError(
            f"none of {len(pairs.pairs)} pairs could be processed; nothing was written to {inference.folder}"
        )
    method, folder = inference.method, inference.folder
    scaled = f"at {method.scale:g} of the size (px are of the full size) " if isinstance(method, Scaled) else ""
    where = str(folder) if pairs.single or inference.outputs.flat else f"{folder}/NAME/"
    print(summary.result(where, f"{scaled}on {method.device}", len(pairs.pairs) + len(pairs.unmatched), pairs.single))
    for line in summary.notes():
        print(f"note: {printable(line)}", file=sys.stderr)
    for line in summary.warnings(pairs.single):
        print(f"warning: {printable(line)}", file=sys.stderr)
    return 1 if failed else 0


def _pairs(args: argparse.Namespace) -> ImagePairs:
    if args.list is not None:
        return pairs_of_list(args.list, args.strict, args.root, args.exif)
    if args.layout is not None:
        return pairs_of_layout(args.images[0], args.layout, args.exif)
    return pairs_of_paths(args.images[0], args.images[1], args.exif)


def _method(args: argparse.Namespace, outputs: Outputs) -> Method:
    """Return what predicts: this is the one place that knows."""
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    options = {
        "band_rows": args.band_rows,
        "band_columns": args.band_columns,
        "max_memory": None if args.max_memory is None else parse_memory(args.max_memory),
        "confidence": outputs.needs_confidence,
        "right": outputs.needs_right,
        "precision": args.precision,
    }
    method: Method
    if args.backend == "torch":
        method = Predictor.from_checkpoint(args.checkpoint, args.device, args.max_disparity, **options)
    else:
        method = load_predictor(args.checkpoint, args.backend, args.max_disparity, **options)
    return method if args.scale is None else Scaled(method, args.scale)


def _outputs(args: argparse.Namespace) -> Outputs:
    cloud = None
    if args.calib is not None or args.focal is not None:
        cloud = Cloud(args.min_confidence, args.min_depth, args.max_depth, args.max_jump or None)
    span = None if args.preview_range is None else (args.preview_range[0], args.preview_range[1])
    return Outputs(
        formats=tuple(dict.fromkeys(args.formats)),
        flat=args.flat,
        confidence=args.confidence,
        right=args.right,
        labels=args.labels,
        fill=args.fill,
        preview=None if args.no_preview else Preview(args.colormap, span),
        cloud=cloud,
    )


def _rig(args: argparse.Namespace) -> Rig | None:
    if args.calib is not None:
        return Rig(args.calib, args.calib_unit, None, not args.rectify, args.alpha, args.fov_scale)
    if args.focal is None:
        return None
    calibration = calibration_of_numbers(args.focal, args.baseline, args.calib_unit, args.cx, args.cy, args.doffs)
    return Rig(calibration=calibration)


def _check_flat_names(pairs: ImagePairs, outputs: Outputs, folder: Path) -> None:
    """Raise ConfigError where files of two pairs would have one name, as a.preview.png of `a` and of `a.preview`."""
    owners: dict[Path, str] = {}
    for pair in pairs.pairs:
        for path in outputs.paths(folder, pair.name):
            if owners.setdefault(path, pair.name) != pair.name:
                raise ConfigError(
                    f"--flat: {path.name} would belong to {owners[path]} and to {pair.name}; leave out --flat"
                )


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("images", nargs="*", metavar="LEFT RIGHT", help="two images, folders, or patterns in quotes")
    parser.add_argument("--output", required=True, metavar="DIR")
    add_network_options(parser)
    _add_source_options(parser)
    _add_output_options(parser)
    _add_camera_options(parser)
    _add_limit_options(parser)
    add_video_options(parser)
    args = parser.parse_intermixed_args(argv)
    _check(args, parser)
    return args


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where the pairs come from")
    group.add_argument("--list", metavar="FILE", help="a list of pairs instead of LEFT and RIGHT")
    group.add_argument("--exif", action="store_true", help="turn images as their EXIF orientation says")
    group.add_argument("--root", metavar="DIR", help="the folder that the paths in --list are relative to")
    group.add_argument(
        "--strict", action="store_true", help="refuse a list with a missing image (default: name it, and do the rest)"
    )
    group.add_argument(
        "--layout", choices=LAYOUTS, help="each image holds both views, the left one at its left or at its top"
    )
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
    group.add_argument("--calib", nargs="+", metavar="FILE", help="one file or two, of any form in docs/calibration.md")
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


def _check(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with a usage error where options do not go together."""
    if args.calib is not None and len(args.calib) > 2:
        parser.error(f"--calib: expected one file or two, got {len(args.calib)}; name the images before it")
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


if __name__ == "__main__":
    run(main)
