"""The two scripts as their users meet them: what is written, what is said, and the exit codes."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import REPOSITORY, SHARED, load_script, textured_sample, tiny_config, truth_of

from stereo.checkpoint import save_checkpoint
from stereo.data.formats import read_disparity, read_pfm, write_image, write_pfm
from stereo.errors import ConfigError, DataError, OutputError, StereoError
from stereo.model.network import StereoNetwork

infer: Callable[[list[str]], int] = load_script("infer").main
evaluate: Callable[[list[str]], int] = load_script("evaluate").main


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny network that has learnt nothing."""
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    config = tiny_config(path.parent)
    save_checkpoint(path, StereoNetwork(config.model), config, step=0)
    return str(path)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Folders left, right and truth with the pairs a and b, and pairs.csv."""
    rows = []
    for seed, name in enumerate("ab"):
        sample = textured_sample(40, 70, 6 + seed, seed)
        for side, image in (("left", sample.left), ("right", sample.right)):
            (tmp_path / side).mkdir(exist_ok=True)
            write_image(tmp_path / side / f"{name}.png", image)
        (tmp_path / "truth").mkdir(exist_ok=True)
        write_pfm(tmp_path / "truth" / f"{name}.pfm", truth_of(sample).disparity)
        rows.append([f"left/{name}.png", f"right/{name}.png", f"truth/{name}.pfm"])
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


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
    assert sorted(path.name for path in out.iterdir()) == ["_", "__", "a", "b"]
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


# ------------------------------------------------------------------------------------------------------- evaluate


def test_evaluate_prints_a_table_and_writes_the_report(
    pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = f"pairs:{pairs / 'pairs.csv'}"
    out = pairs / "out"
    assert evaluate(["--data", data, "--checkpoint", checkpoint, "--output", str(out), "--previews", "2"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["checkpoint"] == checkpoint
    assert report["config"]["model"]["max_disparity"] == 32
    (result,) = report["results"]
    assert (result["data"], result["method"], result["protocol"]) == (data, "network", "all")
    assert result["region"] == "all"
    assert (result["images"], result["skipped"], result["pixels"]) == (2, 0, 2 * 40 * 70)
    assert sorted(path.name[:7] for path in (out / "previews/01_pairs").iterdir()) == ["first1_", "worst1_"]
    assert f"{result['epe']:.3f}" in capsys.readouterr().out


def test_evaluate_sgbm_with_a_given_and_with_the_true_range(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = f"pairs:{pairs / 'pairs.csv'}"
    out = pairs / "out"
    assert evaluate(["--data", data, "--method", "sgbm", "--max-disparity", "32"]) == 0
    assert not out.exists()
    assert evaluate(["--data", data, "--method", "sgbm", "--sgbm-range", "true", "--output", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["checkpoint"] is None
    assert report["results"][0]["method"] == "sgbm (true range)"
    assert report["results"][0]["epe"] < 0.5
    assert "sgbm (true range)" in capsys.readouterr().out


def test_evaluate_and_infer_give_the_same_disparities(pairs: Path, checkpoint: str) -> None:
    """Batch normalization is folded in both, the range is the same, and what infer.py wrote can be evaluated."""
    arguments = ["--checkpoint", checkpoint, "--max-disparity", "48"]
    data = ["--data", f"pairs:{pairs / 'pairs.csv'}", "--previews", "0"]
    assert infer(["--list", str(pairs / "pairs.csv"), "--output", str(pairs / "inferred"), *arguments]) == 0
    assert evaluate([*data, "--output", str(pairs / "network"), *arguments]) == 0
    stored = ["--method", f"predictions:{pairs / 'inferred'}"]
    assert evaluate([*data, "--output", str(pairs / "stored"), *stored]) == 0
    network, predictions = (json.loads((pairs / name / "report.json").read_text()) for name in ("network", "stored"))
    assert network["settings"]["max_disparity"] == network["config"]["model"]["max_disparity"] == 48
    assert predictions["settings"]["folder"] == str(pairs / "inferred")
    for key in ("images", "epe", "rmse", "bad_05", "d1"):
        assert network["results"][0][key] == predictions["results"][0][key]


def test_evaluate_takes_settings_of_the_data_and_states_them(pairs: Path) -> None:
    (pairs / "names.txt").write_text("b\n")
    data = f"pairs:{pairs / 'pairs.csv'}"
    options = ["--method", "sgbm", "--max-disparity", "16", "--names", str(pairs / "names.txt"), "--quiet"]
    assert evaluate(["--data", data, "check_views=false", "--output", str(pairs / "out"), *options]) == 0
    report = json.loads((pairs / "out/report.json").read_text())
    assert [row["name"] for row in report["results"][0]["per_image"]] == ["pairs/left/b"]
    stated = report["data"][data]
    assert (stated["check_views"], stated["names"]) == (False, str(pairs / "names.txt"))
    assert "check_views=false" in report["command"]


def test_an_evaluation_that_scores_nothing_is_no_success(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        write_pfm(pairs / f"truth/{name}.pfm", np.zeros((40, 70), np.float32))
    assert evaluate(["--data", f"pairs:{pairs / 'pairs.csv'}", "--method", "sgbm", "--max-disparity", "16"]) == 1
    captured = capsys.readouterr()
    assert "nan" not in captured.out
    assert captured.err.strip().endswith("nothing was scored, none of 2 images has a pixel that counts")


def test_a_prediction_that_is_missing_is_named(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "stored").mkdir()
    write_pfm(pairs / "stored/pairs_left_a.pfm", np.full((40, 70), 6, np.float32))
    data = ["--data", f"pairs:{pairs / 'pairs.csv'}"]
    assert evaluate([*data, "--method", f"predictions:{pairs / 'stored'}"]) == 1
    assert "failed: pairs/left/b: has no prediction: looked for" in capsys.readouterr().err


def test_evaluate_names_what_fails_and_goes_on(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "truth/b.pfm").write_text("broken")
    assert evaluate(["--data", f"pairs:{pairs / 'pairs.csv'}", "--method", "sgbm", "--max-disparity", "16"]) == 1
    captured = capsys.readouterr()
    assert "b.pfm" in captured.err
    assert len(captured.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "midlebury2014:x"], "did you mean 'middlebury2014'"),
        (["--data", "kitti2015"], "needs a path, as in kitti2015:"),
        (["--data", "synthetic:x"], "synthetic takes no path"),
        (["--data", "pairs:gone.csv"], "gone.csv"),
        (["--data", "synthetic", "--protocol", "psmmet"], "unknown protocol 'psmmet', expected one of all"),
        (["--data", "synthetic", "--limit", "0"], "limit is 0"),
        (["--data", "synthetic", "--checkpoint", "gone.pt"], "gone.pt"),
        (["--data", "synthetic", "--max-disparity", "100"], "--max-disparity is 100"),
        (["--data", "synthetic", "--previews", "-1"], "--previews is -1, expected 0 or more"),
        (["--data", "synthetic", "--method", "predictions:gone"], "gone: no such folder of predictions"),
    ],
)
def test_evaluate_says_what_is_wrong(arguments: list[str], message: str) -> None:
    with pytest.raises(StereoError, match=message):
        evaluate(arguments)


@pytest.mark.parametrize(
    "options",
    [
        ["--sgbm-range", "true"],
        ["--method", "sgbm", "--checkpoint", "x.pt"],
        ["--method", "sgbm", "--sgbm-range", "true", "--max-disparity", "64"],
        ["--method", "bm"],
        ["--method", "predictions:x", "--checkpoint", "x.pt"],
    ],
)
def test_options_that_contradict_each_other_are_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        evaluate(["--data", "synthetic", *options])
    assert caught.value.code == 2


def test_sgbm_on_a_real_pair(tmp_path: Path) -> None:
    folder = SHARED / "real" / "middlebury2003"
    if not folder.is_dir():
        pytest.skip(f"needs the real pairs in {folder}")
    arguments = ["--data", f"middlebury2003:{folder}", "--method", "sgbm", "--max-disparity", "64"]
    assert evaluate([*arguments, "--output", str(tmp_path), "--previews", "0"]) == 0
    (result,) = json.loads((tmp_path / "report.json").read_text())["results"]
    assert result["bad_2"] < 12  # 9.2 % when this was written
    assert not (tmp_path / "previews").exists()


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
