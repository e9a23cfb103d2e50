"""Photographs on surfaces: crops of the user's own pictures, of any size and format that can be read."""

import os
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from stereo.data.formats import IMAGE_SUFFIXES, read_image
from stereo.data.hidden import is_hidden
from stereo.data.sample import Image
from stereo.errors import DataError
from stereo.files import is_closed

# Pictures are shrunk to this size, px, a few times that of a surface; this many of them are kept, about 2 MB each. To
# read one takes longer than all that a scene does with it.
_LONGEST_SIDE, _KEPT = 1024, 512


def crop_of_photograph(rng: Generator, folder: str, height: int, width: int) -> Image:
    """Return a random crop of a random picture of a folder, RGB uint8 [height, width, 3], mirrored or not.

    Raises: DataError where there is no such folder or no picture in it; FormatError for a broken picture.
    """
    paths = list_photographs(folder)
    picture = _read(paths[int(rng.integers(len(paths)))])
    # The largest part of the picture that has the crop's proportions, or down to a third of its sides.
    largest = min(picture.shape[0] / height, picture.shape[1] / width)
    scale = largest * np.exp(rng.uniform(np.log(1 / 3), 0))
    rows, columns = max(2, round(height * scale)), max(2, round(width * scale))
    top = int(rng.integers(picture.shape[0] - rows + 1)) if rows < picture.shape[0] else 0
    left = int(rng.integers(picture.shape[1] - columns + 1)) if columns < picture.shape[1] else 0
    crop = picture[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        crop = np.asarray(cv2.flip(crop, 1), np.uint8)  # thirty times as fast as a copy of crop[:, ::-1]
    interpolation = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (width, height), interpolation=interpolation), np.uint8)


def keep_photographs(folder: str) -> None:
    """Read as many pictures of a folder as are kept: loader processes that are forked after this share them.

    Raises: DataError where there is no such folder or no picture in it; FormatError for a broken picture.
    """
    for path in list_photographs(folder)[:_KEPT]:
        _read(path)


@lru_cache(maxsize=8)
def list_photographs(folder: str) -> tuple[Path, ...]:
    """Return the pictures below a folder, by name. Raises: DataError where there is none."""
    root = Path(folder)
    if not os.path.isdir(root):
        raise DataError(f"{folder}: synthetic.textures should be a folder of pictures, but there is no such folder")
    if is_closed(root):
        raise DataError(f"{folder}: cannot be listed: you may not look into the folder of synthetic.textures")
    pictures = [path for path in root.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES]
    found = tuple(sorted(path for path in pictures if not any(map(is_hidden, path.relative_to(root).parts))))
    if not found:
        raise DataError(f"{folder}: no picture in synthetic.textures; looked for {', '.join(IMAGE_SUFFIXES)}")
    return found


@lru_cache(maxsize=_KEPT)
def _read(path: Path) -> Image:
    picture = read_image(path)
    scale = _LONGEST_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = max(2, round(picture.shape[1] * scale)), max(2, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
