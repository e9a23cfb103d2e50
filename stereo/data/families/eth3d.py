"""ETH3D, the low-resolution two-view benchmark (Schöps et al., CVPR 2017), its training half."""

from pathlib import Path

from stereo.data.families.folders import first_file, nothing_found, require_folder, require_partner, walk_folders
from stereo.data.pairs import PairDataset, PairFiles


class Eth3d(PairDataset):
    """The pairs of ETH3D with ground truth, sorted by scene. The views are gray.

    Args:
        path: The folder that holds `two_view_training` and `two_view_training_gt`.
        check_views: See :class:`PairDataset`.

    Raises: DataError if there is no such folder or no pair, or if a pair is incomplete.
    """

    def __init__(self, path: str | Path, check_views: bool = True) -> None:
        root = require_folder(path, "eth3d")
        images, truths = root / "two_view_training", root / "two_view_training_gt"
        pairs = []
        for scene in walk_folders(images, 1) if images.is_dir() else ():
            left = scene / "im0.png"
            if not left.is_file():
                continue
            truth = truths / scene.name
            pairs.append(
                PairFiles(
                    name=f"eth3d/{scene.name}",
                    left=left,
                    right=require_partner(scene / "im1.png", left, "the right view"),
                    disparity=require_partner(truth / "disp0GT.pfm", left, "the disparity"),
                    visible_mask=first_file(truth, ["mask0nocc.png"]),
                    calibration=first_file(scene, ["calib.txt"]),
                )
            )
        if not pairs:
            raise nothing_found(
                root, "eth3d", "two_view_training/SCENE/im0.png and two_view_training_gt/SCENE/disp0GT.pfm"
            )
        super().__init__(pairs, check_views)
