"""The data sets' own layouts: scale and sign on real pairs, and what is said where a tree is not as expected."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import SHARED, occluded_of, right_disparity_of, truth_of
from helpers.samples import assert_same
from helpers.trees import (
    flat_sample,
    make_disparity,
    make_eth3d,
    make_gray,
    make_image,
    make_kitti,
    make_pair,
    make_scene_flow,
)
from helpers.warping import warp_error

from stereo.config import DatasetConfig, Family, FolderFamily
from stereo.data.datasets import build_dataset, layout_of
from stereo.data.families.eth3d import Eth3d
from stereo.data.families.kitti import Kitti, recognize_year
from stereo.data.families.layout import FolderPairs
from stereo.data.families.middlebury import Middlebury
from stereo.data.families.scene_flow import SceneFlow
from stereo.data.sample import Calibration, StereoSample
from stereo.data.warping import comparable
from stereo.errors import DataError

REAL = SHARED / "real"


def folder_pairs(family: FolderFamily, path: Path) -> FolderPairs:
    return FolderPairs(layout_of(family), path)


@pytest.fixture
def real() -> Path:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there")
    return REAL


# ------------------------------------------------------------------------------------------------------ real pairs


FAMILIES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "middlebury2001": (
        lambda root: Middlebury(root / "middlebury2001", 2001, load_right_disparity=True),
        ["middlebury2001/tsukuba", "middlebury2001/venus"],
    ),
    "middlebury2003": (
        lambda root: Middlebury(root / "middlebury2003", 2003, load_right_disparity=True),
        ["middlebury2003/Cones"],
    ),
    "middlebury2005": (
        lambda root: Middlebury(root / "middlebury2005", 2005, load_right_disparity=True),
        [f"middlebury2005/{scene}" for scene in ("Art", "Books", "Dolls")],
    ),
    "middlebury2006": (
        lambda root: Middlebury(root / "middlebury2006", 2006, load_right_disparity=True),
        [
            f"middlebury2006/{scene}"
            for scene in ("Aloe", "Baby1", "Bowling1", "Cloth1", "Lampshade1", "Midd1", "Rocks1", "Wood1")
        ],
    ),
    "middlebury2014": (
        lambda root: Middlebury(root / "middlebury2014", 2014),
        [
            f"middlebury2014/{scene}"
            for scene in ("Adirondack", "ArtL", "Motorcycle", "Piano", "Pipes", "Playtable", "Teddy")
        ],
    ),
    "kitti2012": (lambda root: Kitti(root / "kitti2012", 2012), ["kitti2012/000000"]),
    "kitti2015": (lambda root: Kitti(root / "kitti2015", 2015), ["kitti2015/000046"]),
    "kitti2015_noc": (lambda root: Kitti(root / "kitti2015_noc", 2015), ["kitti2015/000000"]),
    "eth3d": (lambda root: Eth3d(root / "eth3d"), ["eth3d/playground_1l"]),
    "scene_flow": (
        lambda root: SceneFlow(root / "scene_flow", "test", load_right_disparity=True),
        ["scene_flow/FlyingThings3D/TEST/A/0032/0006"],
    ),
    "scene_flow_sampler": (
        lambda root: SceneFlow(root / "scene_flow_sampler", "test"),
        ["scene_flow/FlyingThings3D/0006"],
    ),
    "scene_flow_train": (
        lambda root: SceneFlow(root / "scene_flow_train", "train"),
        ["scene_flow/FlyingThings3D/TRAIN/A/0000/0006"],
    ),
    "tartanair": (
        lambda root: folder_pairs("tartanair", root / "tartanair"),
        ["tartanair/abandonedfactory/Easy/P000/000000"],
    ),
    "scared": (
        lambda root: folder_pairs("scared", root / "scared"),
        ["scared/train/dataset_1_keyframe_2_frame_data000000"],
    ),
    "argoverse": (lambda root: folder_pairs("argoverse", root / "argoverse"), ["argoverse/test/1/1"]),
}
# The ground truth of so few pixels is known.
SPARSE = {"argoverse/test/1/1": 0.005}
# Their two views differ in exposure on purpose: no warp makes them alike.
EXPOSURE_DIFFERS = {"middlebury2014/ArtL"}


@pytest.mark.parametrize("family", FAMILIES)
def test_scale_and_sign_by_warping(real: Path, family: str) -> None:
    load, names = FAMILIES[family]
    dataset = load(real)
    samples: list[StereoSample] = [dataset[index] for index in range(len(dataset))]
    assert [sample.name for sample in samples] == names
    for sample in samples:
        assert np.isfinite(truth_of(sample).disparity).all()
        assert (truth_of(sample).disparity[~truth_of(sample).valid] == 0).all()
        assert truth_of(sample).valid.mean() > SPARSE.get(sample.name, 0.1)
        if sample.name in EXPOSURE_DIFFERS:
            continue
        mask = comparable(sample)
        error = warp_error(sample)
        for factor in (0.5, 2.0, -1.0):
            assert error < 0.8 * warp_error(sample, np.float32(factor) * truth_of(sample).disparity, mask), (
                sample.name,
                factor,
            )


@pytest.mark.parametrize("family", ["middlebury2001", "middlebury2003", "middlebury2006", "scene_flow"])
def test_right_disparity_agrees_with_the_left(real: Path, family: str) -> None:
    sample: StereoSample = FAMILIES[family][0](real)[-1]
    rows, columns = np.nonzero(truth_of(sample).valid)
    there = np.rint(columns - truth_of(sample).disparity[rows, columns]).astype(int)
    inside = there >= 0
    difference = right_disparity_of(sample)[rows, there] - truth_of(sample).disparity[rows, columns]
    assert np.median(np.abs(difference[inside])) < 1


def test_right_disparity_is_read_only_on_request(real: Path) -> None:
    assert truth_of(SceneFlow(real / "scene_flow", "test")[0]).disparity_right is None
    assert truth_of(Middlebury(real / "middlebury2003", 2003)[0]).disparity_right is None


def test_known_extremes_of_the_ground_truth(real: Path) -> None:
    for family, largest in {
        "middlebury2001": 14,
        "middlebury2003": 55,
        "kitti2012": 70,
        "kitti2015": 66,
        "scene_flow_train": 152,
        "tartanair": 55,
        "scared": 86,
        "argoverse": 176,
        "eth3d": 20,
        "scene_flow": 130,
    }.items():
        sample: StereoSample = FAMILIES[family][0](real)[0]
        assert truth_of(sample).disparity.max() == pytest.approx(largest, abs=0.6)


def test_kitti_2012_under_the_folder_names_of_2015(real: Path, tmp_path: Path) -> None:
    training = tmp_path / "training"
    training.mkdir()
    for ours, theirs in {"image_2": "colored_0", "image_3": "colored_1", "disp_occ": "disp_occ"}.items():
        (training / ours).symlink_to(real / "kitti2012" / "training" / theirs)
    assert_same(Kitti(tmp_path, 2012)[0], Kitti(real / "kitti2012", 2012)[0])


def test_occlusion_and_calibration_of_the_folder_families(real: Path) -> None:
    scared: StereoSample = FAMILIES["scared"][0](real)[0]
    truth = truth_of(scared)
    # Its mask has 128 where the match lies outside the right view.
    assert (np.nonzero(occluded_of(scared))[1] < truth.disparity[occluded_of(scared)]).all()
    assert occluded_of(scared).sum() == 1303
    # 320 px · 0.25 m / 80 px is the depth of the file.
    tartanair: StereoSample = FAMILIES["tartanair"][0](real)[0]
    assert tartanair.calibration == Calibration(320.0, 0.25, cx=320.0, cy=240.0)
    (depth,) = (real / "tartanair").rglob("*_left_depth.npy")
    np.testing.assert_allclose(80 / truth_of(tartanair).disparity, np.load(depth), rtol=1e-6)
    argoverse: StereoSample = FAMILIES["argoverse"][0](real)[0]
    assert argoverse.calibration is not None
    assert argoverse.calibration.baseline == pytest.approx(0.299, abs=0.001)


def test_occlusion_and_calibration_of_middlebury_2014(real: Path) -> None:
    folder = real / "middlebury2014" / "MiddEval3" / "trainingQ"
    sample = Middlebury(folder, 2014)[0]
    assert sample.name == "middlebury2014/Adirondack"
    mask = cv2.imread(str(folder / "Adirondack" / "mask0nocc.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(occluded_of(sample), truth_of(sample).valid & (mask != 255))
    assert 0.02 < occluded_of(sample).mean() < 0.2
    assert sample.calibration == Calibration(1038.018, 176.252 / 1000, 53.271, 322.037, 243.393)


def test_a_folder_may_be_named_at_any_depth(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    middlebury = real / "middlebury2014"
    for folder in (middlebury, middlebury / "MiddEval3", middlebury / "MiddEval3" / "trainingQ"):
        assert len(Middlebury(folder, 2014)) == 7
    assert Middlebury(folder / "Piano", 2014)[0].name == "middlebury2014/Piano"
    monkeypatch.chdir(folder / "Piano")
    assert Middlebury(".", 2014)[0].name == "middlebury2014/Piano"
    assert len(Kitti(real / "kitti2015" / "training", 2015)) == 1
    things = real / "scene_flow" / "FlyingThings3D"
    assert SceneFlow(things, "test")[0].name == "scene_flow/FlyingThings3D/TEST/A/0032/0006"


# ---------------------------------------------------------------------------------------------- trees made for a test


def names_of(dataset: Any) -> list[str]:
    return [dataset[index].name for index in range(len(dataset))]


@pytest.fixture
def scene_flow(tmp_path: Path) -> Path:
    make_scene_flow(tmp_path, "FlyingThings3D/TRAIN/B/0001", "0007")
    make_scene_flow(tmp_path, "FlyingThings3D/TRAIN/A/0000", "0006")
    make_scene_flow(tmp_path, "FlyingThings3D/TEST/A/0000", "0006")
    make_scene_flow(tmp_path, "FlyingThings3D/TEST/A/0000", "0006", "finalpass", ".webp")
    make_scene_flow(tmp_path, "Monkaa/funnyworld_x2", "0048")
    make_scene_flow(tmp_path, "Driving/15mm_focallength/scene_forwards/fast", "0400", suffix=".webp")
    return tmp_path


def test_scene_flow_splits_and_sets(scene_flow: Path) -> None:
    assert names_of(SceneFlow(scene_flow)) == [
        "scene_flow/FlyingThings3D/TRAIN/A/0000/0006",
        "scene_flow/FlyingThings3D/TRAIN/B/0001/0007",
        "scene_flow/Monkaa/funnyworld_x2/0048",
        "scene_flow/Driving/15mm_focallength/scene_forwards/fast/0400",
    ]
    test = ["scene_flow/FlyingThings3D/TEST/A/0000/0006"]
    assert names_of(SceneFlow(scene_flow, "test")) == test
    assert names_of(SceneFlow(scene_flow, "test", "finalpass")) == test
    assert names_of(SceneFlow(scene_flow / "FlyingThings3D", "test")) == test
    assert len(SceneFlow(scene_flow / "Monkaa")) == 1


def test_scene_flow_through_links_and_beside_converted_copies(scene_flow: Path) -> None:
    frames = scene_flow / "FlyingThings3D" / "frames_cleanpass"
    shutil.move(frames / "TRAIN" / "A", scene_flow / "elsewhere")
    (frames / "TRAIN" / "A").symlink_to(scene_flow / "elsewhere")
    make_scene_flow(scene_flow, "FlyingThings3D/TRAIN/B/0001", "0007", suffix=".webp")
    assert len(SceneFlow(scene_flow)) == 4


def test_scene_flow_mistakes(scene_flow: Path) -> None:
    with pytest.raises(
        DataError, match=r"finalpass.*found FlyingThings3D train cleanpass in FlyingThings3D/frames_cleanpass"
    ):
        SceneFlow(scene_flow, "train", "finalpass")
    with pytest.raises(DataError, match="no pair"):
        SceneFlow(scene_flow / "Monkaa", "test")
    with pytest.raises(DataError, match="expected train or test"):
        SceneFlow(scene_flow, "val")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cleanpass or finalpass"):
        SceneFlow(scene_flow, "test", "clean")  # type: ignore[arg-type]
    (scene_flow / "Monkaa/disparity/funnyworld_x2/left/0048.pfm").unlink()
    with pytest.raises(DataError, match=r"left/0048\.png: has no partner: the disparity"):
        SceneFlow(scene_flow)[2]
    (scene_flow / "FlyingThings3D/frames_cleanpass/TEST/A/0000/right/0006.png").unlink()
    with pytest.raises(DataError, match="the right view"):
        SceneFlow(scene_flow, "test")[0]


@pytest.mark.parametrize(
    ("year", "left", "right", "all_truth", "visible_truth"),
    [
        (2012, "colored_0", "colored_1", "disp_occ", "disp_noc"),
        (2012, "image_0", "image_1", "disp_occ", "disp_noc"),
        (2012, "image_2", "image_3", "disp_occ", "disp_noc"),
        (2015, "image_2", "image_3", "disp_occ_0", "disp_noc_0"),
    ],
)
def test_kitti(tmp_path: Path, year: int, left: str, right: str, all_truth: str, visible_truth: str) -> None:
    training = tmp_path / "training"
    make_kitti(tmp_path, [flat_sample(10, 20, 2.5)] * 2, (left, right, all_truth))
    make_image(training / left / "000000_11.png", flat_sample(99).left)  # the next frame has no ground truth
    dataset = Kitti(tmp_path, year)
    assert names_of(dataset) == [f"kitti{year}/000000", f"kitti{year}/000001"]
    sample = dataset[0]
    assert sample.left[0, 0, 0] == 10
    assert sample.right[0, 0, 0] == 20
    assert (truth_of(sample).disparity == 2.5).all()
    assert truth_of(sample).occluded is None

    disparity = truth_of(sample).disparity
    visible = np.zeros((6, 8), bool)
    visible[:, 4:] = True
    for number in range(2):
        make_disparity(training / visible_truth / f"{number:06d}_10.png", np.where(visible, disparity, np.nan))
    sample = Kitti(training, year)[0]
    np.testing.assert_array_equal(occluded_of(sample), ~visible)

    assert recognize_year(tmp_path) == year
    # 2015 looks for its own ground truth beside image_2.
    other: Family = "kitti2015" if year == 2012 else "kitti2012"
    with pytest.raises(DataError, match=f"no pair of {other}|disp_occ_0.*(does not exist|no folder)"):
        build_dataset(DatasetConfig(family=other, path=str(tmp_path)))
    (training / right / "000001_10.png").unlink()
    with pytest.raises(DataError, match=r"000001_10\.png: has no partner"):
        Kitti(tmp_path, year)[1]
    with pytest.raises(DataError, match="2012 or 2015"):
        Kitti(tmp_path, 2016)


def test_kitti_ground_truth_of_another_resolution(tmp_path: Path) -> None:
    make_kitti(tmp_path, [flat_sample()])
    wider = truth_of(flat_sample(width=9)).disparity
    make_disparity(tmp_path / "training" / "disp_noc_0" / "000000_10.png", wider)
    with pytest.raises(DataError, match=r"disp_noc_0.*9×6"):
        Kitti(tmp_path, 2015)[0]


@pytest.mark.parametrize(
    ("year", "width", "names", "scale"),
    [
        (2001, 434, ("im2.ppm", "im6.ppm", "disp2.pgm"), 8),
        (2001, 284, ("im0.pgm", "im1.pgm", "disp0.pgm"), 8),
        (2001, 384, ("im3.png", "im4.png", "disp3.pgm"), 16),
        (2001, 384, ("scene1.row3.col3.ppm", "scene1.row3.col4.ppm", "truedisp.row3.col3.pgm"), 16),
        (2003, 450, ("im2.png", "im6.png", "disp2.png"), 4),
        (2003, 900, ("im2.ppm", "im6.ppm", "disp2.pgm"), 2),
        (2003, 1800, ("im2.png", "im6.png", "disp2.png"), 1),
        (2005, 463, ("view1.png", "view5.png", "disp1.png"), 3),
        (2005, 698, ("view1.png", "view5.png", "disp1.png"), 2),
        (2006, 620, ("view1.png", "view5.png", "disp1.png"), 2),
        (2006, 1240, ("view1.png", "view5.png", "disp1.png"), 1),
        (2006, 1396, ("view1.png", "view5.png", "disp1.png"), 1),
    ],
)
def test_middlebury_scale(tmp_path: Path, year: int, width: int, names: tuple[str, ...], scale: float) -> None:
    make_pair(tmp_path / "scene", names, flat_sample(disparity=48 / scale, width=width), scale)
    sample = Middlebury(tmp_path, year)[0]
    assert sample.name == f"middlebury{year}/scene"
    assert sample.left[0, 0, 0] == 10
    assert sample.right[0, 0, 0] == 20
    assert (truth_of(sample).disparity == np.float32(48 / scale)).all()


MIDD_EVAL = ("im0.png", "im1.png", "disp0GT.pfm")


def test_middlebury_2014_without_mask_and_calibration(tmp_path: Path) -> None:
    make_pair(tmp_path / "Chess-perfect", ("im0.png", "im1.png", "disp0.pfm"), flat_sample())
    make_image(tmp_path / "Chess-perfect" / "disp0.png", flat_sample().left)  # a color preview that someone made
    sample = Middlebury(tmp_path, 2014)[0]
    assert truth_of(sample).occluded is None
    assert sample.calibration is None
    (tmp_path / "Chess-perfect" / "calib.txt").write_text("cam0=[1 0 0; 0 1 0; 0 0 1]\nbaseline=wide\n")
    assert Middlebury(tmp_path, 2014)[0].calibration is None


def test_middlebury_resolutions_side_by_side(tmp_path: Path) -> None:
    make_pair(tmp_path / "trainingQ" / "Piano", MIDD_EVAL, flat_sample())
    make_pair(tmp_path / "testQ" / "Plants", MIDD_EVAL[:2], flat_sample())  # of no use here, but no mistake
    assert names_of(Middlebury(tmp_path, 2014)) == ["middlebury2014/Piano"]
    make_pair(tmp_path / "trainingH" / "Piano", MIDD_EVAL, flat_sample())
    with pytest.raises(DataError, match=r"trainingH/Piano.*trainingQ/Piano.*one resolution"):
        Middlebury(tmp_path, 2014)
    assert len(Middlebury(tmp_path / "trainingH", 2014)) == 1
    for folder in (tmp_path / "testQ", tmp_path / "testQ" / "Plants"):
        with pytest.raises(DataError, match=r"Q.*whose ground truth is withheld; scripts/submit\.py"):
            Middlebury(folder, 2014)


def test_middlebury_mistakes(tmp_path: Path) -> None:
    make_pair(tmp_path / "Art", ["view1.png"], flat_sample())
    with pytest.raises(DataError, match=r"view1\.png: has no partner: looked for .*view5"):
        Middlebury(tmp_path, 2005)[0]
    with pytest.raises(DataError, match=r"no pair of middlebury2001.*found Art/"):
        Middlebury(tmp_path, 2001)
    with pytest.raises(DataError, match=r"looked for folders with the images im0 with im1 \(\.png, "):
        Middlebury(tmp_path, 2014)
    with pytest.raises(DataError, match="2001, 2003, 2005, 2006, 2014"):
        Middlebury(tmp_path, 2021)


def test_eth3d(tmp_path: Path) -> None:
    for scene in ("forest_1s", "delivery_area_1l"):
        make_eth3d(tmp_path, scene, flat_sample())
    make_gray(tmp_path / "two_view_training_gt" / "forest_1s" / "mask0nocc.png", np.full((6, 8), 128))
    dataset = Eth3d(tmp_path)
    assert names_of(dataset) == ["eth3d/delivery_area_1l", "eth3d/forest_1s"]
    assert truth_of(dataset[0]).occluded is None
    assert occluded_of(dataset[1]).all()
    shutil.rmtree(tmp_path / "two_view_training_gt")
    with pytest.raises(DataError, match="disp0GT"):
        Eth3d(tmp_path)[0]


@pytest.mark.parametrize(
    "load",
    [
        SceneFlow,
        Eth3d,
        lambda path: Kitti(path, 2012),
        lambda path: Kitti(path, 2015),
        lambda path: Middlebury(path, 2001),
        lambda path: Middlebury(path, 2014),
    ],
)
def test_no_folder_and_an_empty_one(tmp_path: Path, load: Callable[[Path], Any]) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, word in {"missing": "nothing there", "file": "is a file", "empty": "an empty folder"}.items():
        with pytest.raises(DataError, match=word) as caught:
            load(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError):
        load(tmp_path / ("x" * 5000))
