"""Milliseconds that scoring a stored prediction of 960×540 px takes, and whether memory grows.

    python scripts/benchmark_evaluation.py                  # 200 pairs
    python scripts/benchmark_evaluation.py --pairs 4370     # as many as Scene Flow's test half, some ten minutes

Pairs of the procedural world in the layout of Scene Flow (few that differ, the others are links to them) are read from
files with both views' disparities, and predictions from PFM, and scored under the protocols of Scene Flow in every
region, as `evaluate.py --method predictions:DIR --protocol all --regions --output DIR` does it.
"""

from stereo.cli import run

import tempfile
from pathlib import Path

import torch

from stereo.benchmark.evaluation import scoring_lines
from stereo.device import describe_machine
from stereo.options import require_at_least, script_parser


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("--pairs", type=int, default=200, metavar="N", help="how many (default: 200)")
    args = parser.parse_args(argv)
    require_at_least(4, args, "pairs")
    print(f"{describe_machine(torch.device('cpu'))}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        for line in scoring_lines(Path(folder), args.pairs):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    run(main)
