"""Write a skip list of the samples on which a method fails: training goes without them.

    python scripts/evaluate.py --data packed:PATH --checkpoint FILE --output results/training
    python scripts/curate.py results/training --metric bad_2 --above 60 --output skip.txt
    python scripts/train.py --config FILE data.train.skip_list=skip.txt

FOLDER is what evaluate.py --output wrote. A sample is left out if the metric is above the threshold on it; one that was
not scored stays. Where the evaluation is of several data sets, methods or protocols, one must be chosen; the region is
the whole image unless --region names another. data/README.md, "Curation", says how to evaluate a training set.
"""

from stereo.cli import printable, run

import argparse
import os
import statistics

from stereo.data.sample_lists import write_names
from stereo.evaluation.curation import read_scores, samples_above
from stereo.options import script_parser


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    scores = read_scores(args.folder, args.metric, args.data, args.method, args.protocol, args.region)
    values = scores.values.values()
    names = samples_above(scores, args.above)
    data, method, protocol, region = scores.key
    share = f"{len(names):,} of {len(values):,} samples ({len(names) / len(values):.1%})"
    rule = f"{args.metric} of {method} is above {args.above:g} (protocol {protocol}, region {region})"
    write_names(args.output, names, printable(f"{share} of {data}, on which {rule}"))
    print(f"{args.metric}: median {statistics.median(values):.4g}, {min(values):.4g} … {max(values):.4g}")
    print(printable(f"wrote {args.output}: leaves out {share}, on which {rule}"))
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("folder", metavar="FOLDER", help="what evaluate.py --output wrote")
    parser.add_argument("--metric", default="bad_2", metavar="NAME", help="a metric of the report (default: bad_2)")
    parser.add_argument(
        "--above", type=float, required=True, metavar="VALUE", help="the threshold, in the metric's unit: %% or px"
    )
    parser.add_argument("--output", required=True, type=os.path.expanduser, metavar="FILE", help="the skip list")
    for what in ("data", "method", "protocol"):
        parser.add_argument(f"--{what}", metavar="NAME", help=f"which {what}, where the evaluation is of several")
    parser.add_argument("--region", default="all", metavar="NAME", help="which region (default: all)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run(main)
