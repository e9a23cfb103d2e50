"""Every name under which a prediction may lie; two of them are not guessed between."""

from pathlib import Path

import pytest

from stereo.errors import DataError
from stereo.methods.stored_names import StoredNames

THINGS = "scene_flow/FlyingThings3D/TEST/A/0032/0006"


def _make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("plane", "plane.npy"),
        ("eth3d/hall/1l", "eth3d/hall/1l.pfm"),
        ("eth3d/hall/1l", "eth3d/hall/1l/disparity.pfm"),
        ("eth3d/hall/1l", "hall/1l.npy"),
        ("eth3d/hall/1l", "eth3d_hall_1l.png"),
        ("eth3d/hall/1l", "hall_1l/disparity.pfm"),
        ("eth3d/hall/1l", "00007_eth3d_hall_1l/disparity.pfm"),
        ("eth3d/hall_1l", "hall_1l.pfm"),
        ("pairs/a:b/c", "pairs/a_b/c.pfm"),
        ("eth3d/hall_1l", "low_res_two_view/hall_1l.pfm"),
        ("kitti2015/000000", "000000_10.png"),
        ("kitti2015/000000", "disp_0/000000_10.png"),
        ("kitti2012/000000", "kitti2012/disp_0/000000_10.npy"),
        ("middlebury2014/Adirondack", "Adirondack/disp0ELAS.pfm"),
        ("middlebury2014/Adirondack", "Adirondack/disp0ELAS_s.pfm"),
        ("middlebury2014/Adirondack", "trainingQ/Adirondack/disp0ELAS.pfm"),
        ("middlebury2014/Adirondack", "Adirondack.npy"),
        (THINGS, "scene_flow/FlyingThings3D/TEST/A/0032/0006.pfm"),
        (THINGS, "TEST/A/0032/0006.png"),
        (THINGS, "TEST/A/0032/left/0006.pfm"),
        (THINGS, "TEST_A_0032_left_0006.npy"),
        (THINGS, "FlyingThings3D/disparity/TEST/A/0032/left/0006.pfm"),
        (THINGS, "disparity/TEST/A/0032/left/0006.pfm"),
        ("scene_flow/Driving/15mm_focallength/scene_forwards/0001", "15mm_focallength_scene_forwards_left_0001.pfm"),
        ("scene_flow/FlyingThings3D/0006", "FlyingThings3D/0006.pfm"),
    ],
)
def test_a_prediction_is_found_by_the_name_of_its_sample(tmp_path: Path, name: str, path: str) -> None:
    _make(tmp_path, path, "other.pfm", "1/000000_10.png", "disp0/other.pfm", "left/0006.pfm")
    assert StoredNames(tmp_path).find(name) == tmp_path / path


def test_a_map_in_floating_point_is_taken_before_a_picture_of_it(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "a.npy")
    assert StoredNames(tmp_path).find("a").name == "a.npy"
    _make(tmp_path, "a.pfm", "a.confidence.pfm", "a.estimated.png")
    assert StoredNames(tmp_path).find("a").name == "a.pfm"


def test_what_else_lies_in_the_folder_of_a_middlebury_scene_is_no_second_prediction(tmp_path: Path) -> None:
    _make(tmp_path, *(f"Piano/{name}.pfm" for name in ("disp0", "disp0GT", "disp0Mine", "disp0Mine_s", "disp1Mine")))
    _make(tmp_path, "Piano/disp0Mine_confidence.pfm")
    assert StoredNames(tmp_path).find("middlebury2014/Piano").name == "disp0Mine.pfm"
    with pytest.raises(DataError, match="has no prediction"):
        StoredNames(tmp_path).find("eth3d/Piano")


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("a/b", ("00001_a_b/disparity.pfm", "00002_a_b/disparity.pfm")),
        ("a/b", ("a/b.pfm", "b.npy")),
        ("kitti2015/000000", ("000000_10.png", "disp_0/000000_10.png")),
        ("middlebury2014/Piano", ("Piano/disp0One.pfm", "Piano/disp0Two.pfm")),
    ],
)
def test_two_files_for_one_sample_are_not_guessed_between(tmp_path: Path, name: str, paths: tuple[str, ...]) -> None:
    _make(tmp_path, *paths)
    with pytest.raises(DataError, match="has 2 predictions, ") as caught:
        StoredNames(tmp_path).find(name)
    assert all(path in str(caught.value) for path in paths)


@pytest.mark.parametrize(
    ("name", "other"), [("kitti2015/000000", "disp_0/000000_10.png"), ("eth3d/hall", "low_res_two_view/hall.png")]
)
def test_a_prediction_that_is_missing_is_named(tmp_path: Path, name: str, other: str) -> None:
    with pytest.raises(DataError, match=rf"looked for .*{name}\.pfm, \.npy and \.png, .*/disparity\.pfm, .* {other}"):
        StoredNames(tmp_path).find(name)
