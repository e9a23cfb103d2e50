"""ETH3D, the low-resolution two-view benchmark (Schöps et al., CVPR 2017)."""

import os
from dataclasses import replace
from pathlib import Path

from stereo.config import Half
from stereo.data.families.folders import (
    first_file,
    names_in,
    nothing_found,
    require_folder,
    walk_folders,
    with_problem,
)
from stereo.data.pairs import PairDataset, PairFiles

# Where the images of each half lie: the archive's own folder, and another name that copies of it have.
IMAGE_FOLDERS: dict[Half, tuple[str, ...]] = {
    "training": ("two_view_training",),
    "testing": ("two_view_test", "two_view_testing"),
}


class Eth3d(PairDataset):
    """The pairs of one half of ETH3D, sorted by scene. The views are gray.

    Args:
        path: The folder that holds `two_view_training` and `two_view_training_gt`, or `two_view_test`.
        check_views: See :class:`PairDataset`.
        half: `testing` has no ground truth.

    Raises: DataError if there is no such folder or no pair.
    """

    def __init__(self, path: str | Path, check_views: bool = True, half: Half = "training") -> None:
        root = require_folder(path, "eth3d")
        images = next((root / name for name in IMAGE_FOLDERS[half] if os.path.isdir(root / name)), None)
        pairs = []
        for scene in () if images is None else walk_folders(images, 1):
            if "im0.png" not in names_in(scene):
                continue
            pair = PairFiles(
                name=f"eth3d/{scene.name}",
                left=scene / "im0.png",
                right=scene / "im1.png",
                calibration=first_file(scene, ["calib.txt"]),
            )
            truth = root / "two_view_training_gt" / scene.name
            pairs.append(with_problem(pair if half == "testing" else _with_truth(pair, truth)))
        if not pairs:
            wanted = "" if half == "testing" else " and two_view_training_gt/SCENE/disp0GT.pfm"
            raise nothing_found(root, "eth3d", f"{IMAGE_FOLDERS[half][0]}/SCENE/im0.png{wanted}")
        super().__init__(pairs, check_views)


def _with_truth(pair: PairFiles, folder: Path) -> PairFiles:
    return replace(
        pair,
        disparity=folder / "disp0GT.pfm",
        visible_mask=first_file(folder, ["mask0nocc.png"]),
    )
