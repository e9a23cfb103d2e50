"""Time, memory and agreement of PyTorch, ONNX Runtime and OpenVINO on one pair, beside SGBM.

    python scripts/benchmark_backends.py                                  # shipped weights, docs/pair
    python scripts/benchmark_backends.py --checkpoint FILE --pair LEFT RIGHT --threads 1

All that is installed is called in turn; ratios are those of the medians. SGBM is this project's, with filling.
"""

from stereo.cli import run

import os
import tempfile
from pathlib import Path

import torch

from stereo.benchmark.backends import HEADER, compare
from stereo.config import check_max_disparity
from stereo.data.formats import read_image
from stereo.device import describe_machine
from stereo.options import require_at_least, script_parser

_PAIR = [str(Path(__file__).resolve().parents[1] / "docs" / "pair" / name) for name in ("left.jpg", "right.jpg")]


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("--checkpoint", metavar="FILE", help="weights (default: those that ship)")
    parser.add_argument("--max-disparity", type=int, metavar="N", help="px, of all (default: as it was trained)")
    parser.add_argument(
        "--pair", nargs=2, type=os.path.expanduser, default=_PAIR, metavar=("LEFT", "RIGHT"), help="default: docs/pair"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), metavar="N", help="default: all cores")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="calls of each (default: 5)")
    args = parser.parse_args(argv)
    require_at_least(1, args, "threads", "rounds")
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    left, right = map(read_image, args.pair)
    print(f"{describe_machine(torch.device('cpu'))}; {args.threads} threads; {left.shape[1]}×{left.shape[0]} px")
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        lines = compare(args.checkpoint, left, right, Path(folder), args.threads, args.rounds, args.max_disparity)
        for line in lines:
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    run(main)
