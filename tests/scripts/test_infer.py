"""infer.py as its users meet it: what is written, what is said, and the exit codes."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import REPOSITORY, load_script

from stereo.data.formats import read_disparity, read_pfm, write_image
from stereo.errors import ConfigError, DataError, OutputError, StereoError

infer: Callable[[list[str]], int] = load_script("infer").main


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


THREE = ["disparity.pfm", "disparity.png", "preview.png"]


# ---------------------------------------------------------------------------------------------------------- infer


def test_infer_writes_three_files_that_agree(pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = pairs / "out"
    arguments = [str(pairs / "left/a.png"), str(pairs / "right/a.png"), "--output", str(out)]
    assert infer([*arguments, "--checkpoint", checkpoint, "--device", "cpu"]) == 0
    assert _names(out) == THREE
    disparity = read_pfm(out / "disparity.pfm")
    assert disparity.shape == (40, 70)
    rounded, valid = read_disparity(out / "disparity.png")
    np.testing.assert_allclose(rounded[valid], disparity[valid], atol=1 / 256)
    said = capsys.readouterr().out
    for part in ("disparity.pfm, disparity.png, preview.png", str(out), "70×40", "px", " s on cpu"):
        assert part in said


def test_infer_on_folders_goes_on_after_a_broken_pair(
    pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (pairs / "left/b.png").write_bytes((pairs / "left/b.png").read_bytes()[:100])
    write_image(pairs / "left/lonely.png", np.zeros((40, 70, 3), np.uint8))
    out = pairs / "out"
    assert infer([str(pairs / "left"), str(pairs / "right"), "--output", str(out), "--checkpoint", checkpoint]) == 1
    assert _names(out) == [f"a/{name}" for name in THREE]
    captured = capsys.readouterr()
    assert "failed: b: " in captured.err
    assert "lonely.png: no image of that name" in captured.err
    assert "1 of 3 pairs" in captured.out


def test_infer_does_without_the_ground_truth_of_a_list(pairs: Path, checkpoint: str) -> None:
    """Which may be missing, a folder, or of no format at all."""
    out = pairs / "out"
    (pairs / "list.csv").write_text(
        "left,right,disparity,mask\nleft/a.png,right/a.png,truth/none.pfm,none.png\nleft/b.png,right/b.png,truth,\n"
    )
    words = ["--list", str(pairs / "list.csv"), "--output", str(out), "--checkpoint", checkpoint, "--strict"]
    assert infer(words) == 0
    assert len(_names(out)) == 2 * len(THREE)


@pytest.mark.parametrize("missing", ["left/none.png", "right/none.png", "./left", f"{'x' * 5000}.png"])
def test_infer_names_a_missing_image_of_a_list_and_does_the_rest(
    pairs: Path, checkpoint: str, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = pairs / "out"
    line = f"{missing},right/a.png" if "left" in missing else f"left/a.png,{missing}"
    (pairs / "list.csv").write_text(f"{line}\nleft/b.png,right/b.png\n")
    words = ["--list", str(pairs / "list.csv"), "--output", str(out), "--checkpoint", checkpoint]
    assert infer(words) == 1
    said = capsys.readouterr()
    assert said.err.count("failed: ") == 1
    assert missing.removeprefix("./") in said.err
    assert "wrote 1 of 2 pairs" in said.out
    with pytest.raises(DataError, match=r"list\.csv: 1 of its images are not there, the first of them "):
        infer([*words, "--strict"])


def test_infer_takes_a_list(pairs: Path, checkpoint: str) -> None:
    (pairs / "truth/b.pfm").write_text("broken, and not needed")
    out = pairs / "out"
    assert infer(["--list", str(pairs / "pairs.csv"), "--output", str(out), "--checkpoint", checkpoint]) == 0
    assert _names(out) == [f"{pair}/{name}" for pair in ("00001_pairs_left_a", "00002_pairs_left_b") for name in THREE]


def test_names_that_look_like_paths_stay_below_the_output(pairs: Path, checkpoint: str) -> None:
    for side in ("left", "right"):
        for name in ("...png", "..png"):  # whose names without the ending are .. and .
            shutil.copy(pairs / side / "a.png", pairs / side / name)
    out = pairs / "deep/out"
    assert infer([str(pairs / "left"), str(pairs / "right"), "--output", str(out), "--checkpoint", checkpoint]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "a",
        "b",
    ]  # hidden files are no views, unless a list names them
    (pairs / "list.csv").write_text("left/...png,right/...png\nleft/..png,right/..png\n")
    assert infer(["--list", str(pairs / "list.csv"), "--output", str(out), "--checkpoint", checkpoint]) == 0
    assert len(list(out.iterdir())) == 4
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_folders_whose_names_do_not_fit_are_shown(pairs: Path, checkpoint: str) -> None:
    for name in "ab":
        (pairs / f"left/{name}.png").rename(pairs / f"left/{name}_left.png")
    message = r"left has a_left\.png, b_left\.png; right has a\.png, b\.png"
    with pytest.raises(DataError, match=message):
        infer([str(pairs / "left"), str(pairs / "right"), "--output", str(pairs / "out"), "--checkpoint", checkpoint])


def test_a_range_that_is_too_small_is_said_in_one_line_with_the_option(
    pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    near_end = np.full((40, 70), 10, np.float32)
    near_end[:5] = 31
    monkeypatch.setattr("stereo.methods.predictor.Predictor.predict", lambda *_: near_end)
    out = ["--output", str(pairs / "out"), "--checkpoint", checkpoint]
    assert infer([str(pairs / "left/a.png"), str(pairs / "right/a.png"), *out]) == 0
    assert infer([str(pairs / "left"), str(pairs / "right"), *out]) == 0
    one, many = capsys.readouterr().err.strip().splitlines()
    assert one.startswith("warning: ")
    assert "the end of the network's range of 32 px" in one
    assert one.endswith("try --max-disparity 64")
    assert many.startswith("warning: a and 1 more: ")


def test_a_disparity_beyond_16_bits_leaves_the_png_out(
    pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stereo.methods.predictor.Predictor.predict", lambda *_: np.full((40, 70), 300, np.float32))
    out = pairs / "out"
    arguments = [str(pairs / "left/a.png"), str(pairs / "right/a.png"), "--output", str(out)]
    assert infer([*arguments, "--checkpoint", checkpoint]) == 0
    assert _names(out) == ["disparity.pfm", "preview.png"]
    assert "disparity.png is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("left", "right", "options", "error", "message"),
    [
        ("left/a.png", "gone.png", [], DataError, "gone.png"),
        ("left/a.png", "right", [], DataError, "got one of each"),
        ("left", "truth", [], DataError, "truth: holds no image that can be read .but .pfm.; expected .png"),
        ("left", "gone", [], DataError, "gone: no such folder"),
        ("left/a.png", "right/a.png", ["--max-disparity", "100"], ConfigError, "--max-disparity is 100"),
        ("left/a.png", "right/a.png", ["--device", "tpu9"], ConfigError, "tpu9"),
    ],
)
def test_infer_says_what_is_wrong_and_writes_nothing(
    pairs: Path, checkpoint: str, left: str, right: str, options: list[str], error: type[StereoError], message: str
) -> None:
    out = pairs / "out"
    arguments = [str(pairs / left), str(pairs / right), "--output", str(out), "--checkpoint", checkpoint, *options]
    with pytest.raises(error, match=message):
        infer(arguments)
    assert not out.exists() or _names(out) == []


def test_an_output_that_cannot_be_a_folder_is_found_before_the_work(pairs: Path, checkpoint: str) -> None:
    with pytest.raises(OutputError, match=r"pairs\.csv"):
        infer(["--list", str(pairs / "pairs.csv"), "--output", str(pairs / "pairs.csv"), "--checkpoint", checkpoint])


def test_infer_wants_a_pair_or_a_list() -> None:
    for arguments in ([], ["left.png"], ["left.png", "right.png", "--list", "x.csv"]):
        with pytest.raises(SystemExit) as caught:
            infer([*arguments, "--output", "out"])
        assert caught.value.code == 2


# ------------------------------------------------------------------------------------- as a process of its own


def test_a_wrong_request_is_one_line_and_exit_code_2(pairs: Path) -> None:
    for command in (
        ["infer.py", str(pairs / "left/a.png"), str(pairs / "gone.png"), "--output", str(pairs / "out")],
        ["evaluate.py", "--data", "kity2015:x"],
    ):
        finished = subprocess.run(
            [sys.executable, str(REPOSITORY / "scripts" / command[0]), *command[1:]],
            capture_output=True,
            text=True,
            cwd=pairs,
        )
        assert finished.returncode == 2
        assert finished.stdout == ""
        assert finished.stderr.startswith("error: ")
        assert len(finished.stderr.strip().splitlines()) == 1
