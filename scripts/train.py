"""Train a network from one YAML file.

    python scripts/train.py --config configs/compact_synthetic.yaml [key=value …] [--resume auto|FILE]
                            [--allow-change KEY …]

Exit code 0: done, or training.max_hours are over; 2: the run cannot go on, one line says why; 128 + the signal's number
(129 SIGHUP, 130 SIGINT, 138 SIGUSR1, 143 SIGTERM): the signal ended the run, and its state is saved.

On several GPUs: torchrun --nproc-per-node N scripts/train.py --config FILE
"""

from stereo.cli import run

import os
import shlex
from contextlib import suppress

from stereo.config import load_config
from stereo.options import script_parser
from stereo.processes import launcher, was_restarted
from stereo.training.signals import Interrupted
from stereo.training.trainer import train


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("--config", required=True, metavar="FILE", help="the experiment's YAML file")
    parser.add_argument(
        "--resume", metavar="auto|FILE", help="auto: go on from the run folder's newest whole checkpoint, if any"
    )
    parser.add_argument(
        "--allow-change",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY",
        help="settings, or sections, that a resumed run may change; config.yaml says from which step on",
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings that replace the file's")
    arguments = parser.parse_intermixed_args(argv)
    # `--allow-change KEY key=value`: argparse takes both for keys.
    overrides = [word for word in arguments.allow_change if "=" in word] + arguments.overrides
    allowed = [word for word in arguments.allow_change if "=" not in word]
    if allowed and arguments.resume is None:
        parser.error("argument --allow-change: needs --resume")
    config = load_config(arguments.config, overrides)
    resume = arguments.resume
    if was_restarted() and os.path.exists(os.path.join(config.training.output, "last.pt")):
        resume = "auto"
    try:
        weights = train(config, resume, allowed)
    except Interrupted as interrupted:
        words = [*launcher(), os.path.relpath(__file__), "--config", arguments.config, *overrides]
        command = shlex.join([*words, "--resume", "auto"])
        with suppress(OSError):  # a terminal that is closed
            print(f"interrupted; the state is in {interrupted.checkpoint}. Resume with:\n  {command}", flush=True)
        return 128 + interrupted.signal_number
    print(f"  {shlex.join(['python', 'scripts/evaluate.py', '--checkpoint', str(weights), '--data', 'synthetic'])}")
    return 0


if __name__ == "__main__":
    run(main)
