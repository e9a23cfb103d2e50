"""Score the network, classical SGBM or stored predictions on data sets with ground truth.

    scripts/evaluate.py --data synthetic
    scripts/evaluate.py --data kitti2015:data/kitti2015 middlebury2014:data/middlebury2014 --output results
    scripts/evaluate.py --data synthetic --method sgbm
    scripts/evaluate.py --data kitti2015:data/kitti2015 --method predictions:FOLDER

Prints a table; with --output also writes report.json and previews. Exit code 1: some items failed and were named, or
nothing could be scored.
"""

import argparse
import shlex
import sys

from stereo.cli import add_data_options, add_network_options, choose, chosen_data, require_at_least, run, script_parser
from stereo.config import check_max_disparity
from stereo.data.datasets import build_dataset
from stereo.errors import ConfigError
from stereo.evaluation.evaluator import EvaluationResult, evaluate
from stereo.evaluation.previews import Previews
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.provenance import describe_run
from stereo.evaluation.report import remarks, text_header, text_row, write_report
from stereo.methods.method import Method
from stereo.methods.predictor import Predictor
from stereo.methods.sgbm import Sgbm, TrueRangeSgbm
from stereo.methods.stored import StoredPredictions
from stereo.output import make_output_folder
from stereo.processes import Processes, join_processes

STORED = "predictions:"


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    with join_processes(args.device) as processes:
        return _evaluate(args, processes)


def _evaluate(args: argparse.Namespace, processes: Processes) -> int:
    protocols = [PROTOCOLS[choose(name, list(PROTOCOLS), "protocol")] for name in dict.fromkeys(args.protocol)]
    settings = chosen_data(args)
    for spec, config in settings.items():
        if config.half == "testing":
            raise ConfigError(
                f"--data {spec}: half=testing has no ground truth, which evaluation needs; scripts/submit.py predicts "
                "it for the benchmark's server"
            )
    datasets = {spec: build_dataset(config) for spec, config in settings.items()}
    method = _method(args)
    folder = None if args.output is None else make_output_folder(args.output)
    about = {} if folder is None else describe_run(method, settings, args.command)
    width = max(len(spec) for spec in datasets)
    print(text_header(width))
    results: list[EvaluationResult] = []
    for spec, dataset in datasets.items():
        previews = Previews(0 if folder is None else args.previews, protocols[0].name)
        bar, observe = not args.quiet, previews.observe
        new = evaluate(method, dataset, protocols, data=spec, progress=bar, processes=processes, observe=observe)
        previews.gather(processes)
        for result in new:
            print(text_row(result.to_dict(), width), flush=True)
        for line in remarks(new):
            print(line, file=sys.stderr)
        results += new
        if folder is not None and processes.is_main:
            # After every data set: a long evaluation that breaks off keeps what it has.
            write_report(folder / "report.json", [result.to_dict() for result in results], about)
            # The number is that of the data set's first entry in the report.
            number = len(results) - len(new) + 1
            previews.write(folder / "previews" / f"{number:02d}_{spec.partition(':')[0]}")
    if folder is not None:
        print(f"wrote {folder / 'report.json'}")
    return 1 if any(result.failed or result.images == 0 for result in results) else 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_data_options(parser, many=True)
    add_network_options(parser)
    parser.add_argument("--method", default="network", help="network (default), sgbm or predictions:DIR")
    described = "; ".join(f"{name}: {protocol.description}" for name, protocol in PROTOCOLS.items())
    parser.add_argument("--protocol", nargs="+", default=["all"], metavar="NAME", help=f"what counts; {described}")
    parser.add_argument("--output", metavar="DIR", help="write report.json and previews here")
    parser.add_argument("--previews", type=int, default=4, metavar="N", help="previews of each data set (default: 4)")
    parser.add_argument(
        "--sgbm-range",
        choices=("given", "true"),
        default="given",
        help="given: sgbm searches up to --max-disparity (default: 192); true: to each image's true maximum, an oracle",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    args = parser.parse_intermixed_args(argv)
    require_at_least(0, args, "previews")
    if args.method not in ("network", "sgbm") and not args.method.startswith(STORED):
        parser.error(f"argument --method: got '{args.method}', expected network, sgbm or {STORED}DIR")
    if args.method != "sgbm" and args.sgbm_range == "true":
        parser.error("argument --sgbm-range: true goes with --method sgbm only")
    if args.method != "network" and args.checkpoint is not None:
        parser.error("argument --checkpoint: goes with --method network only")
    if args.sgbm_range == "true" and args.max_disparity is not None:
        parser.error("argument --max-disparity: --sgbm-range true takes it from the ground truth; give one of them")
    args.command = shlex.join(["evaluate.py", *(sys.argv[1:] if argv is None else argv)])
    return args


def _method(args: argparse.Namespace) -> Method:
    if args.method.startswith(STORED):
        return StoredPredictions(args.method.removeprefix(STORED))
    if args.method == "sgbm":
        if args.sgbm_range == "true":
            return TrueRangeSgbm()
        return Sgbm() if args.max_disparity is None else Sgbm(args.max_disparity)
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    return Predictor.from_checkpoint(args.checkpoint, args.device, args.max_disparity)


if __name__ == "__main__":
    run(main)
