"""The whole project in about a minute and without a download: generate, train, evaluate, infer.

    scripts/demo.py --output demo

Every step is one of the project's own commands, printed before it runs, so that it can be repeated by hand. It leaves
DIR/index.html, a page with all methods on the same scenes.
"""

from stereo.cli import run

import os
import shlex
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from stereo.config import DatasetConfig
from stereo.data.datasets import build_dataset
from stereo.errors import StereoError
from stereo.evaluation.page.side_by_side import Column, write_side_by_side
from stereo.options import script_parser
from stereo.output import make_output_folder

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("--output", default="demo", metavar="DIR", help="where everything goes (default: demo)")
    parser.add_argument("--steps", type=int, default=120, metavar="N", help="training steps (default: 120)")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    commands: list[str] = []
    step = partial(run_command, commands)
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
    columns = [
        Column(title, what, folder / f"report_{name}", folder / f"predictions_{name}")
        for name, title, what in (
            ("brief", "Brief", f"the compact network, trained here for {arguments.steps} steps"),
            ("shipped", "Shipped", "the same network with the weights that ship"),
            ("sgbm", "SGBM", "OpenCV's semi-global matching, holes filled"),
        )
    ]
    options = [
        ["--checkpoint", str(trained / "best.pt")],
        [],
        ["--method", "sgbm", "--max-disparity", "64"],
    ]
    for column, chosen in zip(columns, options, strict=True):
        shutil.rmtree(column.predictions, ignore_errors=True)  # of an earlier demo
        outputs = ["--output", str(column.report), "--save-predictions", str(column.predictions)]
        step("evaluate.py", "--data", f"scene_flow:{pairs}", *outputs, *chosen)

    print("4/4  Infer the disparity of a pair that is not of that world, and draw its point cloud.")
    still_life = [os.path.relpath(ROOT / "docs" / "pair" / name) for name in ("left.jpg", "right.jpg", "calib.txt")]
    step("infer.py", *still_life[:2], "--output", str(folder / "inferred"))
    step("show_pair.py", *still_life[:2], "--calib", still_life[2], "--output", str(folder / "cloud.jpg"))

    scenes = build_dataset(DatasetConfig(family="scene_flow", path=str(pairs), split="test"))
    samples = (scenes[index] for index in range(len(scenes)))
    write_side_by_side(folder / "index.html", samples, columns, commands)
    print(f"Done in {time.monotonic() - started:.0f} s. Look at")
    print(f"  {folder / 'index.html'}                  all methods on the same scenes, side by side")
    print(f"  {folder / 'cloud.jpg'}                   a still life, its disparity and its point cloud")
    print(f"  {folder / 'report_shipped' / 'report.json'}  the numbers; report_brief and report_sgbm beside it")
    print(f"  .venv/bin/tensorboard --logdir {trained}  the training")
    return 0


def run_command(commands: list[str], script: str, *arguments: str) -> None:
    """Run one of the project's commands and note it. Raises: StereoError where it fails; it has said why."""
    commands.append(f"python scripts/{script} {shlex.join(arguments)}")
    print(f"\n$ {commands[-1]}", flush=True)
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / script), *arguments], check=False)
    if done.returncode:
        raise StereoError(f"the demo stops here: scripts/{script} ended with exit code {done.returncode}")
    print(flush=True)


if __name__ == "__main__":
    run(main)
