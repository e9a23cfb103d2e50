"""Training samples a second of one loader process: plain loading, ours, and ours from a packed copy.

    python scripts/benchmark_loader.py                                          # 540×960 procedural pairs, PNG and PFM
    python scripts/benchmark_loader.py --data scene_flow:/data/scene_flow --split train
    python scripts/benchmark_loader.py --index 22500                            # seconds to find so many pairs

A sample is decoded, cropped to 256×512 and augmented: color jitter of both views and, every second time, of each on
its own; a vertical flip; erased rectangles. `plain` is the arrangement that most repositories have: Pillow decodes,
numpy reads the PFM, each view is jittered on its own as an image and made a normalized float tensor. Ours gives uint8,
of which the device makes floats; `as floats` lets the main process do that, on a CPU with few cores at the worker's
cost. The forms take turns, and the ratios are medians over the rounds.
"""

from stereo.cli import run

import argparse
import tempfile
from pathlib import Path

import torch

from stereo.benchmark.loader import BATCH, generate, index_seconds, samples_per_second, speed_lines
from stereo.data.datasets import build_dataset
from stereo.data.pairs import PairDataset
from stereo.device import describe_machine
from stereo.errors import ConfigError
from stereo.options import add_data_options, chosen_data, require_at_least, script_parser


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(1, args, "pairs", "rounds")
    require_at_least(2 * BATCH, args, "samples")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if args.index is not None:
            require_at_least(1, args, "index")
            seconds = index_seconds(folder, args.index)
            print(f"{describe_machine(torch.device('cpu'))}; {args.index:,} pairs found in {seconds:.2f} s of one core")
            return 0
        written = args.data == "synthetic"
        config = generate(folder / "pairs", args.pairs) if written else next(iter(chosen_data(args).values()))
        dataset = build_dataset(config)
        if not isinstance(dataset, PairDataset) or dataset.pairs[0].disparity is None:
            raise ConfigError(f"--data {args.data}: expected a data set of files with ground truth in PFM")
        dataset = PairDataset(dataset.pairs[: args.pairs])
        size = f"{dataset[0].width}×{dataset[0].height} px"
        print(f"{describe_machine(torch.device('cpu'))}; {len(dataset)} pairs of {size}")
        speeds = samples_per_second(config, dataset, folder, args.samples, args.rounds)
    print(*speed_lines(speeds), sep="\n")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_data_options(parser, default="synthetic")
    parser.add_argument("--index", type=int, metavar="N", help="only measure how long finding N pairs takes")
    parser.add_argument("--pairs", type=int, default=24, metavar="N", help="different pairs (default: 24)")
    parser.add_argument("--samples", type=int, default=200, metavar="N", help="of each round (default: 200)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of all forms in turn (default: 3)")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
