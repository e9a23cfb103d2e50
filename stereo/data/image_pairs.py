"""Pairs that belong to no data set: two images, two folders of them, or a list. Each is named as one folder can be."""

import os
from pathlib import Path

from stereo.data.families.pair_list import PairList
from stereo.data.formats import IMAGE_SUFFIXES
from stereo.data.hidden import is_hidden
from stereo.data.pairs import PairFiles
from stereo.errors import DataError
from stereo.output import safe_name


def pairs_of_list(path: str | Path, strict: bool = False) -> list[PairFiles]:
    """Return the images of each pair that a list file names, numbered, which keeps similar names apart.

    Args:
        strict: Refuse a list that names an image which is not there. Ground truth may be missing: nothing needs it.

    Raises: DataError as :class:`stereo.data.families.pair_list.PairList`.
    """
    pairs = PairList(path).pairs
    missing = [image for pair in pairs for image in (pair.left, pair.right) if strict and not os.path.isfile(image)]
    if missing:
        raise DataError(f"{path}: {len(missing):,} of its images are not there, the first of them {missing[0]}")
    return [
        PairFiles(f"{number:05d}_{safe_name(pair.name)}", pair.left, pair.right) for number, pair in enumerate(pairs, 1)
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


def _images(folder: Path) -> dict[str, Path]:
    """Return the images of a folder by name without ending, sorted."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    images: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path.name):
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
    suffixes = sorted({path.suffix.lower() for path in folder.iterdir() if path.is_file() and not is_hidden(path.name)})
    if not suffixes:
        return "no file at all"
    return "but " + ", ".join(suffix or "files without an ending" for suffix in suffixes[:5])


def _first(images: dict[str, Path], folder: Path) -> str:
    names = [path.name for path in images.values()]
    return f"{folder.name} has {', '.join(names[:2])}{' …' if len(names) > 2 else ''}"
