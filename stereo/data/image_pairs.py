"""Pairs that belong to no data set: two images, two folders of them, two patterns, or a list.

Each is named as one folder can be.
"""

import glob
import os
import re
from pathlib import Path

from stereo.data.families.pair_list import PairList
from stereo.data.formats import IMAGE_SUFFIXES
from stereo.data.pairs import PairFiles
from stereo.errors import DataError
from stereo.output import safe_name


def pairs_of_list(path: str | Path) -> list[PairFiles]:
    """Return the images of each pair that a list file names, numbered, which keeps similar names apart.

    Raises: DataError as :class:`stereo.data.families.pair_list.PairList`.
    """
    return [
        PairFiles(f"{number:05d}_{safe_name(pair.name)}", pair.left, pair.right)
        for number, pair in enumerate(PairList(path).pairs, 1)
    ]


def pairs_of_paths(left: Path, right: Path) -> tuple[list[PairFiles], list[str]]:
    """Return the pairs of two folders, or the one pair of two images, and a message about each image without a partner.

    In folders, images of one name without the ending belong together. Two images need not exist, and have no name.

    Raises: DataError where one is a folder and the other an image, two images of a folder have one name, or no two of
        two folders belong together.
    """
    if left.is_dir() != right.is_dir() and left.exists() and right.exists():
        raise DataError(f"{left} and {right}: expected two images or two folders, got one of each")
    if not left.is_dir():
        return [PairFiles("", left, right)], []
    lefts, rights = _images(left), _images(right)
    names = [name for name in lefts if name in rights]
    if not names:
        raise DataError(
            f"{left} and {right}: no image of one has the name of an image of the other ({_first(lefts, left)}; "
            f"{_first(rights, right)}); names without the ending have to be the same: rename them, or name the pairs "
            "in a list"
        )
    unmatched = [
        f"{own[name]}: no image of that name in {other_folder}"
        for own, other, other_folder in ((lefts, rights, right), (rights, lefts, left))
        for name in own
        if name not in other
    ]
    return [PairFiles(name, lefts[name], rights[name]) for name in names], unmatched


def is_pattern(path: str | Path) -> bool:
    """Return whether a path stands for several files, as in left/*.png; a file of that name counts before."""
    return glob.has_magic(str(path)) and not os.path.exists(path)


def pairs_of_patterns(left: str | Path, right: str | Path) -> tuple[list[PairFiles], list[str]]:
    """Return the pairs of two patterns, and a message about each image without a partner.

    Patterns have `*`, `?`, `[…]` and, for any number of folders, `**/`. Images belong together for which these stand
    for the same text, as in `*/im0.png` and `*/im1.png`, and the pair is named by it.

    Raises: DataError where only one is a pattern, or no two images belong together.
    """
    for path in (left, right):
        if not is_pattern(path):
            raise DataError(f"{left} and {right}: expected two patterns, but {path} has no *; quote both in the shell")
    lefts, rights = _matches(str(left)), _matches(str(right))
    names = [name for name in lefts if name in rights]
    if not names:
        raise DataError(
            f"{left} and {right}: match {len(lefts)} and {len(rights)} files, but what * stands for is the same in no "
            "two of them; name the pairs in a list"
        )
    unmatched = [
        f"{own[name]}: no image for it among {other_pattern}"
        for own, other, other_pattern in ((lefts, rights, right), (rights, lefts, left))
        for name in own
        if name not in other
    ]
    return [PairFiles(name, lefts[name], rights[name]) for name in names], unmatched


# The parts of a pattern that stand for something, and what each may stand for.
_MAGIC = {r"\*\*/": r"((?:[^/]+/)*)", r"\*+": r"([^/]*)", r"\?": r"([^/])", r"\[[^]]+\]": None}


def _matches(pattern: str) -> dict[str, Path]:
    """Return the files of a pattern by what its magic parts stand for, sorted."""
    parts = re.split("(" + "|".join(_MAGIC) + ")", pattern)
    expression = "".join(_expression(part) if number % 2 else re.escape(part) for number, part in enumerate(parts))
    found: dict[str, Path] = {}
    for path in sorted(glob.glob(pattern, recursive=True)):
        match = re.fullmatch(expression, path)
        if match is not None and os.path.isfile(path):
            found.setdefault(safe_name("_".join(group.strip("/") for group in match.groups() if group)), Path(path))
    return found


def _expression(part: str) -> str:
    for magic, expression in _MAGIC.items():
        if re.fullmatch(magic, part):
            return expression or "(" + part.replace("[!", "[^", 1) + ")"
    raise AssertionError(part)


def _images(folder: Path) -> dict[str, Path]:
    """Return the images of a folder by name without ending, sorted."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    images: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            name = safe_name(path.stem)
            if name in images:
                raise DataError(
                    f"{folder}: {images[name].name} and {path.name} have one name; names without the ending have to "
                    "differ"
                )
            images[name] = path
    if not images:
        raise DataError(
            f"{folder}: holds no image that can be read ({_other_files(folder)}); expected "
            f"{', '.join(IMAGE_SUFFIXES)}: convert other images to PNG"
        )
    return images


def _other_files(folder: Path) -> str:
    suffixes = sorted({path.suffix.lower() for path in folder.iterdir() if path.is_file()})
    if not suffixes:
        return "no file at all"
    return "but " + ", ".join(suffix or "files without an ending" for suffix in suffixes[:5])


def _first(images: dict[str, Path], folder: Path) -> str:
    names = [path.name for path in images.values()]
    return f"{folder.name} has {', '.join(names[:2])}{' …' if len(names) > 2 else ''}"
