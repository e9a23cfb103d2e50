"""ETH3D, the low-resolution two-view benchmark (Schöps et al., CVPR 2017), its training half."""

from pathlib import Path

from stereo.data.calibration import read_calibration
from stereo.data.files import (
    PairFiles,
    first_file,
    load_pair,
    nothing_found,
    require_folder,
    require_partner,
    walk_folders,
)
from stereo.data.sample import StereoSample


class Eth3d:
    """The pairs of ETH3D with ground truth, sorted by scene. The views are grey.

    Args:
        path: The folder that holds `two_view_training` and `two_view_training_gt`.

    Raises: DataError where there is no such folder, no pair, or a pair is incomplete.
    """

    def __init__(self, path: str | Path) -> None:
        root = require_folder(path, "eth3d")
        images, truths = root / "two_view_training", root / "two_view_training_gt"
        self.pairs = []
        for scene in walk_folders(images, 1) if images.is_dir() else ():
            left = scene / "im0.png"
            if not left.is_file():
                continue
            truth = truths / scene.name
            self.pairs.append(
                PairFiles(
                    name=f"eth3d/{scene.name}",
                    left=left,
                    right=require_partner(scene / "im1.png", left, "the right view"),
                    disparity=require_partner(truth / "disp0GT.pfm", left, "the disparity"),
                    visible_mask=first_file(truth, ["mask0nocc.png"]),
                )
            )
        if not self.pairs:
            raise nothing_found(
                root, "eth3d", "two_view_training/SCENE/im0.png and two_view_training_gt/SCENE/disp0GT.pfm"
            )

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> StereoSample:
        pair = self.pairs[index]
        calibration = first_file(pair.left.parent, ["calib.txt"])
        return load_pair(pair, read_calibration(calibration) if calibration else None)
