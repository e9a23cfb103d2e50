"""Score the network, classical matchers or stored predictions on data sets with ground truth.

    scripts/evaluate.py --data synthetic
    scripts/evaluate.py --data kitti2015:PATH eth3d:PATH --method network sgbm --regions --output results --html
    scripts/evaluate.py --data scene_flow:PATH --rendering finalpass --protocol all --output results --resume
    scripts/evaluate.py --data kitti2015:PATH --method predictions:FOLDER

Prints a table; with --output also writes report.json, per_image.csv and previews. docs/evaluation.md has the protocols,
regions and metrics. Exit code 1: some items failed and were named, or nothing could be scored.
"""

from stereo.cli import run

import argparse
import re
import shlex
import sys
from pathlib import Path

from stereo.config import choose
from stereo.data.datasets import build_dataset, not_used
from stereo.errors import ConfigError
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.regions import BY_DATA, REGIONS
from stereo.evaluation.run import Evaluation, Output
from stereo.methods.choice import methods_from
from stereo.methods.method import Method
from stereo.methods.predictor import PRECISIONS
from stereo.options import (
    add_data_options,
    add_method_options,
    add_network_options,
    chosen_data,
    require_at_least,
    script_parser,
)
from stereo.processes import Processes, join_processes


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    with join_processes(args.device) as processes:
        return _evaluate(args, processes)


def _evaluate(args: argparse.Namespace, processes: Processes) -> int:
    data = chosen_data(args)
    for spec, config in data.items():
        if config.half == "testing":
            raise ConfigError(
                f"--data {spec}: half=testing has no ground truth, which evaluation needs; scripts/submit.py predicts "
                "it for the benchmark's server"
            )
    datasets = {
        # The right view's disparity tells which pixels are visible in both views. A list of pairs is no set of its own,
        # from whose number a pair would be missing.
        spec: build_dataset(config, True, keep_incomplete=config.family == "pairs" and not args.strict)
        for spec, config in data.items()
    }
    for line in [line for dataset in datasets.values() for line in not_used(dataset)]:
        print(f"warning: {line}", file=sys.stderr)
    evaluation = Evaluation(
        methods=_methods(args),
        data=data,
        datasets=datasets,
        protocols=_protocols(args.protocol),
        # What lies beyond the method's range is worth a remark whatever is asked for.
        regions=[name for name in REGIONS if name not in BY_DATA] if args.regions else ["beyond_range"],
        shard=_shard(args.shard),
        command=args.command,
        output=Output(
            folder=None if args.output is None else Path(args.output),
            previews=args.previews,
            html=args.html,
            resume=args.resume,
            predictions=None if args.save_predictions is None else Path(args.save_predictions),
        ),
        progress=not args.quiet,
        processes=processes,
    )
    results = [result for tally in evaluation.run() for result in tally.results() if result.region == "all"]
    whole = evaluation.shard == (1, 1)  # a share of a small data set may be empty
    return 1 if any(result.failed or (result.images == 0 and (result.skipped or whole)) for result in results) else 0


def _methods(args: argparse.Namespace) -> list[Method]:
    return methods_from(
        args.method,
        checkpoint=args.checkpoint,
        device=args.device,
        max_disparity=args.max_disparity,
        oracle_range=args.oracle_range,
        confidence=args.confidence,
        precision=args.precision,
        flip_test=args.flip_test,
        scale=args.scale,
        resize_predictions=args.resize_predictions,
    )


def _protocols(names: list[str]) -> list[str]:
    chosen = [choose(name, list(PROTOCOLS), "protocol") for name in dict.fromkeys(names)]
    # `all` is a protocol by itself; asked for by name, it stands for every one of them, itself among them.
    return list(PROTOCOLS) if "all" in chosen else chosen or ["all"]


def _shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return (1, 1)
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"--shard is '{text}', expected i/n, such as 1/4, 2/4, 3/4 and 4/4")
    return int(match[1]), int(match[2])


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_data_options(parser, many=True)
    add_method_options(parser)
    add_network_options(parser)
    described = "; ".join(f"{name}: {protocol.description}" for name, protocol in PROTOCOLS.items())
    parser.add_argument(
        "--protocol",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="what counts, and how it is averaged (default: the protocol all alone); all: every protocol that applies. "
        + described.replace("%", "%%"),
    )
    parser.add_argument("--confidence", action="store_true", help="also score the confidence of network, sgbm and bm")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32", help="of the network (default: fp32)")
    parser.add_argument("--regions", action="store_true", help="also score the parts of the images, each in a row")
    parser.add_argument("--output", metavar="DIR", help="write report.json, per_image.csv and previews here")
    parser.add_argument("--html", action="store_true", help="also write report.html, which needs no network")
    parser.add_argument("--resume", action="store_true", help="do not compute again what --output has finished")
    parser.add_argument(
        "--shard", metavar="I/N", help="only the I-th of N shares; compare.py --merge puts them together"
    )
    parser.add_argument(
        "--save-predictions", metavar="DIR", help="save each prediction; --method predictions:DIR reads"
    )
    parser.add_argument("--previews", type=int, default=4, metavar="N", help="previews of each data set (default: 4)")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse a list of pairs of which a file is missing, which is only named otherwise",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    args = parser.parse_intermixed_args(argv)
    require_at_least(0, args, "previews")
    if args.output is None:
        for name in ("html", "resume", "shard"):
            if getattr(args, name):
                parser.error(f"argument --{name}: needs --output DIR")
    args.command = shlex.join(["evaluate.py", *(sys.argv[1:] if argv is None else argv)])
    return args


if __name__ == "__main__":
    run(main)
