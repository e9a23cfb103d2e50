"""Which data sets lie below a folder: the names of files and folders tell."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from stereo.config import FOLDER_FAMILIES, DatasetConfig, Family, FolderFamily, with_overrides
from stereo.data.datasets import (
    NothingChosen,
    StereoDataset,
    build_dataset,
    choose_samples,
    describe,
    layout_of,
    pair_files,
    split_incomplete,
)
from stereo.data.families import eth3d, kitti, middlebury
from stereo.data.families.folders import NothingFound, closed_folders_passed_over, subfolders
from stereo.data.families.layout import find_root
from stereo.data.families.scene_flow.layout import find_trees, refuse_frames
from stereo.data.families.scene_flow.names import EXPECTED_TEST_PARTS, Rendering, Split, is_part
from stereo.data.families.scene_flow.tree import Found as FoundSceneFlow
from stereo.data.missing import Missing
from stereo.data.pairs import PairDataset, count_pairs
from stereo.errors import DataError

# How far below the path a data set may lie: vkitti2/Scene01/clone/frames/rgb/Camera_0 and one more.
_DEPTH = 7


@dataclass
class Part:
    """One data set below the path.

    lines: what it is. dataset: its complete pairs, None if it cannot be read at all. problems: one line each.
    incomplete: what is wrong with each other pair, by name.
    """

    family: Family
    lines: list[str] = field(default_factory=list)
    dataset: StereoDataset | None = None
    problems: list[str] = field(default_factory=list)
    incomplete: Mapping[str, Missing | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What lies below a path.

    unrecognized: the folders in which no data set was recognized, and none below them. closed: what is wrong with those
    that cannot be listed.
    """

    parts: list[Part]
    unrecognized: list[Path] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def recognize(path: Path, settings: Sequence[str] = ()) -> Found:
    """Return the data sets that lie below a folder, or the pairs that a list file names.

    Args:
        settings: Settings of all of them, as `key=value`.

    Raises: DataError if none is recognized; ConfigError for a setting that is wrong.
    """
    if os.path.isfile(path):
        return Found([_part("pairs", path, settings)])
    if not os.path.isdir(path):
        raise DataError(f"{path}: there is nothing there; expected the folder of a data set, or a list file")
    search = _Search(path, settings)
    with closed_folders_passed_over() as closed:
        is_there = search.visit(path, _DEPTH)
    if not is_there and closed:
        raise DataError(next(iter(closed.values())))
    if not is_there:
        refuse_frames(path)
        shown = ", ".join(subfolders(path)[:8]) or "no folder"
        raise DataError(
            f"{path}: no data set is recognized below it; found {shown}; expected one of the layouts in data/README.md"
        )
    unrecognized = [folder for folder in search.unrecognized if folder not in search.used | closed.keys()]
    outermost = [message for folder, message in closed.items() if closed.keys().isdisjoint(folder.parents)]
    return Found(search.parts, unrecognized, outermost)


class _Search:
    """A walk through the folders below a path that collects data sets, and folders that are none."""

    def __init__(self, path: Path, settings: Sequence[str]) -> None:
        self.path = path
        self.settings = settings
        self.parts: list[Part] = []
        self.unrecognized: list[Path] = []
        # Folders that hold ground truth of data sets whose views lie elsewhere.
        self.used: set[Path] = set()
        self._middlebury: set[tuple[Path, int]] = set()
        self._with_layout: set[tuple[FolderFamily, Path]] = set()
        # Folders that belong to a data set with a layout, all of which was collected when its first views were found.
        self._taken: set[Path] = set()

    def visit(self, folder: Path, depth: int) -> bool:
        """Collect what lies in a folder and in those down to `depth` below it; return whether there is anything."""
        count = len(self.parts)
        if os.path.isfile(folder / "index.json"):
            self.parts.append(_part("packed", folder, self.settings))
            return True
        if self._has_layout(folder) or self._is_scene(folder):
            return True
        belonging = self._belonging(folder)
        rest = [folder / name for name in subfolders(folder) if name not in belonging]
        unrecognized = [below for below in rest if depth == 0 or not self.visit(below, depth - 1)]
        if len(self.parts) == count:
            return False
        self.unrecognized += [below for below in unrecognized if not self._is_taken(below)]
        return True

    def _has_layout(self, folder: Path) -> bool:
        """Return whether a folder holds views of a data set with a layout; the first one brings all of the data set."""
        if self._is_taken(folder):
            return True
        for family in FOLDER_FAMILIES:
            root = find_root(layout_of(family), folder)
            if root is not None:
                root = max(root, _absolute(self.path), key=lambda path: len(path.parts))  # of two, one holds the other
                self._taken |= {_absolute(folder), *_in(root, folder)}
                if (family, root) not in self._with_layout:
                    self._with_layout.add((family, root))
                    parts = list(_with_layout(family, root, self.settings))
                    self.parts += parts
                    files = [file for part in parts for file in _files(part)]
                    self._taken |= {below for file in files for below in _in(root, file.parent)}
                return True
        return False

    def _is_taken(self, folder: Path) -> bool:
        return not self._taken.isdisjoint((_absolute(folder), *_absolute(folder).parents))

    def _is_scene(self, folder: Path) -> bool:
        """Return whether a folder is a scene of Middlebury; the first one brings all that lie beside it."""
        year = None if folder.name in middlebury.WITHOUT_TRUTH else middlebury.recognize_year(folder)
        if year is None:
            return False
        beside = folder if folder == self.path else folder.parent
        if (beside, year) not in self._middlebury:
            self._middlebury.add((beside, year))
            if middlebury.in_test_half(folder):
                self.parts += _test_half("middlebury2014", beside)
            else:
                family: Family = f"middlebury{year}"  # type: ignore[assignment]  # one of those years
                self.parts.append(_part(family, beside, self.settings))
        return True

    def _belonging(self, folder: Path) -> set[str]:
        """Collect the data sets that lie in a folder itself; return the names of the folders that belong to them."""
        names = set(subfolders(folder))
        belonging: set[str] = set()
        found = find_trees(folder, depth=1, top=self.path)
        if found.trees or found.unrecognized:
            self.parts += _scene_flow(found, folder, self.settings)
            maps = [tree.pairs[0].disparity for tree in found.trees if tree.pairs]
            self.used |= {above for path in maps if path is not None for above in path.parents}
            belonging |= {name for name in names if is_part(name)}
        year = kitti.recognize_year(folder)
        if year is not None:
            family: Family = "kitti2012" if year == 2012 else "kitti2015"
            self.parts += [] if folder.name == "testing" else [_part(family, folder, self.settings)]
            self.parts += _test_half(family, folder)
            belonging |= {"training", "testing"} if "training" in names else names & kitti.FOLDERS
        if any(name in names for folders in eth3d.IMAGE_FOLDERS.values() for name in folders):
            self.parts += [_part("eth3d", folder, self.settings)] if "two_view_training" in names else []
            self.parts += _test_half("eth3d", folder)
            belonging |= {name for name in names if name.startswith("two_view_")}
        return belonging


def _with_layout(family: FolderFamily, path: Path, settings: Sequence[str]) -> Iterator[Part]:
    """Yield the halves and renderings of a data set with a layout, as far as they are there."""
    layout = layout_of(family)
    splits = [f"split={split}" for split in get_args(Split)] if layout.has_split else ["split=null"]
    renderings = [f"rendering={rendering}" for rendering in get_args(Rendering) if layout.renderings]
    for split in splits:
        for rendering in renderings or ["rendering=cleanpass"]:
            with suppress(NothingFound):
                yield _part(family, path, [*settings, split, rendering])


def _files(part: Part) -> Iterator[Path]:
    for pair in () if part.dataset is None else pair_files(part.dataset):
        yield from (file for file in (pair.left, pair.right, pair.disparity) if file is not None)


def _in(root: Path, folder: Path) -> set[Path]:
    """Return the folder in `root` that another one is or lies in; nothing where it is none of them."""
    own = _absolute(folder)
    return {root / own.relative_to(root).parts[0]} if root in own.parents else set()


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(folder))


def _part(family: Family, path: Path, settings: Sequence[str]) -> Part:
    part = Part(family)
    try:
        dataset = build_dataset(_config(family, path, settings), keep_incomplete=True)
        first, *more = describe(dataset)
        part.lines = [f"{first}, {path}", *more]
        if isinstance(dataset, kitti.Kitti) and dataset.partial:
            part.lines.append(f"  {dataset.partial}")
        part.dataset, part.incomplete = split_incomplete(dataset)
    except DataError as error:
        if family in FOLDER_FAMILIES and isinstance(error, NothingFound):
            raise
        part.lines = [f"{family}: cannot be read, {path}"]
        part.problems = [str(error)]
    return part


def _config(family: Family, path: Path, settings: Sequence[str]) -> DatasetConfig:
    # Swapped views are found by a check of their own.
    return replace(with_overrides(DatasetConfig(family=family, path=str(path)), settings), check_views=False)


def _test_half(family: Family, path: Path) -> list[Part]:
    """Return the test half of a benchmark, whose pairs are counted and not looked at; nothing where it is not there."""
    part = Part(family)
    try:
        dataset = build_dataset(DatasetConfig(family=family, path=str(path), half="testing", check_views=False))
        part.lines = [f"{family}, test half without ground truth: {count_pairs(len(dataset))}, {path}"]
    except NothingFound:
        return []
    except DataError as error:
        part.lines = [f"{family}, test half: cannot be read, {path}"]
        part.problems = [str(error)]
    return [part]


def _scene_flow(found: FoundSceneFlow, folder: Path, settings: Sequence[str]) -> Iterator[Part]:
    for tree in found.trees:
        part = Part("scene_flow", [tree.describe()])
        expected = EXPECTED_TEST_PARTS if (tree.set_name, tree.split) == ("FlyingThings3D", "test") else {}
        for name, count in sorted(tree.parts().items()):
            part.lines.append(f"  {name}: {count:,}" + (f" of {expected[name]:,}" if name in expected else ""))
        if tree.unused:
            part.lines.append(f"  {tree.unused:,} disparity maps have no views and are not used")
        try:
            pairs = PairDataset(tree.all_pairs(), check_views=False)
            dataset = choose_samples(pairs, _config("scene_flow", folder, settings))
            part.dataset, part.incomplete = split_incomplete(dataset)
        except NothingChosen as error:
            part.lines.append(f"  {error}")
        yield part
    if found.unrecognized:
        lines = [f"Scene Flow: frames that are not recognized, {folder}"]
        yield Part("scene_flow", lines, problems=list(found.unrecognized))
