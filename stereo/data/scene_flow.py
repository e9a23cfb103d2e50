"""Scene Flow (Mayer et al., CVPR 2016): FlyingThings3D, Monkaa and Driving."""

from pathlib import Path
from typing import Literal

from stereo.data.files import (
    PairFiles,
    folder_name,
    load_pair,
    nothing_found,
    require_folder,
    require_partner,
    walk_folders,
)
from stereo.data.sample import StereoSample
from stereo.errors import DataError

SETS = ("FlyingThings3D", "Monkaa", "Driving")
_SUFFIXES = (".png", ".webp")
# Driving nests deepest below its frames: 15mm_focallength/scene_forwards/fast/left.
_DEPTH = 4


class SceneFlow:
    """The pairs of Scene Flow under a folder, sorted by path.

    `train` is FlyingThings3D/TRAIN with Monkaa and Driving, as far as they are there; `test` is
    FlyingThings3D/TEST. The official Sampler, which knows no split, counts as `test`.

    Args:
        path: The folder that holds FlyingThings3D, Monkaa and Driving, or one of the three.
        split: Which half.
        rendering: cleanpass, or finalpass with motion blur, defocus and haze.
        load_right_disparity: Also read the right view's disparity, where it is there.

    Raises: DataError where there is no such folder, no pair, or a pair is incomplete.
    """

    def __init__(
        self,
        path: str | Path,
        split: Literal["train", "test"] = "train",
        rendering: Literal["cleanpass", "finalpass"] = "cleanpass",
        load_right_disparity: bool = False,
    ) -> None:
        root = require_folder(path, "scene_flow")
        if split not in ("train", "test"):
            raise DataError(f"the split of scene_flow is '{split}'; expected train or test")
        if rendering not in ("cleanpass", "finalpass"):
            raise DataError(f"the rendering of scene_flow is '{rendering}'; expected cleanpass or finalpass")
        folders = [root / name for name in SETS if (root / name).is_dir()] or [root]
        self.pairs = [
            pair for folder in folders for pair in _find_pairs(folder, split, rendering, load_right_disparity)
        ]
        if not self.pairs:
            others = "Monkaa/ and Driving/" if split == "train" else "the Sampler's FlyingThings3D/RGB_…"
            there = [
                str(frames.relative_to(root))
                for folder in folders
                for pattern in ("frames_*/TRAIN", "frames_*/TEST", "RGB_*pass")
                for frames in sorted(folder.glob(pattern))
            ]
            raise nothing_found(
                root,
                f"scene_flow ({split}, {rendering})",
                f"FlyingThings3D/frames_{rendering}/{split.upper()}/A/0000/left/0006.png and {others}",
                there,
            )

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> StereoSample:
        return load_pair(self.pairs[index])


def _find_pairs(folder: Path, split: str, rendering: str, load_right_disparity: bool) -> list[PairFiles]:
    frames = folder / f"frames_{rendering}"
    is_things = any((frames / name).is_dir() for name in ("TRAIN", "TEST"))
    inside = Path(split.upper()) if is_things else Path()
    if split == "test" and not is_things:
        frames = folder / f"RGB_{rendering}"  # the Sampler
    if not (frames / inside).is_dir():
        return []
    name = Path("scene_flow", folder_name(folder))
    pairs = []
    for left_folder in walk_folders(frames / inside, _DEPTH):
        if left_folder.name != "left":
            continue
        clip = left_folder.parent
        # The Sampler has the left view's disparity alone, and no folder for the side.
        truth = folder / "disparity" / clip.relative_to(frames)
        truth_left = truth / "left" if (truth / "left").is_dir() else truth
        for left in _images(left_folder):
            right_truth = truth / "right" / f"{left.stem}.pfm"
            pair = PairFiles(
                name=(name / clip.relative_to(frames) / left.stem).as_posix(),
                left=left,
                right=require_partner(clip / "right" / left.name, left, "the right view"),
                disparity=require_partner(truth_left / f"{left.stem}.pfm", left, "the disparity"),
                disparity_right=right_truth if load_right_disparity and right_truth.is_file() else None,
            )
            pairs.append(pair)
    return pairs


def _images(folder: Path) -> list[Path]:
    """Those of the first suffix that is there: a converted copy beside an original is not a second pair."""
    for suffix in _SUFFIXES:
        if found := sorted(folder.glob(f"*{suffix}")):
            return found
    return []
