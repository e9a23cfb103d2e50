"""Say which data sets lie below a folder, whether they are complete, and whether their ground truth is true.

    python scripts/check_dataset.py /data/scene_flow
    python scripts/check_dataset.py /data                           # all that are recognized in it
    python scripts/check_dataset.py /data/kitti2015 --deep          # decode every file
    python scripts/check_dataset.py /data/scene_flow --write-names data/splits/driving.txt --only Driving
    python scripts/check_dataset.py /data/scene_flow skip_list=bad.txt negative_disparity=flip

The layout is recognized, pairs are counted by part against the numbers of the complete release, and views and disparity
maps without partners are named. Some pairs (--samples; all with --deep) are decoded. The scale and sign of their ground
truth are estimated from the views, which tells other units, swapped views, shifted views and depth in place of
disparity. Pairs without ground truth are checked for swapped and unrectified views and for their exposure. Folders in
which no data set is recognized, and those that you may not list, are named and not looked at. Exit code 0: nothing is
wrong in what was looked at; 1: something is, and was named; 2: no data set was recognized.
"""

from stereo.cli import run

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from stereo.data.doctor import ItemCheck, check_items, summarize
from stereo.data.missing import Missing
from stereo.data.pairs import count_pairs
from stereo.data.recognition import Part, recognize
from stereo.data.sample_lists import spread, write_names
from stereo.device import keep_freed_memory
from stereo.errors import ConfigError
from stereo.options import add_data_settings, add_workers_option, require_at_least, script_parser


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(1, args, "workers", "samples", "show")
    keep_freed_memory()  # as in loader processes: a pair after the other, of one size mostly
    path = Path(os.path.expanduser(args.path))
    found = recognize(path, _settings(args.overrides))
    parts = found.parts
    if args.only is not None:
        parts = [part for part in parts if args.only.lower() in part.lines[0].lower()]
        if not parts:
            raise ConfigError(f"--only {args.only}: no part of {path} is called so")
    problems: list[Missing | str] = []
    unconfirmed = 0
    good: list[str] = []
    bad: list[str] = []
    for part in parts:
        print(*part.lines, sep="\n")
        checks = _check(part, args)
        faults = {check.name: check.problem for check in checks if check.problem is not None}
        unconfirmed += sum(check.unconfirmed for check in checks)
        own = [*part.problems, *part.incomplete.values(), *(f"{name}: {problem}" for name, problem in faults.items())]
        _print_problems(own, args.show)
        problems += own
        for name in () if part.dataset is None else part.dataset.names:
            (bad if name in faults else good).append(name)
        bad += part.incomplete
        print()
    if args.write_names is not None:
        _write_names(Path(args.write_names), good, f"samples of {path} without a known fault")
    if args.write_skip_list is not None:
        _write_names(Path(args.write_skip_list), bad, f"samples of {path} with a fault, for skip_list")
    _print_problems(found.closed, args.show)
    problems += found.closed
    if found.unrecognized:
        names = ", ".join(str(folder.relative_to(path)) for folder in found.unrecognized)
        print(f"did not look at (no data set is recognized there): {names}")
    rest = " in the rest" if found.unrecognized else ""
    print(
        f"{len(problems):,} problem{'s' * (len(problems) > 1)} found" if problems else f"nothing wrong was found{rest}"
    )
    if unconfirmed:
        print(
            f"of {count_pairs(unconfirmed)} the views tell too little to confirm or deny the scale of the disparities"
        )
    return 1 if problems else 0


def _settings(overrides: list[str]) -> list[str]:
    """Return the settings of the data. Raises: ConfigError for one that has no meaning here."""
    for word in overrides:
        key = word.partition("=")[0].partition(".")[0]
        if key in ("family", "path", "half", "split", "rendering", "synthetic"):
            raise ConfigError(f"'{word}': every set that lies there is looked at; --only WORD chooses some of them")
        if key in ("names", "limit", "weight"):
            raise ConfigError(f"'{word}': all pairs are looked at, but those of a skip_list; --samples N decodes fewer")
    return overrides


def _check(part: Part, args: argparse.Namespace) -> list[ItemCheck]:
    """Decode and check pairs of one part, and print what they are like."""
    if part.dataset is None:
        return []
    count = len(part.dataset)
    chosen = range(count) if args.deep else spread(count, args.samples)
    checks = list(tqdm(check_items(part.dataset, chosen, args.workers), total=len(chosen), unit="pair", disable=None))
    print(f"  decoded {len(checks):,} of {count:,} pairs" + ("" if args.deep else " (--deep decodes all)"))
    for line in summarize(checks):
        print(f"  {line}")
    return checks


def _print_problems(problems: Sequence[Missing | str], show: int) -> None:
    for problem in problems[:show]:
        print(f"  PROBLEM {problem}")
    if len(problems) > show:
        print(f"  … and {len(problems) - show:,} more (--show)")


def _write_names(path: Path, names: list[str], what: str) -> None:
    write_names(path, names, what)
    print(f"wrote {len(names):,} names to {path}", file=sys.stderr)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("path", metavar="PATH", help="the folder of data sets, or a list file of pairs")
    add_data_settings(parser, "negative_disparity=flip or skip_list=FILE")
    parser.add_argument("--deep", action="store_true", help="decode every file")
    parser.add_argument("--samples", type=int, default=16, metavar="N", help="pairs decoded otherwise (default: 16)")
    parser.add_argument("--only", metavar="WORD", help="only the parts whose first line has this word: Driving, test …")
    parser.add_argument("--show", type=int, default=20, metavar="N", help="problems printed of each part (default: 20)")
    parser.add_argument(
        "--write-names", type=os.path.expanduser, metavar="FILE", help="write the names of the samples without a fault"
    )
    parser.add_argument(
        "--write-skip-list", type=os.path.expanduser, metavar="FILE", help="write the names of those with a fault"
    )
    add_workers_option(parser)
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
