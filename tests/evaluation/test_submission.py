"""Submissions: what lies in the zip, read by other readers than the ones that wrote it, and when there is none."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import SHARED
from helpers.trees import KITTI_2012, KITTI_2015, flat_sample, make_eth3d, make_kitti, make_middlebury

from stereo.config import DatasetConfig, Family, Half
from stereo.data.datasets import StereoDataset, build_dataset
from stereo.data.sample import Map, StereoSample
from stereo.errors import ConfigError, DataError, OutputError
from stereo.evaluation import submission
from stereo.evaluation.submission import BENCHMARKS, write_submission
from stereo.methods.method import Prediction


class Given:
    """Predicts what it was given, by the pair's name."""

    name = "given"
    settings: Mapping[str, Any] = {}
    device = None
    max_disparity = None

    def __init__(self, maps: dict[str, Map] | Map) -> None:
        self.maps = maps

    def predict_sample(self, sample: StereoSample) -> Prediction:
        disparity = self.maps[sample.name] if isinstance(self.maps, dict) else self.maps
        return Prediction(disparity.astype(np.float32))


RAMP = np.arange(48, dtype=np.float32).reshape(6, 8)


def halves(family: Family, root: Path, *wanted: Half) -> dict[Half, StereoDataset]:
    return {half: build_dataset(DatasetConfig(family, str(root), half=half)) for half in wanted or ("testing",)}


def read_png(data: bytes) -> np.ndarray:
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert values is not None
    return values


def read_pfm(data: bytes) -> np.ndarray:
    """By the format's definition: three lines, then little-endian floats from the bottom row up."""
    kind, size, scale, values = data.split(b"\n", 3)
    assert (kind, float(scale) < 0) == (b"Pf", True)
    width, height = map(int, size.split())
    return np.frombuffer(values, "<f4").reshape(height, width)[::-1]


@pytest.mark.parametrize(
    ("family", "folders", "names"),
    [
        ("kitti2012", KITTI_2012, ["000000_10.png", "000001_10.png"]),
        ("kitti2015", KITTI_2015, ["disp_0/000000_10.png", "disp_0/000001_10.png"]),
    ],
)
def test_kitti(tmp_path: Path, family: Family, folders: tuple[str, ...], names: list[str]) -> None:
    make_kitti(tmp_path, [flat_sample(1), flat_sample(2)], folders, "testing")
    first = RAMP.copy()
    # px: what 16 bits hold is 1/256 … 65535/256, and 0 would mean unknown
    first[0, :6] = [0, 0.001, 0.003, 10.25, 100.0019, 255.99]
    maps = {f"{family}/000000": first, f"{family}/000001": RAMP + 1}
    done = write_submission(tmp_path / "out.zip", family, halves(family, tmp_path), Given(maps))
    assert list(done.files) == names
    assert [len(seconds) for seconds in done.seconds.values()] == [2]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == names
        values, others = (read_png(archive.read(name)) for name in names)
    assert (values.dtype, values.shape) == (np.uint16, (6, 8))
    assert values[0, :6].tolist() == [1, 1, 1, 2624, 25600, 65533]
    assert (values[1:] == RAMP[1:] * 256).all()
    assert (others == (RAMP + 1) * 256).all()
    complete = BENCHMARKS[family].pairs["testing"]
    assert done.remarks == (f"not complete: holds 2 of the {complete} pairs of the testing half",)


def test_values_beyond_16_bits_are_clamped_with_a_remark(tmp_path: Path) -> None:
    make_kitti(tmp_path, [flat_sample(1), flat_sample(2)], KITTI_2015, "testing")
    far = RAMP.copy()
    far[5, :4] = [255.997, 256, 1000, -3]
    maps = {"kitti2015/000000": RAMP, "kitti2015/000001": far}
    done = write_submission(tmp_path / "out.zip", "kitti2015", halves("kitti2015", tmp_path), Given(maps))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert read_png(archive.read("disp_0/000001_10.png"))[5, :5].tolist() == [65535, 65535, 65535, 1, 44 * 256]
    assert done.remarks[1] == (
        "4 pixels of 1 pair (first kitti2015/000001) lie outside 0 … 255.99 px, which is what 16 bits hold; they are "
        "stored as the nearest value inside"
    )


def test_middlebury(tmp_path: Path) -> None:
    for folder, scene in (("testH", "Plants"), ("testH", "Australia"), ("trainingH", "Piano")):
        make_middlebury(tmp_path, folder, scene, flat_sample())
    far = RAMP * 20.37 - 3  # floats are stored as they are
    both = halves("middlebury2014", tmp_path, "testing", "training")
    done = write_submission(tmp_path / "out.zip", "middlebury2014", both, Given(far), "My-Net.2")
    folders = ["testH/Australia", "testH/Plants", "trainingH/Piano"]
    assert list(done.files) == [
        f"{one}/{file}" for one in folders for file in ("disp0My-Net.2.pfm", "timeMy-Net.2.txt")
    ]
    times = [*done.seconds["testing"], *done.seconds["training"]]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == list(done.files)
        for folder, seconds in zip(folders, times, strict=True):
            np.testing.assert_array_equal(read_pfm(archive.read(f"{folder}/disp0My-Net.2.pfm")), far)
            assert float(archive.read(f"{folder}/timeMy-Net.2.txt")) == pytest.approx(seconds, abs=1e-4)
    assert done.remarks == (
        "not complete: holds 2 of the 15 pairs of the testing half",
        "not complete: holds 1 of the 15 pairs of the training half",
    )


def test_eth3d(tmp_path: Path) -> None:
    make_eth3d(tmp_path, "lakeside_1l", flat_sample(), "testing")
    done = write_submission(tmp_path / "out.zip", "eth3d", halves("eth3d", tmp_path), Given(RAMP))
    assert done.files == ("low_res_two_view/lakeside_1l.pfm", "low_res_two_view/lakeside_1l.txt")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        np.testing.assert_array_equal(read_pfm(archive.read(done.files[0])), RAMP)
        word, seconds = archive.read(done.files[1]).decode().split(" ")
    assert word == "runtime"
    assert float(seconds) == pytest.approx(done.seconds["testing"][0], abs=1e-4)
    assert done.remarks[1] == "not complete: holds 0 of the 27 pairs of the training half (--training adds it)"


def test_a_complete_submission_has_no_remark(tmp_path: Path) -> None:
    for number in range(20):
        make_eth3d(tmp_path, f"far_{number}", flat_sample(), "testing")
    for number in range(27):
        make_eth3d(tmp_path, f"near_{number}", flat_sample())
    both = halves("eth3d", tmp_path, "testing", "training")
    assert write_submission(tmp_path / "out.zip", "eth3d", both, Given(RAMP)).remarks == ()


def test_the_same_predictions_and_times_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_eth3d(tmp_path, "lakeside_1l", flat_sample(), "testing")
    contents = []
    for name, clock in (("one.zip", 0.0), ("other.zip", 5000.0)):
        ticks = iter([clock, clock + 0.25])
        monkeypatch.setattr(submission.time, "perf_counter", lambda ticks=ticks: next(ticks))
        write_submission(tmp_path / name, "eth3d", halves("eth3d", tmp_path), Given(RAMP))
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.read("low_res_two_view/lakeside_1l.txt") == b"runtime 0.2500"


# --------------------------------------------------------------------------------------------------- when there is none


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name not in ("testing", "MiddEval3", "two_view_test")]


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({"kitti2015/000001": RAMP[:, :7]}, r"000001: the prediction is \[6, 7\] \[H, W\], expected \[6, 8\]"),
        ({"kitti2015/000001": np.full((6, 8), np.nan)}, "000001: the prediction holds values that are not finite"),
    ],
)
def test_a_prediction_that_cannot_be_stored(tmp_path: Path, maps: dict[str, Map], message: str) -> None:
    make_kitti(tmp_path, [flat_sample()] * 3, KITTI_2015, "testing")
    maps = {f"kitti2015/00000{number}": RAMP for number in range(3)} | maps
    with pytest.raises(DataError, match=message + ".*no submission was written"):
        write_submission(tmp_path / "out.zip", "kitti2015", halves("kitti2015", tmp_path), Given(maps))
    assert left_behind(tmp_path) == []


def test_a_broken_pair_in_the_middle_leaves_the_zip_of_before(tmp_path: Path) -> None:
    make_kitti(tmp_path, [flat_sample()] * 3, KITTI_2015, "testing")
    right = tmp_path / "testing" / "image_3" / "000001_10.png"
    right.write_bytes(right.read_bytes()[:40])
    (tmp_path / "out.zip").write_text("of an earlier run")
    with pytest.raises(DataError, match=r"kitti2015/000001: .*image_3/000001_10\.png.*no submission was written"):
        write_submission(tmp_path / "out.zip", "kitti2015", halves("kitti2015", tmp_path), Given(RAMP))
    assert left_behind(tmp_path) == ["out.zip"]
    assert (tmp_path / "out.zip").read_text() == "of an earlier run"


def spoil_a_byte(original: Callable[..., str]) -> Callable[..., str]:
    def add(archive: zipfile.ZipFile, name: str, content: bytes) -> str:
        original(archive, name, content[:-1] + bytes([content[-1] ^ 1]))
        return submission.hashlib.sha256(content).hexdigest()

    return add


def forget_a_file(original: Callable[..., str]) -> Callable[..., str]:
    return lambda archive, name, content: "" if name.endswith(".txt") else original(archive, name, content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(spoil_a_byte, r"lakeside_1l\.pfm is not what was put into it"), (forget_a_file, "does not hold the files")],
)
def test_a_zip_that_does_not_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[..., Callable[..., str]], message: str
) -> None:
    make_eth3d(tmp_path, "lakeside_1l", flat_sample(), "testing")
    monkeypatch.setattr(submission, "_add", spoil(submission._add))
    with pytest.raises(OutputError, match=message):
        write_submission(tmp_path / "out.zip", "eth3d", halves("eth3d", tmp_path), Given(RAMP))
    assert left_behind(tmp_path) == []


def test_an_encoder_that_does_not_do_its_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a value wraps around in 16 bits, or the rows come in the wrong order."""
    make_kitti(tmp_path, [flat_sample()], KITTI_2015, "testing")
    write = submission.write_disparity_png16
    for wrong in (lambda values: values[::-1], lambda values: values + 0.004, lambda values: values[:, :4]):
        monkeypatch.setattr(
            submission, "write_disparity_png16", lambda path, values, wrong=wrong: write(path, wrong(values))
        )
        with pytest.raises(OutputError, match="an encoded disparity map is not the one that was predicted"):
            write_submission(tmp_path / "out.zip", "kitti2015", halves("kitti2015", tmp_path), Given(RAMP))
    assert left_behind(tmp_path) == []


def test_two_pairs_of_one_name(tmp_path: Path) -> None:
    make_eth3d(tmp_path, "forest_1s", flat_sample())
    make_eth3d(tmp_path, "forest_1s", flat_sample(), "testing")
    both = halves("eth3d", tmp_path, "testing", "training")
    with pytest.raises(DataError, match=r"two_view_training/forest_1s/im0\.png: its result would be low_res_two"):
        write_submission(tmp_path / "out.zip", "eth3d", both, Given(RAMP))


def test_scenes_that_are_not_of_the_benchmark_or_of_two_resolutions(tmp_path: Path) -> None:
    make_middlebury(tmp_path, "testH", "Plants", flat_sample())
    make_middlebury(tmp_path, "trainingQ", "Piano", flat_sample())
    make_middlebury(tmp_path, "full", "Chess", flat_sample())
    both = halves("middlebury2014", tmp_path / "MiddEval3" / "testH", "testing")
    both |= halves("middlebury2014", tmp_path / "MiddEval3" / "trainingQ", "training")
    with pytest.raises(DataError, match="the scenes are of the resolutions H, Q, and a submission has one"):
        write_submission(tmp_path / "out.zip", "middlebury2014", both, Given(RAMP), "Net")
    both |= halves("middlebury2014", tmp_path / "MiddEval3" / "full", "training")
    with pytest.raises(DataError, match=r"Chess/im0\.png: its scene lies in a folder full, expected one of testF"):
        write_submission(tmp_path / "out.zip", "middlebury2014", both, Given(RAMP), "Net")


@pytest.mark.parametrize("name", ["", "My Net", "../Net", "net/1", "Net_s", "-net", "nét", ".net"])
def test_a_name_that_is_no_plain_word(tmp_path: Path, name: str) -> None:
    make_middlebury(tmp_path, "testH", "Plants", flat_sample())
    with pytest.raises(ConfigError, match=f"the method's name is '{name}', expected one word"):
        write_submission(tmp_path / "out.zip", "middlebury2014", halves("middlebury2014", tmp_path), Given(RAMP), name)


def test_samples_that_are_no_files(tmp_path: Path) -> None:
    drawn = build_dataset(DatasetConfig(limit=1))
    with pytest.raises(DataError, match="not read pair by pair"):
        write_submission(tmp_path / "out.zip", "eth3d", {"testing": drawn}, Given(RAMP))


def test_real_ground_truth_as_a_submission(tmp_path: Path) -> None:
    """The map of KITTI itself, written as a prediction, is KITTI's own file to the last value."""
    source = SHARED / "real" / "kitti2015" / "training"
    if not source.is_dir():
        pytest.skip(f"{source} is not there")
    for folder in ("image_2", "image_3"):
        (tmp_path / "testing").mkdir(exist_ok=True)
        (tmp_path / "testing" / folder).symlink_to(source / folder)
    own = read_png((source / "disp_occ_0" / "000046_10.png").read_bytes())
    write_submission(tmp_path / "out.zip", "kitti2015", halves("kitti2015", tmp_path), Given(own / np.float32(256)))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        stored = read_png(archive.read("disp_0/000046_10.png"))
    np.testing.assert_array_equal(stored, np.maximum(own, 1))
