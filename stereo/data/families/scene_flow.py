"""Scene Flow (Mayer et al., CVPR 2016): FlyingThings3D, Monkaa and Driving, in any of the usual arrangements."""

from pathlib import Path
from typing import Literal

import numpy as np

from stereo.data.families.folders import nothing_found, require_folder
from stereo.data.families.scene_flow_layout import Rendering, Split, Tree, find_trees, refuse_frames
from stereo.data.pairs import PairDataset, PairFiles, load_pair
from stereo.data.sample import StereoSample
from stereo.errors import DataError


class SceneFlow(PairDataset):
    """The pairs of Scene Flow under a folder: FlyingThings3D, Monkaa, Driving, each sorted by clip and frame.

    `train` is FlyingThings3D/TRAIN with Monkaa and Driving, as far as they are there; `test` is FlyingThings3D/TEST.
    The official Sampler, which knows no split, counts as `test`.

    Args:
        path: The folder that holds the sets, or one of them.
        split: Which half.
        rendering: cleanpass, or finalpass with motion blur, defocus and haze.
        load_right_disparity: Also read the right view's disparity, if it is there.
        negative_disparity: What to do with maps of which most values are below 0, as some releases have them: refuse
            them, flip their sign, or keep them as they are. (A protocol that masks by |d| counts what is kept.)
        check_views: See :class:`PairDataset`.

    Raises: DataError if there is no such folder or no pair, or if a pair is incomplete.
    """

    def __init__(
        self,
        path: str | Path,
        split: Split = "train",
        rendering: Rendering = "cleanpass",
        load_right_disparity: bool = False,
        negative_disparity: Literal["refuse", "flip", "keep"] = "refuse",
        check_views: bool = True,
    ) -> None:
        root = require_folder(path, "scene_flow")
        if split not in ("train", "test"):
            raise DataError(f"the split of scene_flow is '{split}'; expected train or test")
        if rendering not in ("cleanpass", "finalpass"):
            raise DataError(f"the rendering of scene_flow is '{rendering}'; expected cleanpass or finalpass")
        found = find_trees(root, load_right_disparity)
        self.trees = [tree for tree in found if tree.split == split and tree.rendering == rendering]
        problems = [problem for tree in self.trees for problem in tree.problems]
        if problems:
            others = len(problems) - 1
            more = f" (and {others} more such pairs: scripts/check_dataset.py {root} lists them)" if others else ""
            raise DataError(problems[0] + more)
        pairs = [pair for tree in self.trees for pair in tree.pairs]
        if not pairs:
            raise _no_pair(root, split, rendering, found)
        super().__init__(pairs, check_views)
        self.negative_disparity = negative_disparity

    def report(self) -> list[str]:
        """Return what was found and where, one line for each set."""
        return [tree.describe() for tree in self.trees]

    def load(self, pair: PairFiles) -> StereoSample:
        sample = load_pair(pair)
        if self.negative_disparity == "keep":
            return sample
        for name in ("disparity", "disparity_right"):
            disparity = getattr(sample.truth, name, None)
            if disparity is None or np.median(disparity[::8, ::8]) >= 0:  # a few thousand values tell
                continue
            # The right view's sign differs from the left view's in some releases, which is no reason to refuse.
            if name == "disparity" and self.negative_disparity == "refuse":
                raise DataError(
                    f"{pair.disparity}: most disparities are below 0, as in releases that count from the other view; "
                    "negative_disparity: flip turns the sign, keep takes them as they are"
                )
            np.negative(disparity, out=disparity)
        return sample


def _no_pair(root: Path, split: str, rendering: str, found: list[Tree]) -> DataError:
    if not found:
        refuse_frames(root)
    others = "Monkaa and Driving" if split == "train" else "the Sampler's FlyingThings3D/RGB_…"
    return nothing_found(
        root,
        f"scene_flow ({split}, {rendering})",
        f"FlyingThings3D/frames_{rendering}/{split.upper()}/A/0000/left/0006.png, {others}, in any of the usual "
        "arrangements",
        [f"{tree.set_name} {tree.split} {tree.rendering} in {tree.frames.relative_to(root)}" for tree in found],
    )
