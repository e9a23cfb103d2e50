"""infer.py as its users meet it: what is written, what is said, and the exit codes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import REPOSITORY, load_script, textured_sample
from helpers.videos import HEIGHT, WIDTH, pan, read_video, write_images, write_video

from stereo.data.formats import read_disparity, read_image, read_pfm, write_image
from stereo.errors import ConfigError, DataError, OutputError, StereoError
from stereo.methods.method import Prediction
from stereo.methods.predictor import Predictor

infer: Callable[[list[str]], int] = load_script("infer").main


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _predicts(monkeypatch: pytest.MonkeyPatch, disparity: np.ndarray) -> None:
    """Let the network predict this disparity, whatever the pair."""
    monkeypatch.setattr(
        "stereo.methods.predictor.Predictor.predict_samples", lambda _, samples: [Prediction(disparity)] * len(samples)
    )


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


def test_infer_gives_pairs_of_a_list_what_python_gives_each(tmp_path: Path, checkpoint: str) -> None:
    samples = [textured_sample(height, width, 4, width) for height, width in ((33, 47), (33, 47), (70, 110), (48, 64))]
    rows = ["left,right"]
    for number, sample in enumerate(samples):
        for side, image in (("left", sample.left), ("right", sample.right)):
            write_image(tmp_path / f"{side}{number}.png", image)
        rows.append(f"left{number}.png,right{number}.png")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    words = ["--list", str(tmp_path / "list.csv"), "--output", str(tmp_path / "out"), "--batch", "2"]
    assert infer([*words, "--checkpoint", checkpoint, "--device", "cpu"]) == 0
    predictor = Predictor.from_checkpoint(checkpoint, "cpu")
    files = sorted((tmp_path / "out").glob("*/disparity.pfm"))
    for file, sample in zip(files, samples, strict=True):
        np.testing.assert_allclose(read_pfm(file), predictor.predict(sample.left, sample.right), atol=1e-4)


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


def test_a_tilde_in_quotes_is_the_home_folder(
    pairs: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(pairs))
    (pairs / "my calib.txt").write_text(
        "cam0=[100 0 35; 0 100 20; 0 0 1]\ncam1=[100 0 35; 0 100 20; 0 0 1]\ndoffs=0\nbaseline=100\n"
    )
    out = ["--output", "~/out", "--checkpoint", checkpoint, "--no-preview", "--formats", "npy"]
    for images in (["~/left/a.png", "~/right/a.png"], ["~/left", "~/right"], ["~/left/*.png", "~/right/*.png"]):
        assert infer([*images, *out, "--calib", "~/my calib.txt"]) == 0
    assert infer(["--list", "~/pairs.csv", "--root", "~", *out]) == 0
    assert len(list((pairs / "out").rglob("disparity.npy"))) == 5
    assert len(list((pairs / "out").rglob("cloud.ply"))) == 3
    with pytest.raises(StereoError, match="no such checkpoint"):
        infer([*images, *out, "--checkpoint", "~nobody-of-that-name/weights.pt"])


def test_hostile_names_stay_below_the_output_and_hidden_files_are_no_views(pairs: Path, checkpoint: str) -> None:
    long = 240 * "n"
    for side in ("left", "right"):
        for name in ("...png", "._a.png", "C:\\x\n*.png", f"{long}.png"):
            shutil.copy(pairs / side / "a.png", pairs / side / name)
    out = pairs / "deep/out"
    options = ["--output", str(out), "--checkpoint", checkpoint, "--flat", "--confidence", "--formats", "pfm"]
    assert infer([str(pairs / "left"), str(pairs / "right"), *options]) == 0
    names = {name.removesuffix(".pfm") for name in _names(out) if name.endswith(".pfm") and "confidence" not in name}
    assert {"C_x_", "a", "b"} < names
    assert len(names) == 4
    assert max(map(len, names)) <= 200
    (pairs / "list.csv").write_text("left/...png,right/...png\n")  # what a list names is a view
    assert infer(["--list", str(pairs / "list.csv"), *options]) == 0
    assert len([name for name in _names(out) if name.startswith("00001")]) == 4
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_folders_whose_names_do_not_fit_are_shown(pairs: Path, checkpoint: str) -> None:
    for name in "ab":
        (pairs / f"left/{name}.png").rename(pairs / f"left/{name}_one.png")
    message = r"left has a_one\.png, b_one\.png; right has a\.png, b\.png"
    with pytest.raises(DataError, match=message):
        infer([str(pairs / "left"), str(pairs / "right"), "--output", str(pairs / "out"), "--checkpoint", checkpoint])


def test_a_range_that_is_too_small_is_said_in_one_line_with_the_option(
    pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    near_end = np.full((40, 70), 10, np.float32)
    near_end[:5] = 31
    _predicts(monkeypatch, near_end)
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
    _predicts(monkeypatch, np.full((40, 70), 300, np.float32))
    out = pairs / "out"
    arguments = [str(pairs / "left/a.png"), str(pairs / "right/a.png"), "--output", str(out)]
    assert infer([*arguments, "--checkpoint", checkpoint]) == 0
    assert _names(out) == ["disparity.pfm", "preview.png"]
    assert "disparity.png is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("left", "right", "options", "error", "message"),
    [
        ("left/a.png", "gone.png", [], DataError, "gone.png"),
        ("left/a.png", "right", [], DataError, "got image and a folder"),
        ("left", "truth", [], DataError, "truth: holds no image that can be read .but .pfm.; expected .png"),
        ("left", "gone", [], DataError, "gone: no such image or folder"),
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


# -------------------------------------------------------------------------------------------------- its options


def _one(pairs: Path, checkpoint: str, *options: str) -> Path:
    """Run it on the pair a, and return the folder of the results."""
    out = pairs / "out"
    images = [str(pairs / "left/a.png"), str(pairs / "right/a.png")]
    assert infer([*images, "--output", str(out), "--checkpoint", checkpoint, *options]) == 0
    return out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("--formats npy --no-preview", "disparity.npy"),
        ("--formats png --no-preview --flat", "a.png"),
        ("--confidence", "confidence.pfm confidence.png"),
        ("--right", "consistent.png disparity_right.pfm disparity_right.png"),
        ("--labels --fill --colormap magma --preview-range 0 20", "labels.png"),
        ("--focal 100 --baseline 120 --calib-unit mm --max-depth 5 --max-jump 0", "cloud.ply depth.npy depth.png"),
        ("--scale 0.9 --max-memory 8GB --batch 2 --check off", ""),
        ("--band-rows 128 --band-columns 160", ""),
        ("--vertical", ""),
    ],
)
def test_each_option_writes_its_files(pairs: Path, checkpoint: str, options: str, names: str) -> None:
    out = _one(pairs, checkpoint, *options.split())
    assert _names(out) == sorted([*names.split(), *([] if "--no-preview" in options else THREE)])
    for path in out.glob("*disparity.pfm"):
        assert read_pfm(path).shape == (40, 70)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (37, 101), (101, 37), (131, 64)])
@pytest.mark.parametrize("kind", ["color", "gray", "16 bits", "alpha"])
def test_images_of_any_size_and_kind(pairs: Path, checkpoint: str, height: int, width: int, kind: str) -> None:
    sample = textured_sample(height, width, 5)
    for side, image in (("left", sample.left), ("right", sample.right)):
        stored = {
            "color": image,
            "gray": image[..., 0],
            "16 bits": image.astype(np.uint16) * 257,
            "alpha": np.dstack([image, image[..., :1]]),
        }[kind]
        cv2.imwrite(str(pairs / side / "a.png"), np.asarray(stored))
    out = _one(pairs, checkpoint, "--labels", "--right", "--confidence")
    for name in ("disparity", "disparity_right", "confidence"):
        assert read_pfm(out / f"{name}.pfm").shape == (height, width)
    assert read_image(out / "labels.png").shape == (height, width, 3)


def test_numbers_give_depth_in_meters_and_say_what_was_taken(
    pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = _one(pairs, checkpoint, "--focal", "100", "--baseline", "0.12", "--doffs", "2")
    np.testing.assert_allclose(np.load(out / "depth.npy"), 12 / (read_pfm(out / "disparity.pfm") + 2), rtol=1e-5)
    assert "note: the principal point is taken to be the middle of the image" in capsys.readouterr().err


@pytest.mark.parametrize("scale", [1, 2])
def test_a_calib_txt_gives_the_depth_of_its_readme_at_full_and_half_size(
    pairs: Path, checkpoint: str, scale: int, capsys: pytest.CaptureFixture[str]
) -> None:
    calib = pairs / "calib.txt"
    f, cx, cy = 100 * scale, 35 * scale, 20 * scale
    calib.write_text(
        f"cam0=[{f} 0 {cx}; 0 {f} {cy}; 0 0 1]\ncam1=[{f} 0 {cx}; 0 {f} {cy}; 0 0 1]\ndoffs={3 * scale}\n"
        f"baseline=193.001\nwidth={70 * scale}\nheight={40 * scale}\n"
    )
    out = _one(pairs, checkpoint, "--calib", str(calib))
    disparity = read_pfm(out / "disparity.pfm").astype(np.float64) * scale  # as at the calibration's size
    millimeters = 193.001 * f / (disparity + 3 * scale)
    np.testing.assert_allclose(np.load(out / "depth.npy"), millimeters / 1000, rtol=1e-5)
    assert ("is scaled to 70×40" in capsys.readouterr().err) == (scale == 2)


def test_both_views_in_one_image(pairs: Path, checkpoint: str) -> None:
    expected = read_pfm(_one(pairs, checkpoint) / "disparity.pfm")
    views = [read_image(pairs / side / "a.png") for side in ("left", "right")]
    for layout, axis in (("side-by-side", 1), ("top-bottom", 0)):
        write_image(pairs / "both.png", np.concatenate(views, axis=axis))
        out = pairs / layout
        arguments = [str(pairs / "both.png"), "--layout", layout, "--output", str(out), "--checkpoint", checkpoint]
        assert infer(arguments) == 0
        np.testing.assert_array_equal(read_pfm(out / "disparity.pfm"), expected)


def test_patterns_and_resumption(pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = pairs / "out"
    arguments = [str(pairs / "left/*.png"), str(pairs / "right/*.png"), "--output", str(out)]
    arguments += ["--checkpoint", checkpoint, "--skip-existing"]
    assert infer(arguments) == 0
    (out / "b/disparity.pfm").unlink()
    before = (out / "a/disparity.pfm").stat().st_mtime_ns
    capsys.readouterr()
    assert infer(arguments) == 0
    said = capsys.readouterr().out
    assert "wrote 1 of 2 pairs" in said
    assert "skipped 1 whose files are there already" in said
    assert (out / "b/disparity.pfm").exists()
    assert (out / "a/disparity.pfm").stat().st_mtime_ns == before
    assert infer(arguments) == 0  # nothing is left to do


def test_flat_files_of_two_pairs_must_not_have_one_name(pairs: Path, checkpoint: str) -> None:
    for side in ("left", "right"):
        shutil.copy(pairs / side / "a.png", pairs / side / "a.preview.png")
    with pytest.raises(ConfigError, match=r"a\.preview\.png would belong to a and to a\.preview"):
        infer([str(pairs / "left"), str(pairs / "right"), "--output", str(pairs / "out"), "--flat"])


@pytest.mark.parametrize(
    "options",
    [
        ["left.png"],
        ["left.png", "right.png", "third.png"],
        ["left.png", "right.png", "--layout", "top-bottom"],
        ["left.png", "right.png", "--focal", "700"],
        ["left.png", "right.png", "--focal", "700", "--baseline", "0.1", "--calib", "x.txt"],
        ["left.png", "right.png", "--rectify"],
        ["left.png", "right.png", "--calib", "a", "b", "c"],
        ["left.png", "right.png", "--vertical", "--calib", "a"],
        ["left.png", "right.png", "--max-memory", "4GB", "--band-rows", "128"],
        ["left.png", "right.png", "--formats", "exr"],
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(options: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        infer([*options, "--output", "out"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-memory", "lots"], "expected a size such as 4GB"),
        (["--scale", "50"], "the scale is 50"),
        (["--batch", "0"], "--batch is 0"),
        (["--calib", "gone.txt"], "gone.txt"),
        (["--focal", "700", "--baseline", "120"], "say its unit"),
        (["--focal", "700", "--baseline", "1", "--cx", "3", "--cy", "4"], "principal point"),
    ],
)
def test_values_that_cannot_be_are_named(pairs: Path, checkpoint: str, options: list[str], message: str) -> None:
    with pytest.raises(StereoError, match=message):
        _one(pairs, checkpoint, *options)


# ------------------------------------------------------------------------------------- as a process of its own


@pytest.mark.slow
def test_processes_share_a_list_and_all_tell_what_failed(pairs: Path, checkpoint: str) -> None:
    (pairs / "left/b.png").write_bytes(b"broken")
    rows = 3 * ["left/a.png,right/a.png"] + ["left/b.png,right/b.png"]
    (pairs / "many.csv").write_text("\n".join(rows))
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *(str(REPOSITORY / "scripts/infer.py"), "--list", str(pairs / "many.csv"), "--output", str(pairs / "out")),
            *("--checkpoint", checkpoint, "--device", "cpu"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert finished.returncode == 1
    assert "wrote 3 of 4 pairs" in finished.stdout
    assert "failed: 00004_pairs_left_b" in finished.stderr
    assert len(list((pairs / "out").glob("*/disparity.pfm"))) == 3


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


# --------------------------------------------------------------------------------------------------------- videos


@pytest.fixture
def videos(tmp_path: Path) -> list[str]:
    """The left and the right video of a pan."""
    return [write_video(tmp_path / name, views) for name, views in zip(("left.mkv", "right.mkv"), pan(), strict=True)]


def test_two_videos_become_one_and_files_of_frames(
    videos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _predicts(monkeypatch, np.full((HEIGHT, WIDTH), 4, np.float32))
    out = tmp_path / "out"
    camera = ["--focal", "100", "--baseline", "0.1", "--min-confidence", "0"]
    assert infer([*videos, "--output", str(out), "--frame-files", "--first", "1", "--last", "2", *camera]) == 0
    assert len(read_video(out / "disparity.mp4")[0]) == 2
    files = {"cloud.ply", "depth.npy", "depth.png", *THREE}
    assert _names(out) == sorted({"disparity.mp4"} | {f"{number:06d}/{name}" for number in (1, 2) for name in files})
    assert np.load(out / "000001/depth.npy") == pytest.approx(100 * 0.1 / 4)
    assert "wrote disparity.mp4 of 2 frames" in capsys.readouterr().out


def test_images_by_a_pattern_become_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: str) -> None:
    _predicts(monkeypatch, np.full((HEIGHT, WIDTH), 4, np.float32))
    patterns = [write_images(tmp_path / side, views) for side, views in zip(("left", "right"), pan(), strict=True)]
    out = ["--output", str(tmp_path / "out"), "--checkpoint", checkpoint]
    assert infer([*patterns, *out, "--video", "--frame-rate", "5", "--every", "2"]) == 0
    frames, rate = read_video(tmp_path / "out/disparity.mp4")
    assert (len(frames), rate) == (3, 5)
    for options, message in (
        (["--vertical"], "--vertical: is for images alone"),
        (["--frame-rate", "0"], "is 0 a second"),
    ):
        with pytest.raises(ConfigError, match=message):
            infer([*patterns, *out, "--video", *options])
    with pytest.raises(ConfigError, match="not a list"):
        infer(["--list", str(tmp_path / "pairs.csv"), *out, "--video"])


def test_a_video_without_its_other_view_is_asked_for(videos: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        infer([videos[0], "--output", str(tmp_path / "out")])
    with pytest.raises(DataError, match="no such video"):
        infer([videos[0], str(tmp_path / "gone.mkv"), "--output", str(tmp_path / "out")])
