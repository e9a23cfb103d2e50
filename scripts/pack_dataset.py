"""Write a decoded copy of a data set, from which training loads crops several times as fast.

    python scripts/pack_dataset.py --data scene_flow:/data/scene_flow --split train --output /fast/scene_flow_train
    python scripts/train.py --config FILE data.train.family=packed data.train.path=/fast/scene_flow_train

A 540×960 pair takes 5 MB (7 MB with --right-disparity, which a horizontal flip needs). Samples with a fault end the
work: find them by scripts/check_dataset.py --deep --write-skip-list FILE, and leave them out by --skip-list FILE.
"""

import argparse
from dataclasses import asdict, replace

from tqdm import tqdm

from stereo.cli import count_cores, dataset_config, run
from stereo.data.datasets import build_dataset, describe
from stereo.data.families.packed import pack
from stereo.data.loader import in_order
from stereo.errors import ConfigError


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    if args.workers < 0:
        raise ConfigError(f"--workers is {args.workers}, expected 0 or more")
    config = replace(
        dataset_config(args.data),
        split=args.split,
        rendering=args.rendering,
        names=args.names,
        skip_list=args.skip_list,
        limit=args.limit,
    )
    dataset = build_dataset(config, args.right_disparity)
    print(*describe(dataset), sep="\n")
    with tqdm(total=len(dataset), unit="pair", disable=None) as bar:
        total = pack(in_order(dataset, args.workers), args.output, asdict(config), step=bar.update)
    print(f"wrote {len(dataset):,} pairs, {total / 1e9:.2f} GB, to {args.output}")
    print(f"use them as --data packed:{args.output} or, in a configuration, as family: packed, path: {args.output}")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--data", required=True, metavar="FAMILY[:PATH]")
    parser.add_argument("--output", required=True, metavar="DIR", help="a folder that holds no packed data set yet")
    parser.add_argument("--split", choices=("train", "test"), default="train", help="scene_flow only (default: train)")
    parser.add_argument("--rendering", choices=("cleanpass", "finalpass"), default="cleanpass", help="scene_flow only")
    parser.add_argument("--right-disparity", action="store_true", help="the right view's disparity too")
    parser.add_argument("--names", metavar="FILE", help="only the samples that FILE names, one a line")
    parser.add_argument("--skip-list", metavar="FILE", help="all but the samples that FILE names")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pairs")
    parser.add_argument("--workers", type=int, default=count_cores(), metavar="N", help="loader processes")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run(main)
