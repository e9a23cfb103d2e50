"""The pairs of one clip of Scene Flow: left and right view and disparity of one name."""

import os
from dataclasses import replace
from pathlib import Path

from stereo.data.families.scene_flow_names import Place
from stereo.data.families.scene_flow_truth import Disparity
from stereo.data.hidden import is_hidden
from stereo.data.missing import Missing
from stereo.data.pairs import PairFiles
from stereo.errors import DataError

_SUFFIXES = (".png", ".webp")  # in this order: a converted copy beside an original is not a second pair


def collect(
    place: Place, frames: str, inside: str, disparity: Disparity, load_right_disparity: bool
) -> tuple[list[PairFiles], int]:
    """Return the pairs of a clip, complete or not, and the number of disparity maps without views.

    Args:
        place: What the clip is.
        frames, inside: The folder of frames, and the clip's path below it.
        disparity: Where the disparity may lie.
        load_right_disparity: Note the files of the right view's disparity too.
    """
    folder = os.path.join(frames, inside)
    left_folder, right_folder = os.path.join(folder, "left"), os.path.join(folder, "right")
    left, right = _files(left_folder, _SUFFIXES), _files(right_folder, _SUFFIXES)
    clip = disparity.of_clip(inside, place.set_name)
    truth_folder = os.path.join(clip, "left")
    if place.is_sample and not os.path.isdir(truth_folder):
        truth_folder = clip  # the Sampler has the left view's disparity alone, and no folder for the side
    truth = _files(truth_folder, (".pfm",))
    truth_right = _files(os.path.join(clip, "right"), (".pfm",)) if load_right_disparity else {}
    pairs = []
    for stem in sorted(left.keys() | right.keys()):
        there = left.get(stem) or right[stem]
        view = os.path.basename(there)
        left_path = Path(left.get(stem) or os.path.join(left_folder, view))
        right_path = Path(right.get(stem) or os.path.join(right_folder, view))
        truth_path = Path(truth.get(stem) or os.path.join(truth_folder, f"{stem}.pfm"))
        missing = None
        if stem not in left:
            missing = Missing(left_path, right_path, "the left view")
        elif stem not in right:
            missing = Missing(right_path, left_path, "the right view")
        elif stem not in truth:
            missing = Missing(truth_path, left_path, "the disparity")
        pair = PairFiles(f"scene_flow/{place.name}/{stem}", left_path, right_path, truth_path, problem=missing)
        if stem in truth_right:
            pair = replace(pair, disparity_right=Path(truth_right[stem]))
        pairs.append(replace(pair, negated=True) if place.set_name == "FlyingThings3D_subset" else pair)
    return pairs, len(truth.keys() - left.keys() - right.keys())


def _files(folder: str, suffixes: tuple[str, ...]) -> dict[str, str]:
    """Return the files of a folder by their names without suffix, of the first suffix that is there at all."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}; check that you may read it") from None
    for suffix in suffixes:
        found = {
            name[: -len(suffix)]: os.path.join(folder, name)
            for name in names
            if name.endswith(suffix) and not is_hidden(name)
        }
        if found:
            return found
    return {}
