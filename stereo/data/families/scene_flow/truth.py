"""Which folder holds the disparity maps of a folder of frames of Scene Flow."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stereo.data.families.folders import subfolders
from stereo.data.families.scene_flow.names import DISPARITY, FRAMES, SetName, is_set_or_half, named_set


class Disparity(NamedTuple):
    """Where the disparity maps of a folder of frames may lie.

    folders: those that are there, the likeliest first. expected: where they should be if there is none.
    is_beside: they lie beside the frames, as in every arrangement unless archives have folders of their own.
    """

    folders: tuple[str, ...]
    expected: str
    is_beside: bool = True

    def of_clip(self, inside: str, set_name: SetName) -> str:
        """Return the folder of a clip's disparity maps, whether it exists or not.

        inside: the clip's path below the folder of frames.
        """
        fitting = [folder for folder in self.folders if named_set(folder) in (None, set_name)]
        # The halves are written in capitals in one archive and not in the other, where somebody renamed them.
        head, _, tail = inside.partition("/")
        spellings = dict.fromkeys(
            os.path.join(word, tail) if tail else word for word in (head, head.upper(), head.lower())
        )
        for folder in fitting:
            for spelling in spellings:
                if os.path.isdir(os.path.join(folder, spelling)):
                    return os.path.join(folder, spelling)
        return os.path.join(fitting[0] if fitting else self.expected, inside)


def find_disparity(frames: Path, top: Path) -> Disparity:
    """Return where the disparity maps of a folder of frames may lie: beside it, or beside a folder above it.

    Args:
        frames: The folder of frames, below `top`.
        top: Nothing is looked for outside of this folder.
    """
    outer = frames  # frames_cleanpass/frames_cleanpass is one folder unpacked within another
    while outer.parent != top and FRAMES.fullmatch(outer.parent.name):
        outer = outer.parent
    match = FRAMES.fullmatch(outer.name)
    assert match is not None
    prefix = match[0][: match.start(2)]
    expected = str(outer.parent / f"{prefix}disparity")
    beside = _disparity_in(outer.parent)
    if beside:
        own = (f"{prefix}disparity".lower(),) if prefix else ("frames_disparity", "disparity")
        beside.sort(key=lambda folder: folder.relative_to(outer.parent).parts[0].lower() not in own)
        return Disparity(tuple(map(str, beside)), expected)
    elsewhere = tuple(map(str, _elsewhere(outer, top)))
    return Disparity(elsewhere, expected, is_beside=not elsewhere)


def _elsewhere(frames: Path, top: Path) -> Iterator[Path]:
    """Yield the folders of disparity at the frames' place below another folder.

    DIR/clean/train/frames and DIR/disp/train/disparity belong together; but not DIR/one and DIR/other where both have
    frames, nor the folders of two sets or halves.
    """
    folder, between = frames.parent, Path()
    while folder not in (top, folder.parent):
        for other in () if is_set_or_half(folder.name) else subfolders(folder.parent):
            mirrored = folder.parent / other / between
            if (
                other != folder.name
                and os.path.isdir(mirrored)
                and not any(map(FRAMES.fullmatch, subfolders(mirrored)))
            ):
                yield from _disparity_in(mirrored)
        folder, between = folder.parent, folder.name / between


def _disparity_in(folder: Path) -> list[Path]:
    """Return the folders of disparity in a folder, those that lie in others of them first."""
    found = []
    for name in subfolders(folder):
        if DISPARITY.fullmatch(name):
            found += [*_disparity_in(folder / name), folder / name]
    return found
