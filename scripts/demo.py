"""The whole project in about a minute and without a download: generate, train, evaluate, infer.

    scripts/demo.py --output demo

Every step is one of the project's own commands, printed before it runs, so that it can be repeated by hand.
"""

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from stereo.cli import run, script_parser
from stereo.errors import StereoError
from stereo.output import make_output_folder

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("--output", default="demo", metavar="DIR", help="where everything goes (default: demo)")
    parser.add_argument("--steps", type=int, default=120, metavar="N", help="training steps (default: 120)")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    folder = make_output_folder(arguments.output)
    pairs, trained = folder / "pairs", folder / "run"
    shutil.rmtree(trained, ignore_errors=True)  # of an earlier demo

    print("1/4  Generate pairs of the procedural world, with exact ground truth.")
    size = ["--width", "384", "--height", "224", "--max-disparity", "60"]
    step("generate_dataset.py", "--output", str(pairs), "--count", "40", *size)
    step("generate_dataset.py", "--output", str(pairs), "--count", "6", "--split", "test", *size)

    print("2/4  Train a compact network on them, briefly.")
    settings = [f"data.train.path={pairs}", f"data.validation.path={pairs}", f"training.output={trained}"]
    step("train.py", "--config", str(ROOT / "configs" / "demo.yaml"), *settings, f"training.steps={arguments.steps}")

    print("3/4  Evaluate it, the shipped weights, and the classical baseline on pairs that none of them has seen.")
    for name, options in (
        ("brief", ["--checkpoint", str(trained / "best.pt")]),
        ("shipped", []),
        ("sgbm", ["--method", "sgbm", "--max-disparity", "64"]),
    ):
        step("evaluate.py", "--data", f"scene_flow:{pairs}", "--output", str(folder / f"report_{name}"), *options)

    print("4/4  Infer the disparity of one pair with the shipped weights.")
    left = next(iter(sorted((pairs / "FlyingThings3D" / "frames_cleanpass" / "TEST").rglob("left/*.png"))))
    step("infer.py", str(left), str(left.parents[1] / "right" / left.name), "--output", str(folder / "inferred"))

    print(f"Done in {time.monotonic() - started:.0f} s. Look at")
    print(f"  {folder / 'inferred' / 'preview.png'}          the pair and its disparity")
    print(f"  {folder / 'report_shipped' / 'previews'}       errors of the shipped weights, pair by pair")
    print(f"  {folder / 'report_shipped' / 'report.json'}    the numbers; report_brief and report_sgbm beside it")
    print(f"  .venv/bin/tensorboard --logdir {trained}       the training")
    return 0


def step(script: str, *arguments: str) -> None:
    """Run one of the project's commands. Raises: StereoError where it fails; it has said why."""
    print(f"\n$ python scripts/{script} {shlex.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / script), *arguments], check=False)
    if done.returncode:
        raise StereoError(f"the demo stops here: scripts/{script} ended with exit code {done.returncode}")
    print(flush=True)


if __name__ == "__main__":
    run(main)
