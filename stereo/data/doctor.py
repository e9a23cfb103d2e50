"""What a data set on disk holds, and what is wrong with it: the work behind scripts/check_dataset.py."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stereo.config import DatasetConfig, Family
from stereo.data.datasets import StereoDataset, build_dataset, describe
from stereo.data.families.folders import subfolders
from stereo.data.families.middlebury import recognise_year
from stereo.data.families.scene_flow_layout import EXPECTED_TEST_PARTS, Tree, find_trees, refuse_frames
from stereo.data.pairs import PairDataset
from stereo.data.warping import check_by_warping
from stereo.errors import DataError

# Limits of the classes of the histogram, px.
HISTOGRAM = (0.0, 1.0, 4.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0, 256.0, np.inf)


@dataclass
class Part:
    """One data set below the path: what it is, in lines; its samples, if it can be read at all; its problems."""

    family: Family
    lines: list[str] = field(default_factory=list)
    dataset: StereoDataset | None = None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ItemCheck:
    """One pair, decoded. problem: what is wrong with it, in words. confirmed: warping confirms scale and sign.

    histogram: pixels in each class of :data:`HISTOGRAM`. pixels: of the view; known: with ground truth.
    """

    name: str
    problem: str | None = None
    confirmed: bool = False
    histogram: tuple[int, ...] = (0,) * (len(HISTOGRAM) - 1)
    smallest: float = np.nan
    largest: float = np.nan
    pixels: int = 0
    known: int = 0


def recognise(path: Path) -> list[Part]:
    """The data sets that lie below a folder (or that a list file names), told by their files' names.

    Where the folder is none itself, those in its own folders. Raises: DataError where none is recognised.
    """
    if path.is_file():
        return [_part("pairs", path)]
    if not path.is_dir():
        raise DataError(f"{path}: there is nothing there; expected the folder of a data set, or a list file")
    parts = _told_by_folders(path)
    names = subfolders(path)
    if not parts:
        below = {name: _told_by_folders(path / name) for name in names}
        if any(below.values()):
            parts = [part for name, found in below.items() for part in found or _told_by_scenes(path / name)]
    parts = parts or _told_by_scenes(path)
    if not parts:
        refuse_frames(path)
        shown = ", ".join(names[:8]) or "no folder"
        raise DataError(
            f"{path}: no data set is recognised below it; found {shown}; expected one of the layouts in data/README.md"
        )
    return parts


def _told_by_folders(path: Path) -> list[Part]:
    if (path / "index.json").is_file():
        return [_part("packed", path)]
    parts: list[Part] = []
    if trees := find_trees(path):
        parts += _scene_flow(trees)
    names = set(subfolders(path)) | (set(subfolders(path / "training")) if (path / "training").is_dir() else set())
    if {"image_2", "disp_occ_0"} & names:
        parts.append(_part("kitti2015", path))
    elif {"colored_0", "image_0", "disp_occ"} & names:
        parts.append(_part("kitti2012", path))
    if "two_view_training" in names:
        parts.append(_part("eth3d", path))
    return parts


def _told_by_scenes(path: Path) -> list[Part]:
    year = recognise_year(path)
    return [] if year is None else [_part(f"middlebury{year}", path)]  # type: ignore[arg-type]


def _part(family: Family, path: Path) -> Part:
    part = Part(family)
    try:
        part.dataset = build_dataset(DatasetConfig(family=family, path=str(path), check_views=False))
        part.lines = describe(part.dataset)
    except DataError as error:
        part.lines = [f"{family}: cannot be used as it is"]
        part.problems = [str(error)]
    return part


def _scene_flow(trees: list[Tree]) -> Iterator[Part]:
    for tree in trees:
        part = Part("scene_flow", [tree.describe()], problems=list(tree.problems))
        expected = EXPECTED_TEST_PARTS if tree.split == "test" else {}
        for name, count in sorted(tree.parts().items()):
            part.lines.append(f"  {name}: {count:,}" + (f" of {expected[name]:,}" if name in expected else ""))
        if tree.unused:
            part.lines.append(f"  {tree.unused:,} disparity maps have no views and are not used")
        if tree.pairs:
            part.dataset = PairDataset(tree.pairs, check_views=False)
        yield part


def check_item(dataset: StereoDataset, index: int) -> ItemCheck:
    """Decode one pair and verify its ground truth by warping."""
    name = dataset.names[index]
    try:
        sample = dataset[index]
    except DataError as error:
        return ItemCheck(name, str(error))
    truth = sample.truth
    if truth is None:
        return ItemCheck(name, pixels=sample.width * sample.height)
    known: NDArray[np.float32] = truth.disparity[truth.valid]
    if known.size == 0:
        return ItemCheck(name, "has no pixel with ground truth", pixels=truth.disparity.size)
    check = check_by_warping(sample)
    problem = None
    if np.median(known) < 0:
        problem = "most disparities are below 0; negative_disparity: flip turns the sign"
    elif check is not None and check.best != 1.0:
        problem = check.verdict()
    return ItemCheck(
        name,
        problem,
        check is not None and check.confirmed,
        tuple(np.histogram(np.abs(known), HISTOGRAM)[0].tolist()),
        float(known.min()),
        float(known.max()),
        truth.disparity.size,
        known.size,
    )
