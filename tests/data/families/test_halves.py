"""The training and the test halves of the benchmarks, and what only one of them has."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample, truth_of
from helpers.trees import KITTI_2012, KITTI_2015, flat_sample, make_eth3d, make_gray, make_kitti, make_middlebury

from stereo.config import DataConfig, DatasetConfig, Family, Half
from stereo.data.datasets import build_dataset
from stereo.data.families.kitti import Kitti
from stereo.data.recognition import recognize
from stereo.errors import ConfigError, DataError
from stereo.options import add_data_options, chosen_data, script_parser

# ---------------------------------------------------------------------------------------------------- moving objects


def test_moving_objects_of_kitti_2015(tmp_path: Path) -> None:
    make_kitti(tmp_path, [flat_sample()] * 2)
    assert truth_of(Kitti(tmp_path, 2015)[0]).foreground is None
    objects = np.zeros((6, 8), np.uint8)
    objects[2:4, 1:3], objects[5, 7] = 1, 255  # the number of the object
    maps = [tmp_path / "training" / "obj_map" / f"{number:06d}_10.png" for number in range(2)]
    make_gray(maps[0], objects)
    make_gray(maps[1], np.zeros((6, 8)))
    one, other = (truth_of(Kitti(tmp_path, 2015)[number]).foreground for number in range(2))
    np.testing.assert_array_equal(one, objects > 0)
    np.testing.assert_array_equal(other, np.zeros((6, 8), bool))

    make_gray(maps[1], np.zeros((6, 9)))
    with pytest.raises(DataError, match=r"obj_map/000001_10\.png: is 9×6 .*is 8×6"):
        Kitti(tmp_path, 2015)[1]
    maps[1].unlink()
    with pytest.raises(DataError, match=r"the map of moving objects should be .*obj_map/000001_10"):
        Kitti(tmp_path, 2015)[1]


# ------------------------------------------------------------------------------------------------------------ halves


def make_kitti_2012(root: Path) -> None:
    make_kitti(root, [textured_sample(32, 48, 3)], KITTI_2012)
    make_kitti(root, [flat_sample(30, 40)] * 2, KITTI_2012, "testing")


def make_kitti_2015(root: Path) -> None:
    make_kitti(root, [textured_sample(32, 48, 3)])
    make_kitti(root, [flat_sample(30, 40)] * 2, KITTI_2015, "testing")


def make_both_of_middlebury(root: Path) -> None:
    make_middlebury(root, "trainingH", "Piano", textured_sample(32, 48, 3))
    for scene in ("Plants", "Australia"):
        make_middlebury(root, "testH", scene, flat_sample(30, 40))


def make_both_of_eth3d(root: Path) -> None:
    make_eth3d(root, "forest_1s", textured_sample(32, 48, 3))
    for scene in ("lakeside_1l", "sand_box_1l"):
        make_eth3d(root, scene, flat_sample(30, 40), "testing")


BENCHMARKS: dict[Family, tuple[Callable[[Path], None], str, Sequence[str]]] = {
    "kitti2012": (make_kitti_2012, "kitti2012/000000", ["kitti2012/000000", "kitti2012/000001"]),
    "kitti2015": (make_kitti_2015, "kitti2015/000000", ["kitti2015/000000", "kitti2015/000001"]),
    "middlebury2014": (
        make_both_of_middlebury,
        "middlebury2014/Piano",
        ["middlebury2014/Australia", "middlebury2014/Plants"],
    ),
    "eth3d": (make_both_of_eth3d, "eth3d/forest_1s", ["eth3d/lakeside_1l", "eth3d/sand_box_1l"]),
}


@pytest.mark.parametrize("family", BENCHMARKS)
def test_each_half_has_its_own_pairs(tmp_path: Path, family: Family) -> None:
    make, training, testing = BENCHMARKS[family]
    make(tmp_path)
    dataset = build_dataset(DatasetConfig(family, str(tmp_path)))
    assert list(dataset.names) == [training]
    assert (truth_of(dataset[0]).disparity == 3).all()
    withheld = build_dataset(DatasetConfig(family, str(tmp_path), half="testing"))
    assert list(withheld.names) == list(testing)
    sample = withheld[0]
    assert sample.truth is None
    assert (sample.left[0, 0, 0], sample.right[0, 0, 0]) == (30, 40)


@pytest.mark.parametrize(
    ("family", "folder"),
    [
        ("kitti2012", "testing"),
        ("kitti2015", "testing"),
        ("middlebury2014", "MiddEval3"),
        ("middlebury2014", "MiddEval3/testH"),
        ("middlebury2014", "MiddEval3/testH/Plants"),
    ],
)
def test_the_folder_of_a_test_half_may_be_named(
    tmp_path: Path, family: Family, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    BENCHMARKS[family][0](tmp_path)
    monkeypatch.chdir(tmp_path / folder)
    expected = ["middlebury2014/Plants"] if folder.endswith("Plants") else BENCHMARKS[family][2]
    for path in (str(tmp_path / folder), "."):
        assert list(build_dataset(DatasetConfig(family, path, half="testing")).names) == list(expected)
    if folder != "MiddEval3":
        with pytest.raises(
            DataError,
            match=r"whose ground truth is withheld; scripts/submit\.py .*scripts/show_dataset\.py with half=testing",
        ):
            build_dataset(DatasetConfig(family, str(tmp_path / folder)))


@pytest.mark.parametrize(
    ("family", "folder", "message"),
    [
        ("kitti2012", "training", "the test half of kitti2012 is not there; expected the folder testing in it"),
        ("kitti2015", "training", "the test half of kitti2015 is not there"),
        ("kitti2015", "", r"no pair of kitti2015 found; looked for image_2/000000_10\.png, image_3/…; found image_3/"),
        ("middlebury2014", "MiddEval3/trainingH", r"no pair of middlebury2014 found; looked for testF/SCENE/im0\.png"),
        ("eth3d", "", r"no pair of eth3d found; looked for two_view_test/SCENE/im0\.png; found two_view_tr"),
    ],
)
def test_a_test_half_that_is_not_there(tmp_path: Path, family: Family, folder: str, message: str) -> None:
    BENCHMARKS[family][0](tmp_path)
    for images in ("testing/image_2", "two_view_test"):
        if (tmp_path / images).is_dir():
            shutil.rmtree(tmp_path / images)
    with pytest.raises(DataError, match=message):
        build_dataset(DatasetConfig(family, str(tmp_path / folder), half="testing"))


@pytest.mark.parametrize("family", BENCHMARKS)
def test_a_test_pair_without_its_right_view(tmp_path: Path, family: Family) -> None:
    BENCHMARKS[family][0](tmp_path)
    right = next(path for path in sorted(tmp_path.rglob("*")) if is_right_view(path) and "test" in str(path.parent))
    right.unlink()
    with pytest.raises(DataError, match="has no partner"):
        build_dataset(DatasetConfig(family, str(tmp_path), half="testing"))
    assert len(build_dataset(DatasetConfig(family, str(tmp_path)))) == 1  # the other half is not concerned


def test_the_other_name_of_the_test_folder_of_eth3d(tmp_path: Path) -> None:
    make_both_of_eth3d(tmp_path)
    (tmp_path / "two_view_test").rename(tmp_path / "two_view_testing")
    assert len(build_dataset(DatasetConfig("eth3d", str(tmp_path), half="testing"))) == 2


def is_right_view(path: Path) -> bool:
    return path.name == "im1.png" or (path.parent.name in ("colored_1", "image_3") and path.name == "000001_10.png")


def test_the_setting_is_for_benchmarks_and_not_for_training(tmp_path: Path) -> None:
    for family in ("scene_flow", "synthetic", "middlebury2006", "packed"):
        with pytest.raises(ConfigError, match=f"half is testing, which {family} does not have; only kitti2012, kitti"):
            DatasetConfig(family, "x", half="testing")
    withheld = DatasetConfig("kitti2015", "x", half="testing")
    for use in ({"train": withheld}, {"validation": withheld}, {"mix": [withheld]}):
        with pytest.raises(ConfigError, match="half is testing, which has no ground truth"):
            DataConfig(**use)
    parser = script_parser(None)
    add_data_options(parser)
    for half in ("training", "testing"):
        (config,) = chosen_data(parser.parse_args(["--data", "eth3d:x", f"half={half}"])).values()
        assert config.half == half


# ------------------------------------------------------------------------------------------------------- recognition


@pytest.mark.parametrize("family", BENCHMARKS)
def test_a_test_half_is_counted(tmp_path: Path, family: Family) -> None:
    BENCHMARKS[family][0](tmp_path)
    found = recognize(tmp_path)
    lines = [line for part in found.parts for line in part.lines]
    places: dict[Half, Path] = {"training": tmp_path, "testing": tmp_path}
    if family == "middlebury2014":
        places = {"training": tmp_path / "MiddEval3/trainingH", "testing": tmp_path / "MiddEval3/testH"}
    assert sorted(lines) == [
        f"{family}, test half without ground truth: 2 pairs, {places['testing']}",
        f"{family}: 1 pair, {places['training']}",
    ]
    assert not [problem for part in found.parts for problem in part.problems]
    assert found.unrecognized == []
    assert [list(part.dataset.names) for part in found.parts if part.dataset is not None] == [[BENCHMARKS[family][1]]]


@pytest.mark.parametrize("family", BENCHMARKS)
def test_a_test_half_alone_and_a_broken_one(tmp_path: Path, family: Family) -> None:
    BENCHMARKS[family][0](tmp_path)
    for name in ("training", "MiddEval3/trainingH", "two_view_training", "two_view_training_gt"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    (part,) = recognize(tmp_path).parts
    assert part.lines[0].startswith(f"{family}, test half without ground truth: 2 pairs")
    next(path for path in sorted(tmp_path.rglob("*")) if is_right_view(path)).unlink()
    (part,) = recognize(tmp_path).parts
    assert part.lines[0].startswith(f"{family}, test half: cannot be read")
    assert "has no partner" in part.problems[0]
