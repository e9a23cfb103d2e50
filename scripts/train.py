"""Train a network from one YAML file.

    python scripts/train.py --config configs/compact_synthetic.yaml [key=value …] [--resume auto|FILE]

On several GPUs: torchrun --nproc-per-node N scripts/train.py --config FILE
"""

import os
import shlex

from stereo.cli import run, script_parser
from stereo.config import load_config
from stereo.processes import launcher
from stereo.training.signals import Interrupted
from stereo.training.trainer import train


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("--config", required=True, metavar="FILE", help="the experiment's YAML file")
    parser.add_argument(
        "--resume", metavar="auto|FILE", help="auto: go on from the run folder's last.pt if it is there"
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings that replace the file's")
    arguments = parser.parse_intermixed_args(argv)
    config = load_config(arguments.config, arguments.overrides)
    try:
        weights = train(config, arguments.resume)
    except Interrupted as interrupted:
        words = [*launcher(), os.path.relpath(__file__), "--config", arguments.config, *arguments.overrides]
        command = shlex.join([*words, "--resume", "auto"])
        print(f"interrupted; the state is in {interrupted.checkpoint}. Resume with:\n  {command}")
        return 128 + interrupted.signal_number
    print(f"  {shlex.join(['python', 'scripts/evaluate.py', '--checkpoint', str(weights), '--data', 'synthetic'])}")
    return 0


if __name__ == "__main__":
    run(main)
