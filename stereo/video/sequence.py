"""ImageSequence: images whose names differ in one place as the frames of a video."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from stereo.data.formats import IMAGE_SUFFIXES, read_image
from stereo.data.patterns import FRAME_PLACE, images_of_pattern
from stereo.data.sample import Image
from stereo.errors import DataError
from stereo.output import safe_name

_PLACE = re.compile(FRAME_PLACE)


class ImageSequence:
    """Images in files as a stream, with what :class:`stereo.video.capture.Capture` has: the pattern is its name."""

    is_camera = False
    frame_rate = None
    size = None
    seconds = None

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        self.name = name
        self._paths = paths
        self.count = len(paths)
        self.number = -1

    @property
    def frame_name(self) -> str:
        """Return the name of the frame that was grabbed last: its file's, without the ending."""
        return safe_name(self._paths[self.number].stem)

    def grab(self) -> bool:
        """Go on to the next frame; return whether there is one."""
        self.number += 1
        return self.number < self.count

    def read(self) -> Image:
        """Return the frame that was grabbed last, RGB uint8 [H, W, 3]. Raises: FormatError where it is broken."""
        return read_image(self._paths[self.number])

    def close(self) -> None:
        """Do nothing: no file stays open."""


def is_pattern(word: str) -> bool:
    """Return whether a word of a command line stands for many files."""
    return _PLACE.search(word) is not None and not os.path.exists(word)


def open_sequence(pattern: str) -> ImageSequence:
    """Return the images that a pattern stands for, in the order of their numbers. Raises: DataError."""
    return ImageSequence(pattern, list(_files(pattern).values()))


def open_sequences(left: str, right: str) -> tuple[ImageSequence, ImageSequence, list[str]]:
    """Return the images of two patterns that belong together, and a message about each that has no partner.

    Two images belong together where the same stands at the place that the patterns leave open: numbers by their value.

    Raises: DataError where a pattern stands for no image, or no two images belong together.
    """
    lefts, rights = _files(left), _files(right)
    shared = [key for key in lefts if key in rights]
    if not shared:
        raise DataError(
            f"{left} and {right}: no image of one belongs to an image of the other ('{next(iter(lefts))}', … and "
            f"'{next(iter(rights))}', …); the same has to stand at the place of %d or *"
        )
    alone = [
        f"{own[key]}: has no partner among {other_pattern}"
        for own, other, other_pattern in ((lefts, rights, right), (rights, lefts, left))
        for key in own
        if key not in other
    ]
    lefts_found, rights_found = ([files[key] for key in shared] for files in (lefts, rights))
    return ImageSequence(left, lefts_found), ImageSequence(right, rights_found), alone


def _files(pattern: str) -> dict[str, Path]:
    """Return the files by what stands at the open place, in natural order."""
    pattern = os.path.expanduser(pattern)
    folder, name = os.path.split(pattern)
    if len(_PLACE.findall(name)) != 1 or _PLACE.search(folder):
        raise DataError(f"{pattern}: expected one %d, %04d or * in the name of the file, and none in its folder")
    if Path(name).suffix.lower() not in IMAGE_SUFFIXES:
        raise DataError(f"{pattern}: has the ending '{Path(name).suffix}', expected one of {', '.join(IMAGE_SUFFIXES)}")
    found = sorted(images_of_pattern(pattern, FRAME_PLACE), key=lambda image: _natural(image[0]))
    if not found:
        raise DataError(f"{pattern}: no such image; check the folder and the name")
    # 7 and 0007 are one number.
    return {key.lstrip("0") or "0" if key.isdecimal() else key: path for key, path in found}


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Return what sorts 9 before 10."""
    parts = re.findall(r"\d+|\D+", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
