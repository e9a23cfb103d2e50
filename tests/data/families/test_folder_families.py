"""The data sets that layouts describe, each on a pair written in its own folders and encoding."""

import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import REPOSITORY, occluded_of, right_disparity_of, textured_sample, truth_of, with_truth
from helpers.folder_sets import FILES, make_files, make_png16
from helpers.trees import make_gray

from stereo.config import FOLDER_FAMILIES, DatasetConfig, FolderFamily
from stereo.data import pairs
from stereo.data.datasets import StereoDataset, build_dataset, describe, layout_of
from stereo.data.recognition import recognize
from stereo.data.sample import Calibration, StereoSample
from stereo.errors import DataError, FormatError

# Half of it is unknown, so that an invalid value is told from a known one. 12.5 px would not be a whole shift.
SAMPLE = textured_sample(40, 72, 12)
KNOWN = np.broadcast_to(np.arange(40)[:, None] < 20, (40, 72))
SAMPLE = with_truth(SAMPLE, valid=KNOWN, disparity=np.where(KNOWN, truth_of(SAMPLE).disparity, np.float32(0)))
# Those of which test_real_families.py reads a real pair.
TRIED = ("tartanair", "scared", "argoverse")
CALIBRATIONS: dict[FolderFamily, Calibration] = {
    "tartanair": Calibration(320.0, 0.25, cx=320.0, cy=240.0),
    "vkitti2": Calibration(725.0087, 0.532725, cx=620.5, cy=187.0),
    "spring": Calibration(2100.0, 0.065, cx=960.0, cy=540.0),
    "falling_things": Calibration(768.2, 0.06, cx=480.0, cy=270.0),
    "middlebury2021": Calibration(1700.0, 0.111, cx=900.0, cy=500.0),
}


def load(family: FolderFamily, path: Path, right: bool = False, **settings: object) -> StereoDataset:
    return build_dataset(DatasetConfig(family=family, path=str(path), **settings), right)  # type: ignore[arg-type]


@pytest.fixture(params=FOLDER_FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path: Path) -> FolderFamily:
    library = FILES[request.param].library
    if library is not None:
        pytest.importorskip(library)
    make_files(tmp_path, request.param, SAMPLE)
    return request.param


def test_views_ground_truth_and_calibration(family: FolderFamily, tmp_path: Path) -> None:
    dataset = pickle.loads(pickle.dumps(load(family, tmp_path)))  # as where a loader's workers are not forked
    sample: StereoSample = dataset[0]
    assert list(dataset.names) == [sample.name] == [f"{family}/{FILES[family].name}"]
    truth = truth_of(sample)
    np.testing.assert_array_equal(truth.valid, KNOWN)
    # Depth in whole centimeters leaves the largest error.
    np.testing.assert_allclose(truth.disparity, np.where(KNOWN, 12, 0), atol=0.005)
    if not FILES[family].left.endswith(".jpg"):
        np.testing.assert_array_equal(sample.left, SAMPLE.left)
        np.testing.assert_array_equal(sample.right, SAMPLE.right)
    assert sample.calibration == CALIBRATIONS.get(family)


def test_any_folder_above_the_views_gives_the_same_names(family: FolderFamily, tmp_path: Path) -> None:
    unpacked = tmp_path / "archive" / "archive"
    shutil.copytree(tmp_path, unpacked)
    left = unpacked / FILES[family].left
    for path in (unpacked.parent, unpacked, left.parent):
        assert load(family, path).names == [f"{family}/{FILES[family].name}"]
    with pytest.raises(DataError, match=r"is the pair \S+, which \S+ is too; give the path of the folder of one copy"):
        load(family, tmp_path)


def test_it_is_recognized(family: FolderFamily, tmp_path: Path) -> None:
    found = recognize(tmp_path)
    assert [(part.family, part.problems) for part in found.parts] == [(family, [])]
    assert found.parts[0].lines[0].startswith(family)
    assert found.unrecognized == []


def test_missing_files_are_named(family: FolderFamily, tmp_path: Path) -> None:
    (tmp_path / FILES[family].right).unlink()
    with pytest.raises(DataError, match=r"has no partner: the right view should be \S+, which does not exist"):
        load(family, tmp_path)
    shutil.rmtree(tmp_path / Path(FILES[family].left).parts[0])
    with pytest.raises(DataError, match=rf"no pair of {family}( \(\w+\))? found; looked for .*\{{\w+\}}"):
        load(family, tmp_path)


def test_a_broken_file_is_named(family: FolderFamily, tmp_path: Path) -> None:
    path = tmp_path / FILES[family].truth
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(FormatError, match=Path(FILES[family].truth).name) as caught:
        load(family, tmp_path)[0]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", FOLDER_FAMILIES)
def test_a_module_is_short_and_of_its_name(family: FolderFamily) -> None:
    lines = (REPOSITORY / "stereo" / "data" / "families" / f"{family}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert layout_of(family).family == family


def test_the_documentation_has_all_of_them() -> None:
    page = (REPOSITORY / "data" / "README.md").read_text(encoding="utf-8")
    for family in FOLDER_FAMILIES:
        layout, source = (row for row in page.splitlines() if row.startswith(f"| `{family}` |"))
        assert layout.endswith("| yes |" if family in TRIED else "| no |")
        assert "<http" in source


# ---------------------------------------------------------------------------------------------- what some have alone


def test_an_incomplete_set_is_recognized_once(tmp_path: Path) -> None:
    make_files(tmp_path, "unrealstereo4k", SAMPLE)
    for scene in ("00004", "00005"):
        shutil.copytree(tmp_path / "00003", tmp_path / scene)
    (tmp_path / "00004" / "Image1" / "00942.png").unlink()
    (tmp_path / "notes").mkdir()
    found = recognize(tmp_path)
    assert [part.family for part in found.parts] == ["unrealstereo4k"]
    problem = str(found.parts[0].incomplete["unrealstereo4k/00004/00942"])
    assert "00004/Image1/00942.png, which does not exist" in problem
    assert found.unrecognized == [tmp_path / "notes"]


def test_splits(tmp_path: Path) -> None:
    make_files(tmp_path, "scared", SAMPLE)
    shutil.copytree(tmp_path / "train", tmp_path / "validation")
    assert load("scared", tmp_path, split="train").names == ["scared/train/a"]
    assert load("scared", tmp_path, split="test").names == ["scared/validation/a"]
    assert len(load("scared", tmp_path)) == 2
    assert [part.lines[0].partition(",")[0] for part in recognize(tmp_path).parts] == [
        "scared (train): 1 pair",
        "scared (test): 1 pair",
    ]
    shutil.rmtree(tmp_path / "validation")
    with pytest.raises(DataError, match=r"no pair of scared \(test\) found.*found the split train"):
        load("scared", tmp_path, split="test")


def test_views_without_ground_truth_are_counted(tmp_path: Path) -> None:
    make_files(tmp_path, "argoverse", SAMPLE)
    images = tmp_path / "rectified_stereo_images_v1.1"
    shutil.copytree(images / "train", images / "test")
    dataset = load("argoverse", tmp_path)
    assert len(dataset) == 1
    assert describe(dataset)[1].startswith("  1 folder of views without ground truth not used: ")
    shutil.rmtree(tmp_path / "disparity_maps_v1.1")
    with pytest.raises(DataError, match=r"found \S+ without ground truth"):
        load("argoverse", tmp_path)


def test_hidden_files_are_no_views(tmp_path: Path) -> None:
    make_files(tmp_path, "crestereo", SAMPLE)
    (tmp_path / "hole" / "._0a_left.jpg").write_bytes(b"Mac OS X")
    assert len(load("crestereo", tmp_path)) == 1


def test_tartanair_with_and_without_its_doubled_folder(tmp_path: Path) -> None:
    make_files(tmp_path, "tartanair", SAMPLE)
    shutil.move(tmp_path / "soulcity" / "soulcity", tmp_path / "ocean")
    make_files(tmp_path, "tartanair", SAMPLE)
    names = ["tartanair/ocean/Hard/P003/000012", "tartanair/soulcity/Hard/P003/000012"]
    assert load("tartanair", tmp_path).names == names
    assert [part.dataset.names for part in recognize(tmp_path).parts if part.dataset is not None] == [names]


def test_irs_is_recognized_among_many_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "Office" / "Room"
    folder.mkdir(parents=True)
    for frame in range(1, 100):
        for name in (f"d_{frame}.exr", f"l_{frame}.png", f"n_{frame}.exr", f"r_{frame}.png"):
            (folder / name).touch()
    assert [part.lines[0].partition(",")[0] for part in recognize(tmp_path).parts] == ["irs: 99 pairs"]


def test_sintel_has_two_passes_and_two_masks(tmp_path: Path) -> None:
    make_files(tmp_path, "sintel", SAMPLE)
    training = tmp_path / "training"
    with pytest.raises(DataError, match=r"no pair of sintel \(finalpass\) found.*found the rendering clean"):
        load("sintel", tmp_path, rendering="finalpass")
    for side in ("left", "right"):
        shutil.copytree(training / f"clean_{side}", training / f"final_{side}")
    assert load("sintel", tmp_path, rendering="finalpass").names == load("sintel", tmp_path).names
    found = [part.lines[0].partition(",")[0] for part in recognize(tmp_path).parts]
    assert found == ["sintel (cleanpass): 1 pair", "sintel (finalpass): 1 pair"]
    columns = np.flatnonzero(occluded_of(load("sintel", tmp_path)[0])[0])
    np.testing.assert_array_equal(columns, [*range(8), *range(20, 28)])
    assert not occluded_of(load("sintel", tmp_path)[0])[30].any()  # nothing is known there
    for folder in ("occlusions", "outofframe"):
        shutil.rmtree(training / folder)
    assert truth_of(load("sintel", tmp_path)[0]).occluded is None


def test_scared_marks_what_its_mask_does_not(tmp_path: Path) -> None:
    make_files(tmp_path, "scared", SAMPLE)
    (tmp_path / "train" / "occlusion").mkdir()
    mask = np.where(np.arange(72) < 12, 128, 255) * np.ones((40, 1))
    make_gray(tmp_path / "train" / "occlusion" / "a.png", mask)
    np.testing.assert_array_equal(occluded_of(load("scared", tmp_path)[0]), KNOWN & (np.arange(72) < 12))


def test_the_right_views_ground_truth_on_request(tmp_path: Path) -> None:
    make_files(tmp_path, "unrealstereo4k", SAMPLE)
    shutil.copytree(tmp_path / "00003" / "Disp0", tmp_path / "00003" / "Disp1")
    assert truth_of(load("unrealstereo4k", tmp_path)[0]).disparity_right is None
    right = right_disparity_of(load("unrealstereo4k", tmp_path, right=True)[0])
    np.testing.assert_array_equal(right, np.where(KNOWN, 12, 0))


@pytest.mark.parametrize(("width", "scale"), [(881, 256), (1762, 128)])
def test_the_scale_of_drivingstereo_depends_on_the_size(tmp_path: Path, width: int, scale: int) -> None:
    files = FILES["drivingstereo"]
    make_files(tmp_path, "drivingstereo", textured_sample(32, width, 12))
    make_png16(tmp_path / files.truth, np.full((32, width), 12 * scale))
    assert (truth_of(load("drivingstereo", tmp_path)[0]).disparity == 12).all()


@pytest.mark.parametrize(
    ("folders", "name"),
    [
        (["test-left-image/left-image-half-size", "test-right-image/right-image-half-size"], "test/a"),
        (["foggy/left-image-full-size", "foggy/right-image-full-size"], "foggy/a"),
        (["test-left-image/2018-07-11", "test-right-image/2018-07-11"], "test/2018-07-11/a"),
    ],
)
def test_the_test_half_of_drivingstereo(tmp_path: Path, folders: list[str], name: str) -> None:
    for folder in (*folders, folders[0].replace("left-image", "disparity-map")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").touch()
    assert load("drivingstereo", tmp_path, split="test").names == [f"drivingstereo/{name}"]
    with pytest.raises(DataError, match="found the split test"):
        load("drivingstereo", tmp_path, split="train")


def test_falling_things_single_and_without_cameras(tmp_path: Path) -> None:
    make_files(tmp_path, "falling_things", SAMPLE)
    shutil.move(tmp_path / "mixed", tmp_path / "single" / "002_master_chef_can_16k")
    dataset = load("falling_things", tmp_path)
    assert dataset.names == ["falling_things/single/002_master_chef_can_16k/kitchen_0/000003"]
    (settings,) = tmp_path.rglob("_camera_settings.json")
    for text in ("{}", "[1]", '{"camera_settings": [{"intrinsic_settings": {"fx": 0}}]}'):
        settings.write_text(text)
        with pytest.raises(FormatError, match=r"_camera_settings\.json: has no camera_settings with"):
            dataset[0]


def test_spring_wants_a_line_of_each_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    make_files(tmp_path, "spring", SAMPLE)
    cameras = tmp_path / "train" / "0005" / "cam_data"
    (cameras / "intrinsics.txt").write_text("2000 2000 960 540\n")
    monkeypatch.setattr(pairs, "_warned", False)
    assert load("spring", tmp_path)[0].calibration is None
    assert "intrinsics.txt: has no line 0002 with fx fy cx cy" in caplog.text
    shutil.rmtree(cameras)
    assert load("spring", tmp_path)[0].calibration is None


def test_middlebury_2014_is_not_2021(tmp_path: Path) -> None:
    make_files(tmp_path, "middlebury2021", SAMPLE)
    (tmp_path / "artroom1").rename(tmp_path / "Adirondack-perfect")
    assert [part.family for part in recognize(tmp_path).parts] == ["middlebury2014"]
    with pytest.raises(DataError, match="no pair of middlebury2021"):
        load("middlebury2021", tmp_path)


@pytest.mark.slow
def test_an_index_of_many_pairs_is_made_in_a_second(tmp_path: Path) -> None:
    for scene in range(50):
        for folder in ("Image0", "Image1", "Disp0"):
            (tmp_path / f"{scene:05d}" / folder).mkdir(parents=True)
            for frame in range(450):
                suffix = ".npy" if folder == "Disp0" else ".png"
                (tmp_path / f"{scene:05d}" / folder / f"{frame:05d}{suffix}").touch()
    start = time.process_time()
    assert len(load("unrealstereo4k", tmp_path)) == 22_500
    assert time.process_time() - start < 1
