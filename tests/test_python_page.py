"""The examples of docs/python.md run as they stand there, one after another."""

import shlex
import sys
from pathlib import Path

import pytest
from helpers import REPOSITORY, textured_sample
from helpers.pages import blocks

from stereo import __main__ as command
from stereo.data.formats import read_depth_png16, read_ply, write_image

PAGE = REPOSITORY / "docs" / "python.md"


def test_the_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sample = textured_sample(48, 64, 6)
    write_image(tmp_path / "left.png", sample.left)
    write_image(tmp_path / "right.png", sample.right)
    (tmp_path / "calib.txt").write_text("cam0=[50 0 31.5; 0 50 23.5; 0 0 1]\nbaseline=120\ndoffs=0\n")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page", "CLONE": str(REPOSITORY)}
    for code in blocks(PAGE, "python").values():
        exec(compile(code, PAGE, "exec"), namespace)
    assert {path.name for path in tmp_path.iterdir()} > {"cloud.ply", "out", "depth.npy", "depth.png"}
    assert len(read_ply(tmp_path / "cloud.ply")[0]) > 0
    assert read_depth_png16(tmp_path / "depth.png")[0, 0] == pytest.approx(50 * 0.12 / 8)
    assert "the left image is 64×48 but the right one is 63×48" in capsys.readouterr().out

    (tmp_path / "out" / "disparity.pfm").unlink()
    for line in blocks(PAGE, "sh")["On the command line"].splitlines():
        if line:
            monkeypatch.setattr(sys, "argv", shlex.split(line))
            assert command.run_command(sys.argv[1:]) == 0
    assert (tmp_path / "out" / "disparity.pfm").is_file()
