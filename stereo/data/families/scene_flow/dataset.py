"""Scene Flow (Mayer et al., CVPR 2016): FlyingThings3D, Monkaa and Driving, in any of the usual arrangements."""

from pathlib import Path

from stereo.data.families.folders import nothing_found, require_folder
from stereo.data.families.scene_flow.layout import find_trees, refuse_frames
from stereo.data.families.scene_flow.names import Rendering, Split
from stereo.data.families.scene_flow.tree import Found, Tree
from stereo.data.pairs import PairDataset
from stereo.errors import DataError


class SceneFlow(PairDataset):
    """The pairs of Scene Flow under a folder: FlyingThings3D, Monkaa, Driving, each sorted by clip and frame.

    `train` is FlyingThings3D/TRAIN with Monkaa and Driving, as far as they are there; `test` is FlyingThings3D/TEST.
    Of FlyingThings3D_subset, which stands by itself, `test` is val. Sample frames that are in no half, as the official
    Sampler's, count as `test`.

    Args:
        path: The folder that holds the sets, or one of them.
        split: Which half.
        rendering: cleanpass, or finalpass with motion blur, defocus and haze.
        load_right_disparity: Also read the right view's disparity, if it is there.
        check_views: See :class:`PairDataset`.

    Raises: DataError if there is no such folder or no pair, or if FlyingThings3D and its subset are both there.
    """

    def __init__(
        self,
        path: str | Path,
        split: Split = "train",
        rendering: Rendering = "cleanpass",
        load_right_disparity: bool = False,
        check_views: bool = True,
    ) -> None:
        root = require_folder(path, "scene_flow")
        if split not in ("train", "test"):
            raise DataError(f"the split of scene_flow is '{split}'; expected train or test")
        if rendering not in ("cleanpass", "finalpass"):
            raise DataError(f"the rendering of scene_flow is '{rendering}'; expected cleanpass or finalpass")
        found = find_trees(root, load_right_disparity)
        self.trees = [tree for tree in found.trees if tree.split == split and tree.rendering == rendering]
        self.unrecognized = found.unrecognized
        if not self.trees:
            raise _no_pair(root, split, rendering, found)
        _refuse_both(root, self.trees)
        super().__init__([pair for tree in self.trees for pair in tree.all_pairs()], check_views)

    def report(self) -> list[str]:
        """Return what was found and where, one line for each set, and what was not recognized."""
        return [*(tree.describe() for tree in self.trees), *self.unrecognized]


def _refuse_both(root: Path, trees: list[Tree]) -> None:
    """Raise DataError where one of the sets has the frames of another."""
    folders = {tree.set_name: tree.frames for tree in trees}
    if {"FlyingThings3D", "FlyingThings3D_subset"} <= folders.keys():
        raise DataError(
            f"{root}: has FlyingThings3D in {folders['FlyingThings3D']} and its subset, which has the same frames, in "
            f"{folders['FlyingThings3D_subset']}; give the path of the folder of one of them"
        )


def _no_pair(root: Path, split: str, rendering: str, found: Found) -> DataError:
    if found.unrecognized:
        return DataError(found.unrecognized[0])
    if not found.trees:
        refuse_frames(root)
    others = "Monkaa and Driving" if split == "train" else "the Sampler's FlyingThings3D/RGB_…"
    return nothing_found(
        root,
        f"scene_flow ({split}, {rendering})",
        f"FlyingThings3D/frames_{rendering}/{split.upper()}/A/0000/left/0006.png, {others}, in any of the usual "
        "arrangements",
        [f"{tree.set_name} {tree.split} {tree.rendering} in {tree.frames.relative_to(root)}" for tree in found.trees],
    )
