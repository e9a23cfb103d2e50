"""Pair lists: what a list file may look like, and that every mistake in it is named with its line."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import truth_of

from stereo.config import DatasetConfig, with_overrides
from stereo.data.datasets import build_dataset
from stereo.data.families.pair_list import PairList
from stereo.data.formats import write_disparity_png16, write_image, write_pfm
from stereo.errors import ConfigError, DataError, FormatError

DISPARITY = np.arange(1, 13, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for scene in ("a", "b", "with blank, and comma"):
        (tmp_path / scene).mkdir()
        for side, value in (("left", 10), ("right", 20)):
            write_image(tmp_path / scene / f"{side}.png", np.full((3, 4, 3), value, np.uint8))
        write_pfm(tmp_path / scene / "disparity.pfm", DISPARITY)
        write_disparity_png16(tmp_path / scene / "disparity.png", DISPARITY)
        cv2.imwrite(str(tmp_path / scene / "gray.png"), (DISPARITY * 4).astype(np.uint8))
        cv2.imwrite(str(tmp_path / scene / "mask.png"), np.repeat([[0, 1, 255, 255]], 3, axis=0).astype(np.uint8))
    return tmp_path


def pairs(folder: Path, text: str) -> PairList:
    (folder / "pairs.csv").write_text(text, encoding="utf-8")
    return PairList(folder / "pairs.csv")


@pytest.mark.parametrize(
    "text",
    [
        "a/left.png,a/right.png,a/disparity.pfm\n",
        "a/left.png a/right.png a/disparity.png",
        "\ufeff# a comment\n\n  a/left.png ,\ta/right.png, a/disparity.pfm,\r\n",
        "left,right,disparity,mask\na/left.png,a/right.png,a/disparity.pfm,\n",
        "Left Right Disparity\na/left.png\ta/right.png\ta/disparity.pfm\n",
        "disparity,right,scale,left\na/gray.png,a/right.png,4,a/left.png\n",
    ],
)
def test_ways_to_name_one_pair(folder: Path, text: str) -> None:
    dataset = pairs(folder, text)
    assert len(dataset) == 1
    sample = dataset[0]
    assert sample.name == "pairs/a/left"
    assert (sample.left == 10).all()
    assert (sample.right == 20).all()
    np.testing.assert_array_equal(truth_of(sample).disparity, DISPARITY)
    assert truth_of(sample).valid.all()


def test_order_of_the_file_absolute_paths_and_quotes(folder: Path) -> None:
    dataset = pairs(
        folder,
        f"b/left.png,b/right.png\n{folder}/a/left.png,{folder}/a/right.png\n"
        '"with blank, and comma/left.png","with blank, and comma/right.png"\n',
    )
    assert len(dataset) == 3
    assert dataset[0].name == "pairs/b/left"
    assert dataset[1].name.endswith("/a/left")
    assert dataset[2].name == "pairs/with blank, and comma/left"
    with pytest.raises(IndexError):
        dataset[3]


def test_without_ground_truth(folder: Path) -> None:
    for text in ("a/left.png,a/right.png\n", "a/left.png,a/right.png,,\n", "a/left.png a/right.png\n"):
        assert pairs(folder, text)[0].truth is None


def test_mask_bounds_the_ground_truth(folder: Path) -> None:
    sample = pairs(folder, "a/left.png,a/right.png,a/disparity.pfm,a/mask.png\n")[0]
    assert truth_of(sample).valid.tolist() == [[False, True, True, True]] * 3
    np.testing.assert_array_equal(truth_of(sample).disparity, np.where(truth_of(sample).valid, DISPARITY, 0))
    write_image(folder / "a" / "mask.png", np.ones((2, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r"mask\.png: is 2×2"):
        pairs(folder, "a/left.png,a/right.png,a/disparity.pfm,a/mask.png\n")[0]


def test_names_are_unique_and_stay_inside_any_output_folder(folder: Path) -> None:
    (folder / "lists").mkdir()
    dataset = pairs(folder, "a/left.png,a/right.png\na/../a/left.png,a/right.png\na/left.png,b/right.png\n")
    names = [dataset[index].name for index in range(len(dataset))]
    assert len(set(names)) == 3
    (folder / "lists" / "pairs.txt").write_text("../a/left.png ../a/right.png")
    assert PairList(folder / "lists" / "pairs.txt")[0].name == "pairs/a/left"


def test_8_bit_disparity_without_scale_says_what_to_do(folder: Path) -> None:
    with pytest.raises(FormatError, match="column `scale`"):
        pairs(folder, "a/left.png,a/right.png,a/gray.png\n")[0]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a/left.png,a/right.png\na/left.png\n", 2, "right"),
        ("# note\n\na/left.png,a/missing.png\n", 3, "missing.png does not exist"),
        ("a/left.png,a/right.png,a\n", 1, "is not a file"),
        (f"{'x' * 5000} a/right.png\n", 1, "cannot be read"),
        ("a/left.png,nul\0.png\n", 1, "right file"),
        (",a/right.png\n", 1, "left"),
        ("a/left.png,a/right.png,a/disparity.pfm,a/mask.png,4\n", 1, "5 cells"),
        ("a/left.png,a/right.png,,a/mask.png\n", 1, "mask but no disparity"),
        ('a/left.png,"a/right.png\n', 1, "CSV"),
        ("left,right,depth\na/left.png,a/right.png,a/disparity.pfm\n", 1, "depth"),
        ("left,disparity\n", 1, "header"),
        ("left,right,left\n", 1, "header"),
        ("left,right,disparity,scale\na/left.png,a/right.png,a/gray.png,zero\n", 2, "'zero'"),
        ("left,right,disparity,scale\na/left.png,a/right.png,a/gray.png,0\n", 2, "scale"),
        ("left,right,disparity,scale\na/left.png,a/right.png,,4\n", 2, "scale but no disparity"),
    ],
)
def test_a_mistake_is_named_with_its_line(folder: Path, text: str, line: int, word: str) -> None:
    with pytest.raises(DataError) as caught:
        pairs(folder, text)[0]
    assert str(caught.value).startswith(f"{folder / 'pairs.csv'}:{line}: ")
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_that_is_none(folder: Path) -> None:
    for path in (folder, folder / "missing.csv", folder / "a" / "left.png", folder / ("x" * 5000)):
        with pytest.raises(DataError) as caught:
            PairList(path)
        assert str(caught.value).startswith(str(path))
    for text in ("", "# nothing\n", "left,right\n"):
        with pytest.raises(DataError, match="names no pair"):
            pairs(folder, text)


def test_views_of_different_size(folder: Path) -> None:
    write_image(folder / "b" / "right.png", np.zeros((3, 5, 3), np.uint8))
    with pytest.raises(DataError, match="pairs/b/left"):
        pairs(folder, "b/left.png,b/right.png\n")[0]


@pytest.mark.parametrize(
    "line",
    [
        "a\\left.png,a\\right.png,a\\disparity.pfm",
        "a\\left.png a\\right.png a\\disparity.pfm",
        ".\\a\\left.png,.\\a\\right.png,a/disparity.pfm",
        '"a\\left.png","a\\right.png","a\\disparity.pfm"',
    ],
)
def test_backslashes_of_windows(folder: Path, line: str) -> None:
    sample = pairs(folder, line + "\r\n")[0]
    assert (sample.left == 10).all()
    np.testing.assert_array_equal(truth_of(sample).disparity, DISPARITY)


def test_a_file_of_a_name_with_a_backslash_counts_before(folder: Path) -> None:
    write_image(folder / "a\\left.png", np.full((3, 4, 3), 77, np.uint8))
    assert (pairs(folder, "a\\left.png,a/right.png\n")[0].left == 77).all()


def test_paths_relative_to_another_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lists").mkdir()
    path = folder / "lists" / "pairs.txt"
    path.write_text("a/left.png a\\right.png\n")
    assert (PairList(path, root=folder)[0].right == 20).all()
    monkeypatch.setenv("HOME", str(folder.parent))
    for root in (str(folder), f"~/{folder.name}"):
        config = with_overrides(DatasetConfig(family="pairs", path=str(path)), [f"root={root}"])
        assert (build_dataset(config)[0].left == 10).all()
    with pytest.raises(DataError, match=r"no-such: expected the folder .*there is nothing there"):
        PairList(path, root=folder / "no-such")
    with pytest.raises(ConfigError, match="root is x, which eth3d does not take"):
        DatasetConfig(family="eth3d", path="e", root="x")
