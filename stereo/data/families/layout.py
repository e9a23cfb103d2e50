"""Data sets on disk that templates of paths describe: finding their pairs, and reading them.

The module of such a family has its name (sintel.py) and holds one :class:`Layout`, the constant LAYOUT. Its name in
`FolderFamily` (stereo/config/families.py) makes it known to every command.

A template is the end of a path, with a field in braces for each part that differs from pair to pair:

    {environment}/{level}/{trajectory}/image_left/{frame}_left

A field stands for any text without "/", and `{scene:[a-z]+}` for what the expression matches; the same field has the
same text everywhere in a pair. Since the whole path of a file is compared, the folder that a user names may be any one
above the views or their own folder, and a sample has the same name whichever it is: the family and the fields of the
left view.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from stereo.data.families.folders import names_in, nothing_found, require_folder, walk_folders
from stereo.data.formats import IMAGE_SUFFIXES
from stereo.data.formats.encodings import read_above_zero
from stereo.data.hidden import is_hidden
from stereo.data.missing import Missing
from stereo.data.pairs import PairDataset, PairFiles, TruthReader, count_pairs, load_pair
from stereo.data.sample import Calibration, StereoSample
from stereo.errors import DataError

# How far below the named folder the views may lie: two more than the longest template, for archives in folders of
# their own.
_DEPTH = 8
_FIELD = re.compile(r"\{(\w+)(?::([^}]*))?\}")
# Fields with a meaning of their own: the half of the data set, and the rendering pass, which is not part of a name.
_SPLIT, _RENDERING = "split", "rendering"
# How the names of folders begin that are for training; InStereo2K has part1 to part5. The others are for testing.
_TRAINING = ("train", "part")


@dataclass(frozen=True)
class PairPaths:
    """Templates of the files of each pair.

    left, right: the views without their suffix, which is that of any image and the same for both.
    truth, truth_right: ground truth of the left and of the right view.
    hidden: images that are not 0 where the left pixel is not visible in the right view.
    visible: an image that is 255 where it is.
    calibration: a file on the cameras.
    All but views and `truth` are used where they are there.
    """

    left: str
    right: str
    truth: str
    truth_right: str | None = None
    hidden: tuple[str, ...] = ()
    visible: str | None = None
    calibration: str | None = None


@dataclass(frozen=True)
class Layout:
    """A data set: where its files lie and how they are read.

    pairs: the arrangements that it comes in; for each left view the first one counts whose ground truth is there.
    read_truth: reads ground truth as disparity in px.
    calibration: that of all pairs, where it is known and no file says it.
    read_calibration: reads that of a pair whose calibration file is there; it takes the file and the pair's name.
    renderings: the text of the field `rendering` for each pass.
    """

    family: str
    pairs: tuple[PairPaths, ...]
    read_truth: TruthReader = read_above_zero
    calibration: Calibration | None = None
    read_calibration: Callable[[Path, str], Calibration] | None = None
    renderings: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_split(self) -> bool:
        """Return whether the folders tell a half for training from one for testing."""
        return any(f"{{{_SPLIT}" in paths.left for paths in self.pairs)


class FolderPairs(PairDataset):
    """The pairs of a data set with a :class:`Layout`, sorted by name.

    Args:
        layout: The data set.
        path: A folder that holds it, or a part of it.
        split: `train` or `test` (which is validation too), of sets whose folders tell them apart. None: both.
        rendering: `cleanpass` or `finalpass`, of sets that have both.
        load_right_disparity: Also read the right view's ground truth, where it is there.
        check_views: See :class:`PairDataset`.

    Raises: DataError if there is no such folder or no pair, or if a name is there twice.
    """

    def __init__(
        self,
        layout: Layout,
        path: str | Path,
        split: str | None = None,
        rendering: str = "cleanpass",
        load_right_disparity: bool = False,
        check_views: bool = True,
    ) -> None:
        root = require_folder(path, layout.family)
        self.layout = layout
        chosen = [split] if layout.has_split and split is not None else []
        chosen += [rendering] if layout.renderings else []
        self.title = layout.family + (f" ({', '.join(chosen)})" if chosen else "")
        index = _Index(layout, split, layout.renderings.get(rendering), load_right_disparity)
        for folder in walk_folders(root, _DEPTH):
            index.add(folder)
        self.without_truth = sorted(index.without_truth - index.with_pairs)
        if not index.pairs:
            found = [f"{folder} without ground truth" for folder in self.without_truth]
            found += sorted(index.others)
            paths = layout.pairs[0]
            wanted = _without_expressions(f"{paths.left}.png, {paths.right}.png and {paths.truth}")
            raise nothing_found(root, self.title, wanted, found)
        for name, missing in index.missing.items():
            index.pairs[name] = replace(index.pairs[name], problem=missing)
        super().__init__([index.pairs[name] for name in sorted(index.pairs)], check_views)

    def load(self, pair: PairFiles) -> StereoSample:
        read_calibration = self.layout.read_calibration
        if read_calibration is None:
            sample = load_pair(pair, truth_reader=self.layout.read_truth)
            return replace(sample, calibration=self.layout.calibration)
        return load_pair(pair, lambda path: read_calibration(path, pair.name), self.layout.read_truth)

    def report(self) -> list[str]:
        """Return what was found, and which folders of views are not used."""
        incomplete = sum(pair.problem is not None for pair in self.pairs)
        more = f", and {incomplete:,} incomplete" if incomplete else ""
        lines = [f"{self.title}: {count_pairs(len(self) - incomplete)}{more}"]
        count = len(self.without_truth)
        if count:
            lines.append(
                f"  {count:,} folder{'s' * (count > 1)} of views without ground truth not used: {self.without_truth[0]}"
                + " …" * (count > 1)
            )
        return lines


def find_root(layout: Layout, folder: Path) -> Path | None:
    """Return the folder below which a template lies, if `folder` holds left views of the data set; else None."""
    index = _Index(layout, None, None, False)
    index.add(folder, most=50)
    return Path(index.base) if index.base else None


class _Index:
    """The pairs of a data set by name, collected folder by folder.

    missing: what each incomplete pair lacks.
    without_truth: folders of views whose folder of ground truth is not there. with_pairs: those of which one is used.
    others: which halves and renderings are there that are not asked for.
    base: the folder below which a template lies that fits a left view and its ground truth.
    """

    def __init__(self, layout: Layout, split: str | None, rendering: str | None, with_right: bool) -> None:
        self._layout, self._split, self._rendering, self._with_right = layout, split, rendering, with_right
        self._folder = lru_cache(maxsize=64)(Path)
        self._names = lru_cache(maxsize=64)(lambda folder: frozenset(names_in(folder)))
        self.pairs: dict[str, PairFiles] = {}
        self.missing: dict[str, Missing] = {}
        self.without_truth: set[str] = set()
        self.with_pairs: set[str] = set()
        self.others: set[str] = set()
        self.base = ""

    def add(self, folder: Path, most: int | None = None) -> None:
        """Add the pairs whose left views lie in a folder; of at most so many views."""
        text = Path(os.path.abspath(folder)).as_posix()
        for paths in self._layout.pairs:
            template, _, stem = paths.left.rpartition("/")
            match = _pattern(f"/{template}").search(text)
            if match is None or not self._is_wanted(match.groupdict()):
                continue
            for file, fields in islice(self._views(text, _pattern(stem)), most):
                self._add(paths, text[: match.start()], f"{text}/{file}", match.groupdict() | fields)

    def _is_wanted(self, fields: Mapping[str, str]) -> bool:
        if self._rendering is not None and fields.get(_RENDERING, self._rendering) != self._rendering:
            self.others.add(f"the rendering {fields[_RENDERING]}")
            return False
        if self._split is None or _SPLIT not in fields:
            return True
        half = "train" if fields[_SPLIT].lower().startswith(_TRAINING) else "test"
        if half != self._split:
            self.others.add(f"the split {half}")
        return half == self._split

    def _views(self, folder: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the left views in a folder, with what their names say of the fields."""
        for name in sorted(self._names(folder)):
            stem, suffix = os.path.splitext(name)
            match = pattern.search(stem) if suffix.lower() in IMAGE_SUFFIXES else None
            if match is not None and match.start() == 0 and not is_hidden(name):
                yield name, match.groupdict()

    def _add(self, paths: PairPaths, base: str, left: str, fields: Mapping[str, str]) -> None:
        """Add the pair of a left view, unless it was found in an arrangement before this one."""

        def path(template: str, suffix: str = "") -> str:
            return f"{base}/{_without_expressions(template).format_map(fields)}{suffix}"

        def optional(template: str | None) -> Path | None:
            return self._path(path(template)) if template is not None and self._is_there(path(template)) else None

        name = "/".join([self._layout.family, *(text for key, text in fields.items() if key != _RENDERING)])
        before = self.pairs.get(name)
        if before is not None and name not in self.missing and before.left.as_posix() == left:
            return
        folder = os.path.dirname(left)
        right, truth = path(paths.right, os.path.splitext(left)[1]), path(paths.truth)
        if not self._names(os.path.dirname(truth)):
            self.without_truth.add(folder)
            return
        if before is not None and before.left.as_posix() != left:
            raise DataError(
                f"{left}: is the pair {name}, which {before.left} is too; give the path of the folder of one copy of "
                "the data set"
            )
        has_truth = self._is_there(truth)
        if before is not None and not has_truth:
            return
        self.pairs[name] = PairFiles(
            name=name,
            left=self._path(left),
            right=self._path(right),
            disparity=self._path(truth),
            disparity_right=optional(paths.truth_right) if self._with_right else None,
            visible_mask=optional(paths.visible),
            hidden_masks=tuple(mask for mask in map(optional, paths.hidden) if mask is not None),
            calibration=optional(paths.calibration),
        )
        self.with_pairs.add(folder)
        self.missing.pop(name, None)
        if not has_truth:
            self.missing[name] = Missing(Path(truth), Path(left), "the ground truth")
        elif not self._is_there(right):
            self.missing[name] = Missing(Path(right), Path(left), "the right view")
        if has_truth:
            self.base = base

    def _is_there(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return name in self._names(folder)

    def _path(self, text: str) -> Path:
        folder, _, name = text.rpartition("/")
        return self._folder(folder) / name  # from the whole text it takes three times as long


@lru_cache(maxsize=256)
def _without_expressions(template: str) -> str:
    return _FIELD.sub(r"{\1}", template)


@lru_cache(maxsize=256)
def _pattern(template: str) -> re.Pattern[str]:
    """Return the expression that the end of a text matches which is of the template."""
    parts, position = [], 0
    names: set[str] = set()
    for match in _FIELD.finditer(template):
        name, expression = match.groups()
        parts.append(re.escape(template[position : match.start()]))
        parts.append(f"(?P={name})" if name in names else f"(?P<{name}>{expression or '[^/]+'})")
        names.add(name)
        position = match.end()
    return re.compile("".join(parts) + re.escape(template[position:]) + "$")
