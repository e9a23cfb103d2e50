"""The pairs of one clip of Scene Flow: left and right view and disparity of one name."""

import os
from pathlib import Path

from stereo.data.families.folders import names_in
from stereo.data.families.scene_flow.names import Place
from stereo.data.families.scene_flow.truth import Disparity
from stereo.data.hidden import is_hidden
from stereo.data.missing import Missing
from stereo.data.pairs import PairFiles

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
    left_folder, right_folder = (Path(frames, inside, side) for side in ("left", "right"))
    left, right = _files(left_folder, _SUFFIXES), _files(right_folder, _SUFFIXES)
    clip = Path(disparity.of_clip(inside, place.set_name))
    truth_folder = clip / "left"
    if place.is_sample and not os.path.isdir(truth_folder):
        truth_folder = clip  # the Sampler has the left view's disparity alone, and no folder for the side
    truth = _files(truth_folder, (".pfm",))
    truth_right = _files(clip / "right", (".pfm",)) if load_right_disparity else {}
    pairs = []
    for stem in sorted(left.keys() | right.keys()):
        view = left.get(stem) or right[stem]
        # Paths from a folder and a name: from the whole text they take three times as long.
        left_path, right_path = left_folder / left.get(stem, view), right_folder / right.get(stem, view)
        truth_path = truth_folder / truth.get(stem, f"{stem}.pfm")
        missing = None
        if stem not in left:
            missing = Missing(left_path, right_path, "the left view")
        elif stem not in right:
            missing = Missing(right_path, left_path, "the right view")
        elif stem not in truth:
            missing = Missing(truth_path, left_path, "the disparity")
        right_truth = clip / "right" / truth_right[stem] if stem in truth_right else None
        pairs.append(
            PairFiles(
                f"scene_flow/{place.name}/{stem}",
                left_path,
                right_path,
                truth_path,
                right_truth,
                negated=place.set_name == "FlyingThings3D_subset",
                problem=missing,
            )
        )
    return pairs, len(truth.keys() - left.keys() - right.keys())


def _files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """Return the names of the files of a folder by their stems, of the first suffix that is there at all."""
    names = names_in(folder)
    for suffix in suffixes:
        found = {name[: -len(suffix)]: name for name in names if name.endswith(suffix) and not is_hidden(name)}
        if found:
            return found
    return {}
