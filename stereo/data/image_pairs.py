"""Pairs that belong to no data set: two images, folders or patterns, images that hold both views, or a list.

Each is named as one file or folder can be, and read when it is needed.
"""

import glob
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from stereo.data.families.pair_list import PairList
from stereo.data.formats import IMAGE_SUFFIXES, read_image
from stereo.data.hidden import is_hidden
from stereo.data.pairs import PairFiles
from stereo.data.patterns import images_of_pattern
from stereo.data.sample import Image
from stereo.errors import DataError
from stereo.files import is_closed
from stereo.output import safe_name

# How one picture holds both views: the axis that they share out, and whether the left view comes first.
LAYOUTS = {"side-by-side": (1, True), "right-left": (1, False), "top-bottom": (0, True), "bottom-top": (0, False)}


@dataclass(frozen=True)
class ImagePair:
    """A pair to be predicted, of whatever source.

    name: that of its results, as one file or folder can have it; "" for a single pair without one.
    read: returns the left and the right view, RGB uint8 [H, W, 3]; raises DataError.
    """

    name: str
    read: Callable[[], tuple[Image, Image]]


@dataclass(frozen=True)
class ImagePairs:
    """The pairs that were asked for.

    unmatched: a message about each image without a partner. single: one pair was asked for, not one of many.
    """

    pairs: list[ImagePair]
    unmatched: list[str]
    single: bool = False


def pairs_of_list(path: str | Path, strict: bool = False, root: str | None = None, upright: bool = False) -> ImagePairs:
    """Return the images of each pair that a list file names, numbered, which keeps similar names apart.

    Args:
        strict: Refuse a list that names an image which is not there. Ground truth may be missing: nothing needs it.

    Raises: DataError as :class:`stereo.data.families.pair_list.PairList`.
    """
    pairs = PairList(path, root=root).pairs
    missing = [image for pair in pairs for image in (pair.left, pair.right) if strict and not os.path.isfile(image)]
    if missing:
        raise DataError(f"{path}: {len(missing):,} of its images are not there, the first of them {missing[0]}")
    return ImagePairs(
        [
            _pair_of_files(PairFiles(safe_name(f"{number:05d}_{pair.name}"), pair.left, pair.right), upright)
            for number, pair in enumerate(pairs, 1)
        ],
        [],
    )


def pairs_of_paths(left: str | Path, right: str | Path, upright: bool = False) -> ImagePairs:
    """Return the pairs of two folders or patterns, or the one pair of two images.

    In folders, images of one name without the ending belong together, or where there are none those whose names differ
    in left and right alone, as left_0001 and right_0001, 0001_L and 0001_R do; of patterns, those for which `*`, `?`,
    `[…]` and `**/` stand for the same text, as in `*/im0.png` and `*/im1.png`, and the pair is named by it. Hidden
    files (.DS_Store, ._a.png) count as none. Two images need not exist.

    Raises: DataError where the two are of different kinds, two images of a folder have one name, or no two belong
        together.
    """
    kinds = [_kind(path) for path in (left, right)]
    if kinds[0] != kinds[1]:
        missing = [str(path) for path in (left, right) if _kind(path) == "image" and not os.path.exists(path)]
        got = f"{missing[0]}: no such image or folder" if missing else f"got {kinds[0]} and {kinds[1]}"
        raise DataError(f"{left} and {right}: expected two images, two folders or two patterns; {got}")
    if kinds[0] == "image":
        name = safe_name(Path(left).stem)
        return ImagePairs([_pair_of_files(PairFiles(name, Path(left), Path(right)), upright)], [], single=True)
    lefts, rights = _matches(left), _matches(right)
    if os.path.realpath(left) == os.path.realpath(right) or not lefts.keys() & rights.keys():
        lefts, rights = without_side(lefts, "left"), without_side(rights, "right")
    names = sorted(name for name in lefts if name in rights)
    if not names:
        raise DataError(
            f"{left} and {right}: no image of one has the name of an image of the other ({_first(lefts, left)}; "
            f"{_first(rights, right)}); names without the ending, or what * stands for, have to be the same: rename "
            "them, or name the pairs in a list"
        )
    unmatched = [
        f"{own[name]}: no image of that name in {other_path}"
        for own, other, other_path in ((lefts, rights, right), (rights, lefts, left))
        for name in own
        if name not in other
    ]
    return ImagePairs(
        [_pair_of_files(PairFiles(name, lefts[name], rights[name]), upright) for name in names], unmatched
    )


def without_side(images: Mapping[str, Path], side: Literal["left", "right"]) -> dict[str, Path]:
    """Return the images of one side by the names of their pairs: the names without left or right, l or r.

    Images whose names do not say this side are left out; if that is none, all keep their names.
    """
    word = f"{side}|{side[0]}"
    expression = re.compile(rf"^(?:{word})(?:[_. -]|(?=\d))|(?:[_. -]|(?<=\d))(?:{word})$", re.IGNORECASE)
    found = {expression.sub("", name, count=1): path for name, path in images.items() if expression.search(name)}
    return found or dict(images)


def pairs_of_layout(path: str | Path, layout: str, upright: bool = False) -> ImagePairs:
    """Return the pairs of images that hold both views each: one image, a folder or a pattern of them.

    Raises: DataError where there is no image.
    """
    if _kind(path) == "image":
        name = safe_name(Path(path).stem)
        return ImagePairs([ImagePair(name, partial(_read_layout, Path(path), layout, upright))], [], single=True)
    images = _matches(path)
    return ImagePairs(
        [ImagePair(name, partial(_read_layout, image, layout, upright)) for name, image in images.items()], []
    )


def split_views(picture: Image, layout: str, name: str = "the picture") -> tuple[Image, Image]:
    """Return the left and the right view of a picture that holds both.

    Args:
        picture: RGB uint8 [H, W, 3].
        layout: One of `LAYOUTS`.
        name: what the picture is called in messages.

    Raises: DataError where it cannot be halved.
    """
    axis, left_first = LAYOUTS[layout]
    if picture.shape[axis] % 2:
        raise DataError(
            f"{name}: is {picture.shape[1]}×{picture.shape[0]} (width × height), expected an even "
            f"{('height', 'width')[axis]} for two views {layout}; cut off what belongs to neither view"
        )
    first, second = (np.ascontiguousarray(half) for half in np.split(picture, 2, axis))
    return (first, second) if left_first else (second, first)


def _read_layout(path: Path, layout: str, upright: bool) -> tuple[Image, Image]:
    return split_views(read_image(path, upright=upright), layout, str(path))


def _pair_of_files(files: PairFiles, upright: bool) -> ImagePair:
    def read() -> tuple[Image, Image]:
        left, right = read_image(files.left, upright=upright), read_image(files.right, upright=upright)
        if left.shape != right.shape:
            raise DataError(
                f"{files.left} is {left.shape[1]}×{left.shape[0]} but {files.right} is {right.shape[1]}×"
                f"{right.shape[0]} (width × height); a pair has one size: check that the two files belong together"
            )
        return left, right

    return ImagePair(files.name, read)


def _kind(path: str | Path) -> str:
    if os.path.isdir(path):
        return "a folder"
    # A file of that name counts before.
    return "a pattern" if glob.has_magic(str(path)) and not os.path.exists(path) else "image"


def _matches(path: str | Path) -> dict[str, Path]:
    """Return the images of a folder or pattern by the name of their pair, sorted. Raises: DataError."""
    found = images_of_pattern(str(path)) if _kind(path) == "a pattern" else _folder_images(Path(path))
    images: dict[str, Path] = {}
    for name, image in found:
        name = safe_name(name)
        if name in images:
            raise DataError(
                f"{path}: {images[name].name} and {image.name} have one name; names without the ending, or what * "
                "stands for, have to differ"
            )
        images[name] = image
    if not images:
        folder = Path(path) if os.path.isdir(path) else Path(path).parent
        held = "you may not look into the folder" if is_closed(folder) else _other_files(Path(path))
        raise DataError(
            f"{path}: holds no image that can be read ({held}); expected {', '.join(IMAGE_SUFFIXES)}: convert other "
            "images to PNG"
        )
    return images


def _folder_images(folder: Path) -> list[tuple[str, Path]]:
    if not os.path.isdir(folder):
        raise DataError(f"{folder}: no such folder")
    return [
        (path.stem, path)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES and not is_hidden(path.name) and os.path.isfile(path)
    ]


def _other_files(folder: Path) -> str:
    if not os.path.isdir(folder):
        return "no such file"
    suffixes = sorted(
        {path.suffix.lower() for path in folder.iterdir() if os.path.isfile(path) and not is_hidden(path.name)}
    )
    if not suffixes:
        return "no file at all"
    return "but " + ", ".join(suffix or "files without an ending" for suffix in suffixes[:5])


def _first(images: dict[str, Path], path: str | Path) -> str:
    names = [image.name for image in images.values()]
    return f"{Path(path).name} has {', '.join(names[:2])}{' …' if len(names) > 2 else ''}"
