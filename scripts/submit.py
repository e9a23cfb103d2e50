"""Predict a benchmark's test half, which has no ground truth, and write the zip that its server takes.

    scripts/submit.py --data kitti2015:data/kitti2015 --output kitti2015.zip
    scripts/submit.py --data middlebury2014:data/MiddEval3/testH --training --name MyNet --output middlebury.zip
    scripts/submit.py --data eth3d:data/eth3d --training --method sgbm --output eth3d.zip

Benchmarks: kitti2012, kitti2015, middlebury2014 (MiddEval3), eth3d. The zip is written whole or not at all, and each
file in it is read back and compared with its prediction. One pair that fails ends the work: exit code 2.
"""

from stereo.cli import run

import argparse
import os
import statistics
import sys
from dataclasses import replace
from pathlib import Path

from stereo.config import DatasetConfig, Half, choose
from stereo.data.datasets import StereoDataset, build_dataset
from stereo.data.families.middlebury import WITHOUT_TRUTH
from stereo.data.pairs import count_pairs
from stereo.errors import ConfigError
from stereo.evaluation.submission import BENCHMARKS, write_submission
from stereo.methods.choice import methods_from
from stereo.methods.method import Method
from stereo.methods.stored import StoredPredictions
from stereo.options import add_data_options, add_network_options, chosen_data, script_parser
from stereo.output import make_output_folder


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    ((spec, config),) = chosen_data(args).items()
    choose(config.family, list(BENCHMARKS), "benchmark")
    benchmark = BENCHMARKS[config.family]
    if args.training and "training" not in benchmark.pairs:
        raise ConfigError(f"--training: {config.family} takes results of its test half alone")
    if benchmark.takes_name and args.name is None:
        raise ConfigError(f"--name: {config.family} names its files by the method; give one word, as in --name MyNet")
    if not benchmark.takes_name and args.name is not None:
        raise ConfigError(f"--name: {config.family} does not name its files by the method; leave it out")
    path = Path(os.path.expanduser(args.output))
    if path.suffix != ".zip":
        raise ConfigError(f"--output {path}: expected a file that ends with .zip")
    datasets = _datasets(config, args.training)
    make_output_folder(path.parent)
    method = _method(args)
    done = write_submission(path, config.family, datasets, method, args.name or "", not args.quiet)
    for half, seconds in done.seconds.items():
        print(
            f"{spec} {half}: {count_pairs(len(seconds))}, {statistics.mean(seconds):.3f} s a pair (mean) on "
            f"{method.device or 'cpu'}"
        )
    if isinstance(method, StoredPredictions):
        print("remark: the times in the zip are those of reading files; put in the method's own", file=sys.stderr)
    count = f"{len(done.files):,} file{'s' * (len(done.files) != 1)}"
    print(f"wrote {path}: {count}, each read back, beginning with {', '.join(done.files[:2])}")
    for remark in done.remarks:
        print(f"remark: {remark}", file=sys.stderr)
    return 0


def _datasets(config: DatasetConfig, training: bool) -> dict[Half, StereoDataset]:
    """Return the halves that are predicted."""
    halves: dict[Half, DatasetConfig] = {"testing": replace(config, half="testing")}
    if training:
        halves["training"] = replace(config, half="training", path=_beside(config.path))
    return {half: build_dataset(settings) for half, settings in halves.items()}


def _beside(path: str | None) -> str | None:
    """Return the folder of the training half beside a test folder of MiddEval3; any other path as it is."""
    folder = Path(os.path.abspath(path or ""))
    return str(folder.with_name(f"training{folder.name[-1]}")) if folder.name in WITHOUT_TRUTH else path


def _method(args: argparse.Namespace) -> Method:
    (method,) = methods_from(
        [args.method], checkpoint=args.checkpoint, device=args.device, max_disparity=args.max_disparity
    )
    return method


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_data_options(parser)
    add_network_options(parser)
    parser.add_argument("--method", default="network", help="network (default), sgbm, bm or predictions:DIR")
    parser.add_argument("--output", required=True, metavar="FILE.zip")
    parser.add_argument("--name", metavar="WORD", help="middlebury2014: the method's name, which its files carry")
    parser.add_argument(
        "--training", action="store_true", help="middlebury2014, eth3d: the training half too, which their servers want"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    args = parser.parse_intermixed_args(argv)
    if any(word.startswith("half=") for word in args.overrides):
        parser.error("half=… is set by this script: the test half, and with --training the training half too")
    return args


if __name__ == "__main__":
    run(main)
