"""The ablation: train every row at one budget, score the runs on the same pairs, and write docs/ablation.md's tables.

    scripts/ablate.py prepare                               the packed training samples, unless they are there
    scripts/ablate.py train --seeds 0 1                     every row of configs/ablation, or: train ROW …
    scripts/ablate.py evaluate --real ../shared/real        every finished run that has no scores
    scripts/ablate.py measure                               parameters, multiplications and times of each row
    scripts/ablate.py report                                the tables
    scripts/ablate.py compare ROW … --with ROW …            two groups of rows, all their runs taken together

Each goes on where it was interrupted, and leaves alone what is done, also on another machine: the scores of each run
and the times are kept in docs/ablation. docs/ablation.md says how to read the tables.
"""

from stereo.cli import run

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from stereo.ablation.rows import REFERENCE, REGIONS, Place, read_rows, seeds_in
from stereo.options import add_device_option, add_workers_option, script_parser


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    args.command_line = shlex.join(["ablate.py", *(sys.argv[1:] if argv is None else argv)])
    return args.do(args)


def _prepare(args: argparse.Namespace) -> int:
    if os.path.exists(Path(args.output) / "index.json"):
        print(f"{args.output}: is there")
        return 0
    # As the rows' heads have it: the first samples of the training split, with photographs on the surfaces.
    command = [sys.executable, str(Path(__file__).with_name("pack_dataset.py")), "--data", "synthetic"]
    command += ["--split", "train", "--limit", str(args.limit), "--output", args.output, "--workers", str(args.workers)]
    sizes = {"height": 192, "width": 384, "max_disparity": 96, "textures": args.textures}
    return subprocess.run([*command, *(f"synthetic.{key}={value}" for key, value in sizes.items())]).returncode


def _train(args: argparse.Namespace) -> int:
    from stereo.ablation.scoring import train_row
    from stereo.training.signals import Interrupted

    place = _place(args)
    for seed in args.seeds:  # every row once, before any row twice
        for row in read_rows(Path(args.rows), args.names):
            try:
                if not train_row(row, seed, place):
                    print(f"{row.name}, seed {seed}: is finished, or has its scores")
            except Interrupted as interrupted:
                print(f"interrupted; the state is in {interrupted.checkpoint}; the same command goes on with it")
                return 128 + interrupted.signal_number
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from stereo.ablation.scoring import evaluate_run, is_finished, real_specs

    place = _place(args)
    specs = [*(real_specs(Path(args.real)) if args.real else []), *args.data]
    for row in read_rows(Path(args.rows), args.names):
        for seed in seeds_in(place.runs, row):
            if not is_finished(place.run(row, seed)):
                print(f"{row.name}, seed {seed}: not finished")
            elif not evaluate_run(row, seed, specs, place, args.command_line, args.device):
                print(f"{row.name}, seed {seed}: has its scores")
    return 0


def _measure(args: argparse.Namespace) -> int:
    from stereo.ablation.measuring import measure, read_costs, write_costs
    from stereo.ablation.scoring import MAX_DISPARITY

    path = Path(args.scores) / "costs.json"
    costs = read_costs(path)
    (reference,) = read_rows(Path(args.rows), [REFERENCE])
    for row in read_rows(Path(args.rows), args.names):
        if row.name in costs and not args.names:
            print(f"{row.name}: was measured; name it to measure it again")
            continue
        costs[row.name] = measure(row, reference, MAX_DISPARITY, args.device, args.command_line)
        write_costs(path, costs)  # after each row: what breaks off keeps what it has
        ratios = " and ".join(f"{costs[row.name][what]['ratio']:.2f}× ({what})" for what in ("training", "inference"))
        print(f"{row.name}: {ratios} the time of {reference.name}", flush=True)
    return 0


def _report(args: argparse.Namespace) -> int:
    from stereo.ablation.measuring import read_costs
    from stereo.ablation.report import tables, write_tables

    place = _place(args)
    costs = read_costs(place.scores / "costs.json")
    write_tables(Path(args.output), tables(read_rows(Path(args.rows)), place, costs))
    print(f"wrote the tables of {args.output}")
    return 0


def _compare(args: argparse.Namespace) -> int:
    from stereo.ablation.kept import METRICS
    from stereo.ablation.together import compare

    folder = Path(args.rows)
    found = compare(read_rows(folder, args.names), read_rows(folder, args.others), _place(args), args.region)
    for (part, metric), ratio in found.items():
        print(f"{part:6}  {METRICS[metric]:5}  {ratio}")
    return 0


def _place(args: argparse.Namespace) -> Place:
    return Place(Path(args.runs), Path(args.results), Path(args.scores))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parts = parser.add_subparsers(required=True, metavar="WHAT")

    prepare = parts.add_parser("prepare", help="pack the training samples", allow_abbrev=False)
    prepare.set_defaults(do=_prepare)
    prepare.add_argument("--output", default="data/ablation", metavar="DIR", help="of the samples, about 5 GB")
    prepare.add_argument("--textures", default="data/photographs", metavar="DIR", help="photographs for the surfaces")
    prepare.add_argument("--limit", type=int, default=6000, metavar="N", help="samples (default: 6000)")
    add_workers_option(prepare)

    train = parts.add_parser("train", help="train what is not finished", allow_abbrev=False)
    train.set_defaults(do=_train)
    train.add_argument("names", nargs="*", metavar="ROW", help="only these rows (default: all)")
    train.add_argument("--seeds", nargs="+", type=int, default=[0, 1], metavar="N", help="(default: 0 1)")

    evaluate = parts.add_parser("evaluate", help="score the finished runs", allow_abbrev=False)
    evaluate.set_defaults(do=_evaluate)
    evaluate.add_argument("names", nargs="*", metavar="ROW", help="only these rows (default: all)")
    evaluate.add_argument("--real", metavar="FOLDER", help="real pairs in folders scene_flow, middlebury2001, …")
    evaluate.add_argument("--data", nargs="+", default=[], metavar="FAMILY:PATH", help="other pairs, or more")
    add_device_option(evaluate)

    measure = parts.add_parser("measure", help="what each row costs", allow_abbrev=False)
    measure.set_defaults(do=_measure)
    measure.add_argument("names", nargs="*", metavar="ROW", help="these again (default: all that were not measured)")
    add_device_option(measure)

    report = parts.add_parser("report", help="write the tables", allow_abbrev=False)
    report.set_defaults(do=_report)
    report.add_argument("--output", default="docs/ablation.md", metavar="FILE", help="(default: docs/ablation.md)")

    compare = parts.add_parser("compare", help="two groups of rows, their runs together", allow_abbrev=False)
    compare.set_defaults(do=_compare)
    compare.add_argument("names", nargs="+", metavar="ROW", help="the rows of the one group")
    compare.add_argument("--with", nargs="+", required=True, dest="others", metavar="ROW", help="those of the other")

    compare.add_argument("--region", choices=["all", *REGIONS], default="all", help="of the images (default: all)")

    for part in (train, evaluate, measure, report, compare):
        part.add_argument("--rows", default="configs/ablation", metavar="DIR", help="of the rows' YAML files")
        part.add_argument("--runs", default="runs/ablation", metavar="DIR", help="of the training runs, ROW_SEED each")
        part.add_argument("--results", default="results/ablation", metavar="DIR", help="of the evaluations")
        part.add_argument("--scores", default="docs/ablation", metavar="DIR", help="of the scores and times that stay")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run(main)
