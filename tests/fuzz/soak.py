"""Many pairs, every tenth of them broken, through infer.py and evaluate.py, each killed twice and taken up again.

Says how many pairs were done and named, and the memory in use after a quarter and at the end; exit code 1 where a pair
is not accounted for, or the memory grew by more than 5 %.

    python tests/fuzz/soak.py [--pairs 2000]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from stereo.data.formats import write_image, write_pfm

REPOSITORY = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH, SHIFT = 96, 128, 6
GROWTH = 1.05


def make_pairs(folder: Path, count: int) -> Path:
    """A list of pairs of a shifted texture. Of every tenth a file is cut, missing, of another size or no image."""
    lines = []
    rng = np.random.default_rng(0)
    for number in range(count):
        canvas = rng.integers(0, 256, (HEIGHT, WIDTH + SHIFT, 3), dtype=np.uint8)
        left, right, truth = (folder / f"{number:05d}_{what}" for what in ("l.png", "r.png", "d.pfm"))
        write_image(left, canvas[:, :WIDTH])
        write_image(right, canvas[:, SHIFT:])
        write_pfm(truth, np.full((HEIGHT, WIDTH), SHIFT, np.float32))
        if number % 10 == 9:
            match number // 10 % 4:
                case 0:
                    left.write_bytes(left.read_bytes()[:500])
                case 1:
                    right.unlink()
                case 2:
                    write_image(right, canvas[:-1, SHIFT:])
                case 3:
                    left.write_text("no image")
        lines.append(f"{left.name},{right.name},{truth.name}\n")
    path = folder / "pairs.csv"
    path.write_text("".join(lines))
    return path


def run(command: list[str], kills: int, finished: Path, pattern: str, total: int) -> tuple[int, list[float]]:
    """Run a script, end it `kills` times on the way, and run it again.

    Returns: its exit code, and the memory in use, MB, from where a quarter of the last run's pairs was done.
    """
    for kill in range(kills + 1):
        before = count(finished, pattern)
        process = subprocess.Popen([sys.executable, *command], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        memory: list[float] = []
        while process.poll() is None:
            time.sleep(0.5)
            done = count(finished, pattern)
            if done > before + (total - before) / 4:
                memory.append(resident(process.pid))
            if kill < kills and done >= total * (kill + 1) // (kills + 2):
                process.send_signal((signal.SIGKILL, signal.SIGTERM)[kill % 2])
                process.wait()
        print(f"  {command[0]}: ended with {process.returncode} after {count(finished, pattern)} pairs", flush=True)
    return process.returncode, [size for size in memory if size]


def count(folder: Path, pattern: str) -> int:
    """The lines of the files, or the files themselves, by which one sees how far a script is."""
    files = list(folder.glob(pattern))
    return sum(path.read_bytes().count(b"\n") for path in files) if pattern.endswith(".jsonl") else len(files)


def resident(process: int) -> float:
    """The memory of a process, MB."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2000, metavar="N")
    total = parser.parse_args().pairs
    good = total - total // 10
    faults = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = make_pairs(folder, total)
        inferred, evaluated = folder / "inferred", folder / "evaluated"
        network = ["--max-disparity", "32"]
        for what, command, finished, pattern in (
            (
                "infer",
                ["scripts/infer.py", "--list", str(pairs), "--output", str(inferred), "--skip-existing", *network],
                inferred,
                "*/preview.png",
            ),
            (
                "evaluate",
                ["scripts/evaluate.py", "--data", f"pairs:{pairs}", "--output", str(evaluated), "--resume", *network],
                evaluated / "records",
                "*.jsonl",
            ),
        ):
            code, memory = run(command, 2, finished, pattern, total)
            early, late = (memory[0], memory[-1]) if memory else (0.0, 0.0)
            print(f"{what}: exit code {code}, memory {early:.0f} MB after a quarter, {late:.0f} MB at the end")
            if code != 1:
                faults.append(f"{what}: exit code {code}, expected 1: some failed and were named")
            if late > early * GROWTH:
                faults.append(f"{what}: the memory grew from {early:.0f} to {late:.0f} MB")
        done = count(inferred, "*/disparity.pfm")
        (result,) = json.loads((evaluated / "report.json").read_text())["results"][:1]
        print(f"{done} of {good} good pairs inferred; {result['images']} evaluated, {len(result['failed'])} named")
        if (done, result["images"], len(result["failed"])) != (good, good, total - good):
            faults.append("not every pair is accounted for")
        left = list(folder.rglob(".*.part*"))
        if left:
            faults.append(f"{len(left)} temporary files are left")
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
