"""What the trainer costs beside a bare loop, and what checkpoints cost.

    python scripts/benchmark_training.py --config configs/compact_synthetic.yaml training.initial_trunk=none

The bare loop loads, moves, computes, clips and steps; the trainer also checks, skips what is not finite, measures,
reports and looks for signals. They take turns on the same batches. On a CPU the time is that of this process, which
other work on the machine does not change; what loader processes do is no part of it. A checkpoint is timed until the
disk has it.
"""

from stereo.cli import run

import argparse
import tempfile
from pathlib import Path

from stereo.benchmark.training import overhead_lines
from stereo.config import load_config
from stereo.device import describe_machine, select_device
from stereo.options import require_at_least, script_parser
from stereo.output import make_output_folder


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(1, args, "steps", "rounds")
    config = load_config(args.config, args.overrides)
    print(describe_machine(select_device(config.training.device)))
    with tempfile.TemporaryDirectory(dir=make_output_folder(args.output), prefix="benchmark") as folder:
        lines = list(overhead_lines(config, args.steps, args.rounds, Path(folder)))
    print(*lines, sep="\n")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--config", required=True, metavar="FILE", help="the experiment's YAML file")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings that replace the file's")
    parser.add_argument("--steps", type=int, default=5, metavar="N", help="of each round (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of both loops in turn (default: 3)")
    parser.add_argument("--output", default=".", metavar="DIR", help="on the disk that is written to (default: .)")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
