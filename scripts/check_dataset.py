"""Say which data set lies in a folder, whether it is complete, and whether its ground truth is true.

    python scripts/check_dataset.py /data/scene_flow
    python scripts/check_dataset.py /data/kitti2015 --deep          # decode every file
    python scripts/check_dataset.py /data/scene_flow --write-names data/splits/driving.txt --only Driving

The layout is recognised, pairs are counted by part against the numbers of the complete release, and views and disparity
maps without partners are named. Some pairs (--samples; all with --deep) are decoded, and their ground truth is verified
by warping: the left view must match the right one at x − d, and better there than at other scales or with the views
exchanged. Exit code 0: nothing is wrong; 1: something is, and was named; 2: no data set was recognised.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from stereo.cli import count_cores, run
from stereo.data.datasets import StereoDataset
from stereo.data.doctor import HISTOGRAM, ItemCheck, Part, check_item, recognise
from stereo.data.loader import in_order
from stereo.errors import ConfigError
from stereo.output import atomic_output, make_output_folder


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    for name in ("workers", "samples", "show"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name} is {getattr(args, name)}, expected 1 or more")
    parts = recognise(Path(args.path))
    if args.only is not None:
        parts = [part for part in parts if args.only.lower() in part.lines[0].lower()]
        if not parts:
            raise ConfigError(f"--only {args.only}: no part of {args.path} is called so")
    problems: list[str] = []
    good: list[str] = []
    bad: list[str] = []
    for part in parts:
        print(*part.lines, sep="\n")
        checks = _check(part, args)
        found = [f"{check.name}: {check.problem}" for check in checks if check.problem is not None]
        _print_problems(part.problems + found, args.show)
        problems += part.problems + found
        broken = {check.name for check in checks if check.problem is not None}
        names = [] if part.dataset is None else part.dataset.names
        good += [name for name in names if name not in broken]
        bad += [name for name in names if name in broken]
        print()
    if args.write_names is not None:
        _write_names(Path(args.write_names), good, f"samples of {args.path} without a known fault")
    if args.write_skip_list is not None:
        _write_names(Path(args.write_skip_list), bad, f"samples of {args.path} with a fault, for skip_list")
    print(f"{len(problems):,} problem{'s' * (len(problems) > 1)} found" if problems else "nothing wrong was found")
    return 1 if problems else 0


def _check(part: Part, args: argparse.Namespace) -> list[ItemCheck]:
    if part.dataset is None or len(part.dataset) == 0:
        return []
    count = len(part.dataset)
    chosen = range(count) if args.deep else np.unique(np.linspace(0, count - 1, args.samples).round().astype(int))
    tasks = [int(index) for index in chosen]
    workers = 0 if args.workers == 1 or len(tasks) < 4 * args.workers else args.workers
    found = in_order(_Checks(part.dataset), workers, tasks)
    checks = list(tqdm(found, total=len(tasks), unit="pair", disable=None))
    known = [check for check in checks if check.known]
    print(f"  decoded {len(checks):,} of {count:,} pairs" + ("" if args.deep else " (--deep decodes all)"))
    if known:
        confirmed = sum(check.confirmed for check in checks)
        share = sum(check.known for check in known) / sum(check.pixels for check in known)
        print(f"  warping confirms scale and sign of {confirmed:,} of {len(known):,}")
        print(
            f"  disparities {min(check.smallest for check in known):.2f} … "
            f"{max(check.largest for check in known):.2f} px, known on {share:.1%} of the pixels:"
        )
        _print_histogram(np.sum([check.histogram for check in known], axis=0))
    return checks


class _Checks:
    """The check of each pair, made when asked for."""

    def __init__(self, dataset: StereoDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> ItemCheck:
        return check_item(self.dataset, index)


def _print_histogram(counts: np.ndarray) -> None:
    shares = counts / max(1, counts.sum())
    filled = np.flatnonzero(counts)
    classes = list(zip(HISTOGRAM[:-1], HISTOGRAM[1:], shares, strict=True))
    for low, high, share in classes[filled[0] : filled[-1] + 1]:
        label = f"{low:.0f} … {high:.0f}" if np.isfinite(high) else f"above {low:.0f}"
        print(f"    {label:>11} px  {share:6.1%}  {'█' * round(40 * float(share))}")


def _print_problems(problems: list[str], show: int) -> None:
    for problem in problems[:show]:
        print(f"  PROBLEM {problem}")
    if len(problems) > show:
        print(f"  … and {len(problems) - show:,} more (--show)")


def _write_names(path: Path, names: list[str], what: str) -> None:
    make_output_folder(path.parent)
    with atomic_output(path) as temporary:
        temporary.write_text("\n".join([f"# {what}", *names]) + "\n", encoding="utf-8")
    print(f"wrote {len(names):,} names to {path}", file=sys.stderr)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("path", metavar="PATH", help="the folder of a data set, or a list file of pairs")
    parser.add_argument("--deep", action="store_true", help="decode every file")
    parser.add_argument("--samples", type=int, default=16, metavar="N", help="pairs decoded otherwise (default: 16)")
    parser.add_argument("--only", metavar="WORD", help="only the parts whose first line has this word: Driving, test …")
    parser.add_argument("--show", type=int, default=20, metavar="N", help="problems printed of each part (default: 20)")
    parser.add_argument("--write-names", metavar="FILE", help="write the names of the samples without a fault")
    parser.add_argument("--write-skip-list", metavar="FILE", help="write the names of the samples with a fault")
    cores = count_cores()
    parser.add_argument("--workers", type=int, default=cores, metavar="N", help=f"processes (default: {cores})")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run(main)
