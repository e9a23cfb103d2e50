"""Every page runs: README.md and docs/*.md, each from its first block to its last, as a newcomer would type it.

What a page marks, by the words behind a fence:

    ```python          runs; the blocks of a page share their names
    ```sh test         every line runs, as `python scripts/NAME.py …` or `stereo NAME …`
    ```yaml NAME       is written into the file NAME (csv, text likewise)

Other blocks are shown only. A page runs in a folder of its own that holds what a newcomer has: left.png, right.png,
calib.txt and mine.csv, three pairs in lab/, and of the clone the scripts, configs and checkpoints, and docs/pair,
reduced. Runs are made small by what stands in SMALL; the page has what one would really give.
"""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import REPOSITORY, load_script, textured_sample, truth_of
from helpers.pages import Block, fenced

from stereo import __main__ as command
from stereo.data.formats import read_depth_png16, read_image, read_ply, write_image, write_pfm

# test_extending.py runs the one, test_export.py the other.
ELSEWHERE = {"extending.md", "export.md"}
PAIR = REPOSITORY / "docs" / "pair"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
RUNNING = [
    page
    for page in PAGES
    if page.name not in ELSEWHERE and any(block.words in (("python",), ("sh", "test")) for block in fenced(page))
]
# Added to a command of this name.
SMALL = {
    "train": [
        "training.steps=2",
        "training.validation_interval=2",
        "data.batch_size=1",
        "data.workers=0",
        "data.augmentation.crop_height=48",
        "data.augmentation.crop_width=64",
        "training.device=cpu",
    ],
    "evaluate": ["--device", "cpu", "--quiet"],
}


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a page runs in."""
    sample = textured_sample(48, 64, 6)
    write_image(tmp_path / "left.png", sample.left)
    write_image(tmp_path / "right.png", sample.right)
    write_pfm(tmp_path / "disparity.pfm", np.full((48, 64), 6, np.float32))
    (tmp_path / "calib.txt").write_text(
        "cam0=[50 0 31.5; 0 50 23.5; 0 0 1]\nbaseline=120\ndoffs=0\nwidth=64\nheight=48\n"
    )
    (tmp_path / "mine.csv").write_text("left,right,disparity\nleft.png,right.png,disparity.pfm\n")
    for number in range(3):
        pair = textured_sample(48, 64, 6, seed=number)
        for kind in ("left", "right", "disparity"):
            (tmp_path / "lab" / kind).mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "lab" / "left" / f"{number:03}.png", pair.left)
        write_image(tmp_path / "lab" / "right" / f"{number:03}.png", pair.right)
        write_pfm(tmp_path / "lab" / "disparity" / f"{number:03}.pfm", truth_of(pair).disparity)
    for name in ("scripts", "configs", "checkpoints"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    small = tmp_path / "docs" / "pair"
    small.mkdir(parents=True)
    for side in ("left", "right"):
        write_image(small / f"{side}.jpg", read_image(PAIR / f"{side}.jpg")[::8, ::8])
    shutil.copy(PAIR / "calib.txt", small)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.name)
def test_the_page_runs(
    page: Path, newcomer: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, Any] = {"__name__": "page", "CLONE": str(REPOSITORY)}
    for block in fenced(page):
        match block.words:
            case ("python",):
                exec(compile("\n" * block.line + block.text, page, "exec"), namespace)
            case ("sh", "test"):
                for line in _lines(block):
                    _run(line, monkeypatch)
            case ("yaml" | "csv" | "text", name):
                Path(name).write_text(block.text, encoding="utf-8")
    if page.name in AFTERWARDS:
        AFTERWARDS[page.name](newcomer, capsys.readouterr().out)


def _lines(block: Block) -> list[str]:
    """The commands of a block: a comment ends one, a backslash goes on with it."""
    return [line for line in block.text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def _run(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "stereo":
        monkeypatch.setattr(sys, "argv", words)
        assert command.run_command(words[1:]) == 0, line
        return
    assert words[0] == "python", f"{line}: only `python scripts/NAME.py` and `stereo NAME` run here"
    name = Path(words[1]).stem
    assert load_script(name).main(words[2:] + SMALL.get(name, [])) == 0, line


def _check_python_page(folder: Path, said: str) -> None:
    assert {path.name for path in folder.iterdir()} > {"cloud.ply", "out", "depth.npy", "depth.png"}
    assert len(read_ply(folder / "cloud.ply")[0]) > 0
    assert read_depth_png16(folder / "depth.png")[0, 0] == pytest.approx(50 * 0.12 / 8)
    assert "the left image is 64×48 but the right one is 63×48" in said
    assert (folder / "out" / "disparity.pfm").is_file()


# What a page must have left.
AFTERWARDS = {"python.md": _check_python_page}
