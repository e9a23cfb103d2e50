"""Write a decoded copy of a data set, from which training loads crops several times as fast.

    python scripts/pack_dataset.py --data scene_flow:/data/scene_flow --split train --output /fast/scene_flow_train
    python scripts/train.py --config FILE data.train.family=packed data.train.path=/fast/scene_flow_train

A 540×960 pair takes 5 MB (7 MB with --right-disparity, which a horizontal flip needs). Samples with a fault end the
work: find them by scripts/check_dataset.py --deep --write-skip-list FILE, and leave them out by --skip-list FILE.
Which half of scene_flow and synthetic is packed has no default: a copy does not show which half it is.
"""

from stereo.cli import run

import argparse
from dataclasses import asdict

from tqdm import tqdm

from stereo.data.datasets import build_dataset, describe
from stereo.data.loader import in_order
from stereo.data.packing import pack
from stereo.data.pairs import count_pairs
from stereo.options import add_data_options, add_workers_option, chosen_data, require_at_least, script_parser


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(0, args, "workers")
    (config,) = chosen_data(args).values()
    dataset = build_dataset(config, args.right_disparity)
    print(*describe(dataset), sep="\n")
    with tqdm(total=len(dataset), unit="pair", disable=None) as bar:
        total = pack(in_order(dataset, args.workers), args.output, asdict(config), step=bar.update)
    print(f"wrote {count_pairs(len(dataset))}, {total / 1e9:.2f} GB, to {args.output}")
    print(f"use them as --data packed:{args.output} or, in a configuration, as family: packed, path: {args.output}")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_data_options(parser, split=None)
    parser.add_argument("--output", required=True, metavar="DIR", help="a folder that holds no packed data set yet")
    parser.add_argument("--right-disparity", action="store_true", help="the right view's disparity too")
    add_workers_option(parser)
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
