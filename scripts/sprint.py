"""Train one or more networks side by side on one machine for so many minutes: the steps are found by a short try.

    python scripts/sprint.py --minutes 9 --output runs/sprint configs/compact_sprint.yaml configs/guided_sprint.yaml

A learning rate that falls to zero needs the number of steps before the first one. So all trainings run for
--try-seconds first, all at once as they will; each then gets the steps that the rest of the time allows. A try in which
one of them begins late makes the others look faster than they will be; where the numbers are known, --steps gives them,
and there is no try. A training that is not through when the time is over is stopped, and its last state kept. Weights:
OUTPUT/NAME/best.pt, logs: OUTPUT/NAME.log.
"""

from stereo.cli import run

import argparse
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from stereo.config import load_config
from stereo.errors import StereoError, TrainingError
from stereo.options import require_at_least, script_parser
from stereo.output import make_output_folder

_TRAIN = Path(__file__).with_name("train.py")
# Steps before the pace is taken: convolutions are still being chosen, and the loaders have nothing ready.
_WARM_UP = 30
# Of the time that a pace promises: what is asked for.
_MARGIN = 0.97


class _Run:
    """One training process, and the time of each of its log lines."""

    def __init__(self, config: Path, output: Path, log: Path, settings: list[str]) -> None:
        self.name = config.stem
        self.started = time.monotonic()
        self.steps: list[tuple[int, float]] = []
        command = [sys.executable, "-u", str(_TRAIN), "--config", str(config), *settings, f"training.output={output}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=self._read, args=(log,), daemon=True)
        self._reader.start()

    def _read(self, log: Path) -> None:
        assert self.process.stdout is not None
        with log.open("a", encoding="utf-8") as file:
            for line in self.process.stdout:
                file.write(line)
                file.flush()
                if line.startswith("step ") and "/" in line.split()[1]:
                    self.steps.append((int(line.split()[1].partition("/")[0]), time.monotonic()))

    def wait(self, deadline: float) -> int:
        """Return the exit status; a process that runs on past the deadline is told to end, and saves its state."""
        try:
            code = self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait()
        self._reader.join()
        return code

    def pace(self) -> tuple[float, float]:
        """Return the seconds until the step after the warm-up, and the seconds of a step from there on."""
        counted = [(step, at) for step, at in self.steps if step >= _WARM_UP]
        if len(counted) < 2:
            raise TrainingError(f"{self.name}: too few steps within the try; see its log, or give more --try-seconds")
        (first, begun), (last, ended) = counted[0], counted[-1]
        return begun - self.started, (ended - begun) / (last - first)


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    started = time.monotonic()
    configs = [Path(path) for path in args.configs]
    for path in configs:
        load_config(path, args.settings)  # a mistake in a file ends this before anything runs
    folder = make_output_folder(args.output)
    ends = started + 60 * args.minutes
    paces = args.steps or _steps_by_trying(args, configs, folder, started, ends)
    runs = [
        _Run(path, folder / path.stem, folder / f"{path.stem}.log", [*args.settings, f"training.steps={steps}"])
        for path, steps in zip(configs, paces, strict=True)
    ]
    codes = [run_.wait(ends) for run_ in runs]
    for run_, code in zip(runs, codes, strict=True):
        reached = run_.steps[-1][0] if run_.steps else 0
        print(f"{run_.name}: exit status {code} after step {reached}", flush=True)
    if any(codes):
        raise StereoError("not every training came to its end; see the logs")
    return 0


def _steps_by_trying(
    args: argparse.Namespace, configs: list[Path], folder: Path, started: float, ends: float
) -> list[int]:
    """Return for each configuration the steps that the time allows, after trying all of them at once."""
    tries = [
        _Run(path, folder / "try" / path.stem, folder / f"{path.stem}.try.log", [*args.settings, *_TRY_SETTINGS])
        for path in configs
    ]
    paces = []
    for run_ in tries:
        run_.wait(started + args.try_seconds)
    for run_ in tries:
        start, seconds = run_.pace()
        steps = int(_WARM_UP + _MARGIN * max(0.0, ends - time.monotonic() - start - args.end_seconds) / seconds)
        print(f"{run_.name}: {start:.0f} s to step {_WARM_UP}, then {seconds:.3f} s a step: {steps} steps", flush=True)
        paces.append(steps)
    return paces


_TRY_SETTINGS = ["training.steps=100000", "training.log_interval=10"]


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("configs", nargs="+", metavar="CONFIG | key=value", help="experiments, and settings for all")
    parser.add_argument("--minutes", type=float, required=True, help="of wall time, all in all")
    parser.add_argument("--output", default="runs/sprint", metavar="DIR")
    parser.add_argument("--try-seconds", type=float, default=45.0, metavar="S", help="of the try (default: 45)")
    parser.add_argument("--steps", type=int, nargs="+", metavar="N", help="of each configuration, instead of a try")
    parser.add_argument("--end-seconds", type=float, default=15.0, metavar="S", help="for the last validation")
    args = parser.parse_args(argv)
    args.settings = [word for word in args.configs if "=" in word]
    args.configs = [word for word in args.configs if "=" not in word]
    require_at_least(1, args, "minutes", "try-seconds")
    if args.steps and (len(args.steps) != len(args.configs) or min(args.steps) < 1):
        parser.error(f"--steps: got {args.steps}, expected a number of 1 or more for each of {len(args.configs)} files")
    if len({Path(path).stem for path in args.configs}) < len(args.configs):
        parser.error("two configurations have one file name, which names their folders")
    return args


if __name__ == "__main__":
    run(main)
