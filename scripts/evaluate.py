"""Score the network or classical SGBM on data sets with ground truth.

    scripts/evaluate.py --data synthetic
    scripts/evaluate.py --data kitti2015:data/kitti2015 middlebury2014:data/middlebury2014 --output results
    scripts/evaluate.py --data synthetic --method sgbm

Prints a table; with --output also writes report.json and previews. Exit code 1: some items failed and were named.
"""

import argparse
import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from stereo.checkpoint import load_checkpoint
from stereo.cli import choose, dataset_config, run
from stereo.config import FAMILIES, DatasetConfig, check_max_disparity
from stereo.data.datasets import build_dataset
from stereo.data.formats import write_image
from stereo.device import select_device
from stereo.evaluation.evaluator import (
    Dataset,
    EvaluationResult,
    Method,
    OracleMethod,
    evaluate,
    predict_sample,
    worst_and_first,
)
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.report import write_report
from stereo.methods.predictor import Predictor
from stereo.methods.sgbm import Sgbm, TrueRangeSgbm
from stereo.output import make_output_folder
from stereo.processes import World, joined_world
from stereo.visualize import evaluation_panel


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    with joined_world() as world:
        if not world.is_main:
            with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                return _evaluate(args, world)
        return _evaluate(args, world)


def _evaluate(args: argparse.Namespace, world: World) -> int:
    protocols = [PROTOCOLS[choose(name, list(PROTOCOLS), "protocol")] for name in dict.fromkeys(args.protocol)]
    datasets = {spec: build_dataset(_settings(spec, args)) for spec in dict.fromkeys(args.data)}
    method, checkpoint, config = _method(args)
    folder = None if args.output is None else make_output_folder(args.output)

    width = max(len(spec) for spec in datasets)
    print(
        f"{'data':<{width}}  {'method':<17}  {'protocol':<8}  {'images':>6}  {'EPE':>7}  {'im. mean':>8}  "
        f"{'bad-1':>6}  {'bad-2':>6}  {'bad-3':>6}  {'D1':>6}  {'s/pair':>7}"
    )
    results: list[EvaluationResult] = []
    for spec, dataset in datasets.items():
        for protocol in protocols:
            result = evaluate(method, dataset, protocol, data=spec, progress=not args.quiet, world=world)
            results.append(result)
            _print_row(result, width)
            if (
                folder is not None and world.is_main
            ):  # after every row: a long evaluation that breaks off keeps what it has
                write_report(folder / "report.json", results, checkpoint, config)
                family = spec.partition(":")[0]
                previews = folder / "previews" / f"{len(results):02d}_{family}"  # the number is the report's entry
                _write_previews(previews, method, dataset, result, args.previews)
    if folder is not None:
        print(f"wrote {folder / 'report.json'}")
    return 1 if any(result.failed for result in results) else 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--data",
        nargs="+",
        action="extend",
        required=True,
        metavar="FAMILY[:PATH]",
        help=f"data sets: {', '.join(FAMILIES)}; synthetic takes no path and means the held-out scenes",
    )
    parser.add_argument("--method", choices=("network", "sgbm"), default="network")
    parser.add_argument("--checkpoint", metavar="FILE", help="weights (default: those that ship)")
    parser.add_argument(
        "--protocol",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help=f"which pixels count: {', '.join(PROTOCOLS)}",
    )
    parser.add_argument("--output", metavar="DIR", help="write report.json and previews here")
    parser.add_argument("--previews", type=int, default=4, metavar="N", help="previews of each data set (default: 4)")
    parser.add_argument(
        "--max-disparity",
        type=int,
        metavar="N",
        help="px, a multiple of 16 (default: the network as it was trained; 192 for sgbm)",
    )
    parser.add_argument(
        "--sgbm-range",
        choices=("given", "true"),
        default="given",
        help="given: sgbm searches up to --max-disparity; true: up to each image's true maximum, an oracle",
    )
    parser.add_argument("--split", choices=("train", "test"), default="test", help="scene_flow only (default: test)")
    parser.add_argument("--rendering", choices=("cleanpass", "finalpass"), default="cleanpass", help="scene_flow only")
    parser.add_argument("--names", metavar="FILE", help="only the samples that FILE names, one a line")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pairs of each data set")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    args = parser.parse_args(argv)
    if args.previews < 0:
        parser.error(f"argument --previews: got {args.previews}, expected 0 or more")
    if args.method == "network" and args.sgbm_range == "true":
        parser.error("argument --sgbm-range: true goes with --method sgbm only")
    if args.method == "sgbm" and args.checkpoint is not None:
        parser.error("argument --checkpoint: goes with --method network only")
    if args.sgbm_range == "true" and args.max_disparity is not None:
        parser.error(
            "argument --max-disparity: --sgbm-range true takes it from the ground truth; give only one of them"
        )
    return args


def _settings(spec: str, args: argparse.Namespace) -> DatasetConfig:
    return replace(dataset_config(spec), split=args.split, rendering=args.rendering, names=args.names, limit=args.limit)


def _method(args: argparse.Namespace) -> tuple[Method | OracleMethod, Path | None, dict[str, Any]]:
    """The method, the file of its weights, and its settings for the report."""
    if args.method == "network":
        if args.max_disparity is not None:
            check_max_disparity(args.max_disparity, "--max-disparity")
        device = select_device(args.device)
        loaded = load_checkpoint(args.checkpoint, device, args.max_disparity)
        return Predictor(loaded.network, device), loaded.path, loaded.config
    if args.sgbm_range == "true":
        return TrueRangeSgbm(), None, {"num_disparities": "true range", **Sgbm().parameters}
    sgbm = Sgbm(192 if args.max_disparity is None else args.max_disparity)
    return sgbm, None, {"num_disparities": sgbm.num_disparities, **sgbm.parameters}


def _print_row(result: EvaluationResult, width: int) -> None:
    print(
        f"{result.data:<{width}}  {result.method:<17}  {result.protocol:<8}  {result.images:>6}  {result.epe:>7.3f}  "
        f"{result.epe_image_mean:>8.3f}  {result.bad_1:>6.2f}  {result.bad_2:>6.2f}  {result.bad_3:>6.2f}  "
        f"{result.d1:>6.2f}  {result.seconds_per_pair:>7.3f}",
        flush=True,
    )
    if result.skipped:
        print(
            f"{result.data}: {result.skipped} images without a pixel that counts were left out",
            file=sys.stderr,
        )
    for message in result.failed:
        print(f"failed: {message}", file=sys.stderr)


def _write_previews(
    folder: Path, method: Method | OracleMethod, dataset: Dataset, result: EvaluationResult, count: int
) -> None:
    if count == 0 or not result.per_image:
        return
    make_output_folder(folder)
    for label, row in worst_and_first(result, count):
        sample = dataset[row.index]
        if sample.truth is None:
            continue
        prediction = predict_sample(method, sample)
        panel = evaluation_panel(
            sample.left,
            prediction,
            sample.truth.disparity,
            sample.truth.valid,
            f"EPE {row.epe:.2f}, bad-2 {row.bad_2:.1f} %",
        )
        name = re.sub(r"[^\w.-]+", "_", row.name)
        write_image(folder / f"{label}_{name}.png", panel)


if __name__ == "__main__":
    run(main)
