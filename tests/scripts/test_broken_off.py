"""Scripts that a signal ends, and lists of which a part is missing: what is done is kept, and the rest is named."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import REPOSITORY, textured_sample

from stereo.data.formats import write_image, write_pfm

SMALL = ["synthetic.height=48", "synthetic.width=96", "synthetic.max_disparity=16", "synthetic.texture_bank=0"]
EVALUATE = [sys.executable, str(REPOSITORY / "scripts" / "evaluate.py"), "--method", "sgbm", "--max-disparity", "32"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_evaluation_that_is_ended_within_a_set_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    command = [*EVALUATE, "--data", "synthetic", *SMALL, "synthetic.length=40", "--output", str(tmp_path)]
    records = tmp_path / "records" / "rank0.jsonl"
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not records.exists() or records.read_text().count("\n") < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "the pairs that are finished are kept: the same command with --resume goes on" in errors
    assert "Traceback" not in errors
    done = records.read_text().splitlines()
    assert 4 <= len(done) <= 40
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert records.read_text().splitlines()[: len(done)] == done
    assert json.loads((tmp_path / "report.json").read_text())["results"][0]["images"] == 40


@pytest.mark.slow
def test_a_missing_file_is_named_like_a_broken_one_and_the_rest_is_done(tmp_path: Path) -> None:
    sample = textured_sample(48, 96, 6)
    lines = []
    for name in ("good", "missing", "broken"):
        write_image(tmp_path / f"{name}_l.png", sample.left)
        write_image(tmp_path / f"{name}_r.png", sample.right)
        write_pfm(tmp_path / f"{name}.pfm", np.full((48, 96), 6, np.float32))
        lines.append(f"{name}_l.png,{name}_r.png,{name}.pfm\n")
    (tmp_path / "missing_r.png").unlink()
    (tmp_path / "broken_r.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "pairs.csv").write_text("".join(lines))
    data = ["--data", f"pairs:{tmp_path / 'pairs.csv'}"]
    infer = [sys.executable, str(REPOSITORY / "scripts" / "infer.py"), "--list", str(tmp_path / "pairs.csv")]
    for command in ([*EVALUATE, *data], [*infer, "--output", str(tmp_path / "out"), "--max-disparity", "32"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "missing_r.png" in done.stderr
        assert "broken_r.png" in done.stderr
        strict = subprocess.run([*command, "--strict"], capture_output=True, text=True, check=False)
        assert strict.returncode == 2
        assert "missing_r.png" in strict.stderr
    assert len(list((tmp_path / "out").glob("*/disparity.pfm"))) == 1
