"""Which data sets lie below a folder: the names of files and folders tell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stereo.config import DatasetConfig, Family
from stereo.data.datasets import StereoDataset, build_dataset, describe
from stereo.data.families import eth3d, kitti, middlebury, scene_flow_layout
from stereo.data.families.folders import NothingFound, subfolders
from stereo.data.families.scene_flow_layout import EXPECTED_TEST_PARTS
from stereo.data.pairs import PairDataset, count_pairs
from stereo.errors import DataError

# How far below the path a data set may lie: real/middlebury2014/MiddEval3/trainingQ/Adirondack.
_DEPTH = 5


@dataclass
class Part:
    """One data set below the path.

    lines: what it is. dataset: its samples, None if it cannot be read at all. problems: one line each.
    """

    family: Family
    lines: list[str] = field(default_factory=list)
    dataset: StereoDataset | None = None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """What lies below a path. unrecognized: the folders in which no data set was recognized, and none below them."""

    parts: list[Part]
    unrecognized: list[Path]


def recognize(path: Path) -> Found:
    """Return the data sets that lie below a folder, or the pairs that a list file names.

    Raises: DataError if none is recognized.
    """
    if path.is_file():
        return Found([_part("pairs", path)], [])
    if not path.is_dir():
        raise DataError(f"{path}: there is nothing there; expected the folder of a data set, or a list file")
    search = _Search(path)
    if not search.visit(path, _DEPTH):
        scene_flow_layout.refuse_frames(path)
        shown = ", ".join(subfolders(path)[:8]) or "no folder"
        raise DataError(
            f"{path}: no data set is recognized below it; found {shown}; expected one of the layouts in data/README.md"
        )
    return Found(search.parts, search.unrecognized)


class _Search:
    """A walk through the folders below a path that collects data sets, and folders that are none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: list[Part] = []
        self.unrecognized: list[Path] = []
        self._middlebury: set[tuple[Path, int]] = set()

    def visit(self, folder: Path, depth: int) -> bool:
        """Collect what lies in a folder and in those down to `depth` below it; return whether there is anything."""
        count = len(self.parts)
        if (folder / "index.json").is_file():
            self.parts.append(_part("packed", folder))
            return True
        if self._is_scene(folder):
            return True
        belonging = self._belonging(folder)
        rest = [folder / name for name in subfolders(folder) if name not in belonging]
        unrecognized = [below for below in rest if depth == 0 or not self.visit(below, depth - 1)]
        if len(self.parts) == count:
            return False
        self.unrecognized += unrecognized
        return True

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
                self.parts.append(_part(f"middlebury{year}", beside))  # type: ignore[arg-type]  # one of those years
        return True

    def _belonging(self, folder: Path) -> set[str]:
        """Collect the data sets that lie in a folder itself; return the names of the folders that belong to them."""
        names = set(subfolders(folder))
        belonging: set[str] = set()
        trees = scene_flow_layout.find_trees(folder, depth=1)
        if trees:
            self.parts += _scene_flow(trees)
            belonging |= {name for name in names if scene_flow_layout.is_part(name)}
        year = kitti.recognize_year(folder)
        if year is not None:
            family: Family = "kitti2012" if year == 2012 else "kitti2015"
            self.parts += [] if folder.name == "testing" else [_part(family, folder)]
            self.parts += _test_half(family, folder)
            belonging |= {"training", "testing"} if "training" in names else names & kitti.FOLDERS
        if any(name in names for folders in eth3d.IMAGE_FOLDERS.values() for name in folders):
            self.parts += [_part("eth3d", folder)] if "two_view_training" in names else []
            self.parts += _test_half("eth3d", folder)
            belonging |= {name for name in names if name.startswith("two_view_")}
        return belonging


def _part(family: Family, path: Path) -> Part:
    part = Part(family)
    try:
        part.dataset = build_dataset(DatasetConfig(family=family, path=str(path), check_views=False))
        part.lines = [f"{line}, {path}" for line in describe(part.dataset)]
        if isinstance(part.dataset, kitti.Kitti) and part.dataset.partial:
            part.lines.append(f"  {part.dataset.partial}")
    except DataError as error:
        part.lines = [f"{family}: cannot be read, {path}"]
        part.problems = [str(error)]
    return part


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


def _scene_flow(trees: list[scene_flow_layout.Tree]) -> Iterator[Part]:
    for tree in trees:
        part = Part("scene_flow", [tree.describe()], problems=list(tree.problems))
        expected = EXPECTED_TEST_PARTS if tree.split == "test" else {}
        for name, count in sorted(tree.parts().items()):
            part.lines.append(f"  {name}: {count:,}" + (f" of {expected[name]:,}" if name in expected else ""))
        if tree.unused:
            part.lines.append(f"  {tree.unused:,} disparity maps have no views and are not used")
        if tree.pairs:
            part.dataset = PairDataset(tree.pairs, check_views=False)  # the complete pairs, whatever else is wrong
        yield part
