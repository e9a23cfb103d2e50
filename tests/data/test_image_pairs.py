"""Which images belong together, and what is said of the others."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from stereo.data.formats import write_image
from stereo.data.image_pairs import LAYOUTS, pairs_of_layout, pairs_of_list, pairs_of_paths, split_views
from stereo.errors import DataError


def _image(path: Path, value: int = 0, height: int = 4, width: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.full((height, width, 3), value, np.uint8))
    return path


def _folders(root: Path, left: list[str], right: list[str]) -> tuple[Path, Path]:
    for side, names in (("left", left), ("right", right)):
        (root / side).mkdir()
        for name in names:
            (root / side / name).touch()
    return root / "left", root / "right"


def test_images_of_one_name_are_a_pair_whatever_their_endings(tmp_path: Path) -> None:
    for value, name in enumerate(["left/b.png", "left/a.JPG", "left/lonely.png", "right/a.png", "right/b.png"]):
        _image(tmp_path / name, 40 * value)
    for name in ("left/notes.txt", "left/._b.png", "right/.DS_Store", "right/other.webp"):
        (tmp_path / name).touch()
    left, right = tmp_path / "left", tmp_path / "right"
    found = pairs_of_paths(left, right)
    assert [pair.name for pair in found.pairs] == ["a", "b"]
    assert [[view[0, 0, 0] for view in pair.read()] for pair in found.pairs] == [[40, 120], [0, 160]]
    assert found.unmatched == [
        f"{left / 'lonely.png'}: no image of that name in {right}",
        f"{right / 'other.webp'}: no image of that name in {left}",
    ]
    assert not found.single


def test_two_images_are_a_pair_though_they_do_not_exist(tmp_path: Path) -> None:
    found = pairs_of_paths(tmp_path / "l.png", tmp_path / "r.png")
    (pair,) = found.pairs
    assert (pair.name, found.unmatched, found.single) == ("l", [], True)
    with pytest.raises(DataError, match=r"l\.png"):
        pair.read()


def test_views_of_two_sizes_are_named(tmp_path: Path) -> None:
    left, right = _image(tmp_path / "l.png"), _image(tmp_path / "r.png", width=8)
    with pytest.raises(DataError, match=r"l\.png is 6×4 but .*r\.png is 8×4"):
        pairs_of_paths(left, right).pairs[0].read()


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (("*/im0.png", "*/im1.png"), ["one", "two"]),
        (("**/im0.png", "**/im1.png"), ["one", "two", "two_deep"]),
        (("one/im?.png", "two/im?.png"), ["0", "1"]),
        (("one/*", "two/*"), ["im0", "im1"]),
        (("one/im[0-9].png", "two/im[!a].png"), ["0", "1"]),
    ],
)
def test_patterns_pair_what_their_stars_stand_for(tmp_path: Path, patterns: tuple[str, str], names: list[str]) -> None:
    for name in ("one/im0.png", "one/im1.png", "two/im0.png", "two/im1.png", "two/deep/im0.png", "two/deep/im1.png"):
        _image(tmp_path / name)
    (tmp_path / "two/._im0.png").touch()
    _image(tmp_path / "__MACOSX/im0.png")
    _image(tmp_path / "__MACOSX/im1.png")
    found = pairs_of_paths(tmp_path / patterns[0], tmp_path / patterns[1])
    assert ([pair.name for pair in found.pairs], found.unmatched) == (names, [])


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    left, right = _image(tmp_path / "l[1].png"), _image(tmp_path / "r[1].png")
    assert pairs_of_paths(left, right).single


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_image_that_holds_both_views_is_halved(tmp_path: Path, layout: str) -> None:
    image = np.zeros((6, 8, 3), np.uint8)
    image[:, 4:] += 1
    image[3:] += 10
    left, right = split_views(image, layout)
    assert left.shape == right.shape == ((3, 8, 3) if layout in ("top-bottom", "bottom-top") else (6, 4, 3))
    step = {"side-by-side": 1, "right-left": -1, "top-bottom": 10, "bottom-top": -10}[layout]
    np.testing.assert_array_equal(right.astype(int) - left, step)
    for name in ("x.png", "folder/y.png", "folder/.z.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / name, image)
    one, many = pairs_of_layout(tmp_path / "x.png", layout), pairs_of_layout(tmp_path / "folder", layout)
    assert (one.single, many.single, [pair.name for pair in many.pairs]) == (True, False, ["y"])
    np.testing.assert_array_equal(one.pairs[0].read()[1], right)


def test_an_image_of_an_odd_side_is_not_halved(tmp_path: Path) -> None:
    pair = pairs_of_layout(_image(tmp_path / "x.png", width=7), "side-by-side").pairs[0]
    with pytest.raises(DataError, match=r"x\.png: is 7×4 .* expected an even width"):
        pair.read()


def test_names_too_long_for_a_file_are_cut_and_stay_apart(tmp_path: Path) -> None:
    names = [150 * "ü" + ending for ending in "ab"]
    (tmp_path / "pairs.csv").write_text("".join(f"{_image(tmp_path / 'x.png')},{tmp_path}/x.png\n" for _ in names))
    assert len({pair.name for pair in pairs_of_list(tmp_path / "pairs.csv").pairs}) == 2
    lefts = [pairs_of_paths(f"{name}.png", "r.png").pairs[0].name for name in names]
    assert len(set(lefts)) == 2
    assert max(len(name.encode()) for name in lefts) <= 200


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (["a.png", "a.jpg"], ["a.png"], r"left: a\.jpg and a\.png have one name"),
        (["a:.png", "a_.png"], ["a.png"], "have one name"),
        (
            ["a.gif", "b.HEIC", "c"],
            ["a.png"],
            r"left: holds no image .*\(but files without an ending, .gif",
        ),
        ([], ["a.png"], r"left: holds no image that can be read \(no file at all\)"),
        (["a.png"], ["a.exr"], r"right: holds no image that can be read \(but .exr\); expected .png"),
        (["a_1.png"], ["a_2.png"], r"left has a_1\.png; right has a_2\.png"),
    ],
)
def test_folders_without_a_pair_say_what_they_hold(
    tmp_path: Path, left: list[str], right: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        pairs_of_paths(*_folders(tmp_path, left, right))


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        (["left_0001.png", "left_0002.png"], ["right_0001.png", "right_0002.png"], ["0001", "0002"]),
        (["a_left.png", "b-left.png"], ["a_right.png", "b-right.png"], ["a", "b"]),
        (["x_L.bmp"], ["x_R.tif"], ["x"]),
        (["left1.png", "Left2.png"], ["right1.png", "right2.png"], ["1", "2"]),
        (["l_1.png", "notes.png"], ["r_1.png"], ["1"]),
    ],
)
def test_names_that_differ_in_left_and_right_alone(
    tmp_path: Path, left: list[str], right: list[str], names: list[str]
) -> None:
    found = pairs_of_paths(*_folders(tmp_path, left, right))
    assert [pair.name for pair in found.pairs] == names


def test_one_folder_of_left_and_right_views(tmp_path: Path) -> None:
    folder, _ = _folders(tmp_path, ["left_1.png", "right_1.png", "left_2.png", "right_2.png"], [])
    found = pairs_of_paths(folder, folder)
    assert [pair.name for pair in found.pairs] == ["1", "2"]
    assert found.unmatched == []


@pytest.mark.parametrize("many", [False, True])
def test_exif_orientation_is_applied_to_pairs_where_asked_for(tmp_path: Path, many: bool) -> None:
    exif = Pillow.Exif()
    exif[274] = 6
    paths = [tmp_path / side / "a.jpg" for side in ("left", "right")]
    for path in paths:
        path.parent.mkdir()
        Pillow.fromarray(np.zeros((32, 48, 3), np.uint8)).save(path, exif=exif)
    left, right = (path.parent if many else path for path in paths)
    assert pairs_of_paths(left, right).pairs[0].read()[0].shape == (32, 48, 3)
    assert pairs_of_paths(left, right, upright=True).pairs[0].read()[0].shape == (48, 32, 3)
