"""KITTI Stereo 2012 (Geiger et al., CVPR 2012) and 2015 (Menze and Geiger, CVPR 2015), the training halves."""

from functools import partial
from pathlib import Path

from stereo.data.families.folders import first_file, nothing_found, require_folder, require_partner
from stereo.data.formats.calibration import read_kitti_calibration
from stereo.data.pairs import PairDataset, PairFiles, load_pair
from stereo.data.sample import StereoSample
from stereo.errors import DataError

# Folders of left view, right view, all ground truth, and ground truth of the pixels visible in both views.
_FOLDERS = {
    2012: (
        ("colored_0", "colored_1", "disp_occ", "disp_noc"),
        ("image_0", "image_1", "disp_occ", "disp_noc"),  # the same scenes in gray
    ),
    2015: (("image_2", "image_3", "disp_occ_0", "disp_noc_0"),),
}

# By left folder, the lines of the calibration file that hold the two views' projections.
_CAMERAS = {"colored_0": ("P2", "P3"), "image_0": ("P0", "P1"), "image_2": ("P_rect_02", "P_rect_03")}


class Kitti(PairDataset):
    """The pairs of KITTI Stereo with ground truth, sorted by number; only the frames _10 have it.

    Args:
        path: The data set's folder, or its `training`.
        year: 2012 (in color if that is there, else in gray) or 2015.
        check_views: See :class:`PairDataset`.

    Raises: DataError if there is no such folder or no pair, or if a pair is incomplete.
    """

    def __init__(self, path: str | Path, year: int, check_views: bool = True) -> None:
        if year not in _FOLDERS:
            raise DataError(f"there is no KITTI Stereo of {year}; expected 2012 or 2015")
        family = f"kitti{year}"
        root = require_folder(path, family)
        training = root / "training" if (root / "training").is_dir() else root
        names = next((names for names in _FOLDERS[year] if (training / names[0]).is_dir()), _FOLDERS[year][0])
        left_folder, right_folder, all_folder, visible_folder = (training / name for name in names)
        calibrations = "calib" if year == 2012 else "calib_cam_to_cam"
        has_visible = visible_folder.is_dir()
        pairs = [
            PairFiles(
                name=f"{family}/{left.name.removesuffix('_10.png')}",
                left=left,
                right=require_partner(right_folder / left.name, left, "the right view"),
                disparity=require_partner(all_folder / left.name, left, "the disparity"),
                visible_disparity=require_partner(
                    visible_folder / left.name, left, "the disparity of unoccluded pixels"
                )
                if has_visible
                else None,
                calibration=first_file(training / calibrations, [left.name.replace("_10.png", ".txt")]),
            )
            for left in sorted(left_folder.glob("*_10.png"))
        ]
        if not pairs:
            raise nothing_found(training, family, f"{names[0]}/000000_10.png, {names[1]}/… and {names[2]}/…")
        super().__init__(pairs, check_views)
        self._cameras = _CAMERAS[names[0]]

    def load(self, pair: PairFiles) -> StereoSample:
        return load_pair(pair, partial(read_kitti_calibration, left=self._cameras[0], right=self._cameras[1]))


def recognize_year(folder: Path) -> int | None:
    """Return the year whose layout a folder or its `training` has; None where there is no KITTI Stereo."""
    training = folder / "training" if (folder / "training").is_dir() else folder
    for year in (2015, 2012):
        for left, _, truth, _ in _FOLDERS[year]:
            if (training / truth).is_dir() or any((training / left).glob("*_10.png")):
                return year
    return None
