"""Which images of two folders belong together, and what is said of the others."""

from pathlib import Path

import pytest

from stereo.data.image_pairs import pairs_of_paths
from stereo.errors import DataError


def _folders(root: Path, left: list[str], right: list[str]) -> tuple[Path, Path]:
    for side, names in (("left", left), ("right", right)):
        (root / side).mkdir()
        for name in names:
            (root / side / name).touch()
    return root / "left", root / "right"


def test_images_of_one_name_are_a_pair_whatever_their_endings(tmp_path: Path) -> None:
    left, right = _folders(tmp_path, ["b.png", "a.JPG", "lonely.png", "notes.txt"], ["a.png", "b.png", "other.webp"])
    pairs, unmatched = pairs_of_paths(left, right)
    assert [(pair.name, pair.left.name, pair.right.name) for pair in pairs] == [
        ("a", "a.JPG", "a.png"),
        ("b", "b.png", "b.png"),
    ]
    assert unmatched == [
        f"{left / 'lonely.png'}: no image of that name in {right}",
        f"{right / 'other.webp'}: no image of that name in {left}",
    ]


def test_two_images_are_a_pair_without_a_name_though_they_do_not_exist(tmp_path: Path) -> None:
    (pair,), unmatched = pairs_of_paths(tmp_path / "l.png", tmp_path / "r.png")
    assert (pair.name, pair.left, pair.right, unmatched) == ("", tmp_path / "l.png", tmp_path / "r.png", [])


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (["a.png", "a.jpg"], ["a.png"], r"left: a\.jpg and a\.png have one name"),
        (["a:.png", "a_.png"], ["a.png"], "have one name"),
        (
            ["a.bmp", "b.TIF", "c"],
            ["a.png"],
            r"left: holds no image .*\(but files without an ending, .bmp",
        ),
        ([], ["a.png"], r"left: holds no image that can be read \(no file at all\)"),
        (["a.png"], ["a.tif"], r"right: holds no image that can be read \(but .tif\); expected .png"),
        (["a_l.png"], ["a_r.png"], r"left has a_l\.png; right has a_r\.png"),
    ],
)
def test_folders_without_a_pair_say_what_they_hold(
    tmp_path: Path, left: list[str], right: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        pairs_of_paths(*_folders(tmp_path, left, right))
