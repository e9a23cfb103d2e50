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

from stereo.cli import printable, run

import argparse
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from tqdm import tqdm

from stereo.camera.rig import Rig, calibration_of_numbers
from stereo.config import check_max_disparity
from stereo.data.image_pairs import ImagePairs, pairs_of_layout, pairs_of_list, pairs_of_paths
from stereo.errors import ConfigError, DataError
from stereo.methods.backends import load_predictor
from stereo.methods.infer_options import add_infer_options, check_infer_options
from stereo.methods.inference import Inference
from stereo.methods.memory import parse_memory
from stereo.methods.method import Method
from stereo.methods.outputs import Cloud, Outputs, Preview
from stereo.methods.predictor import Predictor
from stereo.methods.summary import Summary
from stereo.methods.variants import Scaled
from stereo.options import add_network_options, script_parser
from stereo.output import make_output_folder
from stereo.processes import Processes, join_processes
from stereo.video import is_video
from stereo.video.command import add_video_options, infer_videos

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
    parser.add_argument(
        "images",
        nargs="*",
        type=os.path.expanduser,
        metavar="LEFT RIGHT",
        help="two images, folders, or patterns in quotes",
    )
    parser.add_argument("--output", required=True, metavar="DIR")
    add_network_options(parser)
    add_infer_options(parser)
    add_video_options(parser)
    args = parser.parse_intermixed_args(argv)
    check_infer_options(args, parser)
    return args


if __name__ == "__main__":
    run(main)
