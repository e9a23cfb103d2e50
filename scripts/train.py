"""Train a network from one YAML file.

    python scripts/train.py --config configs/compact_synthetic.yaml [key=value …] [--resume auto|FILE]

On several GPUs: torchrun --nproc-per-node N scripts/train.py --config FILE
"""

import argparse

from stereo.cli import run
from stereo.config import load_config
from stereo.training.trainer import Interrupted, train


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, metavar="FILE", help="the experiment's YAML file")
    parser.add_argument(
        "--resume", metavar="auto|FILE", help="auto: go on from the run folder's last.pt if it is there"
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings that replace the file's")
    arguments = parser.parse_intermixed_args(argv)
    config = load_config(arguments.config, arguments.overrides)
    try:
        best = train(config, arguments.resume)
    except Interrupted as interrupted:
        command = " ".join(["python scripts/train.py --config", arguments.config, *arguments.overrides])
        print(f"interrupted; the state is in {interrupted.checkpoint}. Resume with:\n  {command} --resume auto")
        return 128 + interrupted.signal_number
    print(f"done; best weights: {best}\n  python scripts/evaluate.py --checkpoint {best} --data synthetic")
    return 0


if __name__ == "__main__":
    run(main)
