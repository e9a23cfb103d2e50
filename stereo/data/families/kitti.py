"""KITTI Stereo 2012 (Geiger et al., CVPR 2012) and 2015 (Menze and Geiger, CVPR 2015)."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from stereo.config import Half
from stereo.data.families.folders import (
    NothingFound,
    first_file,
    folder_name,
    names_in,
    nothing_found,
    other_names,
    require_folder,
    truth_is_withheld,
    with_problem,
)
from stereo.data.formats.calibration import read_kitti_calibration
from stereo.data.hidden import is_hidden
from stereo.data.pairs import PairDataset, PairFiles, load_pair
from stereo.data.sample import StereoSample
from stereo.errors import DataError

# Folders of left view, right view, all ground truth, and ground truth of the pixels visible in both views.
_FOLDERS = {
    2012: (
        ("colored_0", "colored_1", "disp_occ", "disp_noc"),
        ("image_0", "image_1", "disp_occ", "disp_noc"),  # the same scenes in gray
        ("image_2", "image_3", "disp_occ", "disp_noc"),  # in color, with the folders' names of 2015
    ),
    2015: (("image_2", "image_3", "disp_occ_0", "disp_noc_0"),),
}

# By year and left folder, the lines of the calibration file that hold the two views' projections.
_CAMERAS = {
    (2012, "colored_0"): ("P2", "P3"),
    (2012, "image_0"): ("P0", "P1"),
    (2012, "image_2"): ("P2", "P3"),
    (2015, "image_2"): ("P_rect_02", "P_rect_03"),
}
# The folder of the maps of moving objects.
_OBJECTS = "obj_map"
# All folders that belong to one half.
FOLDERS = {name for layouts in _FOLDERS.values() for names in layouts for name in names} | {
    _OBJECTS,
    *("calib", "calib_cam_to_cam", "calib_imu_to_velo", "calib_velo_to_cam"),
    *("disp_occ_1", "disp_noc_1", "flow_occ", "flow_noc", "viz_flow_occ", "viz_flow_occ_dilate_1", "disp_refl_occ"),
    *("disp_refl_noc", "semantic", "semantic_rgb", "instance"),
}


class Kitti(PairDataset):
    """The pairs of one half of KITTI Stereo, sorted by number; only the frames _10 are part of it.

    Args:
        path: The data set's folder, or that of the half itself.
        year: 2012 (in color if that is there, else in gray) or 2015.
        check_views: See :class:`PairDataset`.
        half: `testing` has no ground truth.

    Of the maps of unoccluded pixels, pairs have those that are there; of the maps of moving objects, all or none.

    Raises: DataError if there is no such folder or no pair.
    """

    def __init__(self, path: str | Path, year: int, check_views: bool = True, half: Half = "training") -> None:
        if year not in _FOLDERS:
            raise DataError(f"there is no KITTI Stereo of {year}; expected 2012 or 2015")
        family = f"kitti{year}"
        folder = _half_folder(require_folder(path, family), family, half)
        names = next((names for names in _FOLDERS[year] if _has(folder, names, half)), _FOLDERS[year][0])
        calibrations = folder / ("calib" if year == 2012 else "calib_cam_to_cam")
        pairs = []
        for left in _left_views(folder / names[0]):
            pair = PairFiles(
                name=f"{family}/{left.name.removesuffix('_10.png')}",
                left=left,
                right=folder / names[1] / left.name,
                calibration=first_file(calibrations, [left.name.replace("_10.png", ".txt")]),
            )
            pairs.append(with_problem(pair if half == "testing" else _with_truth(pair, folder, names)))
        if not pairs:
            truth = "" if half == "testing" else f" and {names[2]}/…"
            raise other_names(folder / names[0], family, "000000_10.png") or nothing_found(
                folder, family, f"{names[0]}/000000_10.png, {names[1]}/…{truth}"
            )
        super().__init__(pairs, check_views)
        self._cameras = _CAMERAS[year, names[0]]
        count = sum(pair.visible_disparity is not None for pair in pairs)
        # What must be said of maps that only some pairs have; "" where nothing must.
        self.partial = (
            f"{folder / names[3]}: holds the maps of {count:,} of {len(pairs):,} pairs; the others do without"
            if 0 < count < len(pairs)
            else ""
        )

    def load(self, pair: PairFiles) -> StereoSample:
        return load_pair(pair, partial(read_kitti_calibration, left=self._cameras[0], right=self._cameras[1]))


def _has(folder: Path, names: tuple[str, str, str, str], half: Half) -> bool:
    """Return whether a folder has these views. Both years may have image_2: the ground truth tells which it is."""
    left, _, truth, _ = names
    return os.path.isdir(folder / left) and (left != "image_2" or half == "testing" or os.path.isdir(folder / truth))


def _half_folder(root: Path, family: str, half: Half) -> Path:
    """Return the folder of a half: `root` itself, or the one of that name in it. Raises: DataError if it is neither."""
    if os.path.isdir(root / half):
        return root / half
    if half == "training" and folder_name(root) == "testing":
        raise truth_is_withheld(root, family)
    if half == "testing" and folder_name(root) != "testing":
        raise NothingFound(
            f"{root}: the test half of {family} is not there; expected the folder testing in it; unpack the archive "
            "there, or check the path (data/README.md shows the layout)"
        )
    return root


def _with_truth(pair: PairFiles, folder: Path, names: tuple[str, str, str, str]) -> PairFiles:
    """Return the pair with the files of its ground truth: the map of all pixels, and of the others what is there."""
    objects = folder / _OBJECTS / pair.left.name
    return replace(
        pair,
        disparity=folder / names[2] / pair.left.name,
        visible_disparity=first_file(folder / names[3], [pair.left.name]),
        object_map=objects if os.path.isdir(objects.parent) else None,
    )


def _left_views(folder: Path) -> list[Path]:
    return sorted(folder / name for name in names_in(folder) if name.endswith("_10.png") and not is_hidden(name))


def recognize_year(folder: Path) -> int | None:
    """Return the year whose layout a folder or its `training` has; None where there is no KITTI Stereo."""
    training = folder / "training" if os.path.isdir(folder / "training") else folder
    years = [(year, names) for year in (2015, 2012) for names in _FOLDERS[year]]
    for year, (_, _, truth, _) in years:
        if os.path.isdir(training / truth):
            return year
    return next((year for year, (left, _, _, _) in years if _left_views(training / left)), None)
