"""KITTI Stereo 2012 (Geiger et al., CVPR 2012) and 2015 (Menze and Geiger, CVPR 2015)."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from stereo.config import Half
from stereo.data.families.folders import (
    NothingFound,
    files_in,
    first_file,
    folder_name,
    nothing_found,
    require_folder,
    require_partner,
    truth_is_withheld,
)
from stereo.data.formats import IMAGE_SUFFIXES
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

# The folder of the maps of moving objects.
_OBJECTS = "obj_map"
# All folders that belong to one half.
FOLDERS = {name for layouts in _FOLDERS.values() for names in layouts for name in names} | {
    _OBJECTS,
    *("calib", "calib_cam_to_cam", "calib_imu_to_velo", "calib_velo_to_cam"),
    *("disp_occ_1", "disp_noc_1", "flow_occ", "flow_noc", "viz_flow_occ", "viz_flow_occ_dilate_1", "disp_refl_occ"),
    *("disp_refl_noc", "semantic", "semantic_rgb", "instance"),
}

# By left folder, the lines of the calibration file that hold the two views' projections.
_CAMERAS = {"colored_0": ("P2", "P3"), "image_0": ("P0", "P1"), "image_2": ("P_rect_02", "P_rect_03")}


class Kitti(PairDataset):
    """The pairs of one half of KITTI Stereo, sorted by number; only the frames _10 are part of it.

    Args:
        path: The data set's folder, or that of the half itself.
        year: 2012 (in color if that is there, else in gray) or 2015.
        check_views: See :class:`PairDataset`.
        half: `testing` has no ground truth.

    Of the maps of unoccluded pixels, pairs have those that are there; of the maps of moving objects, all or none.

    Raises: DataError if there is no such folder or no pair, or if a pair is incomplete.
    """

    def __init__(self, path: str | Path, year: int, check_views: bool = True, half: Half = "training") -> None:
        if year not in _FOLDERS:
            raise DataError(f"there is no KITTI Stereo of {year}; expected 2012 or 2015")
        family = f"kitti{year}"
        folder = _half_folder(require_folder(path, family), family, half)
        names = next((names for names in _FOLDERS[year] if (folder / names[0]).is_dir()), _FOLDERS[year][0])
        calibrations = folder / ("calib" if year == 2012 else "calib_cam_to_cam")
        pairs = []
        for left in sorted((folder / names[0]).glob("*_10.png")):
            pair = PairFiles(
                name=f"{family}/{left.name.removesuffix('_10.png')}",
                left=left,
                right=require_partner(folder / names[1] / left.name, left, "the right view"),
                calibration=first_file(calibrations, [left.name.replace("_10.png", ".txt")]),
            )
            pairs.append(pair if half == "testing" else _with_truth(pair, folder, names))
        if not pairs:
            truth = "" if half == "testing" else f" and {names[2]}/…"
            raise _other_names(folder / names[0], family) or nothing_found(
                folder, family, f"{names[0]}/000000_10.png, {names[1]}/…{truth}"
            )
        super().__init__(pairs, check_views)
        self._cameras = _CAMERAS[names[0]]
        count = sum(pair.visible_disparity is not None for pair in pairs)
        # What must be said of maps that only some pairs have; "" where nothing must.
        self.partial = (
            f"{folder / names[3]}: holds the maps of {count:,} of {len(pairs):,} pairs; the others do without"
            if 0 < count < len(pairs)
            else ""
        )

    def load(self, pair: PairFiles) -> StereoSample:
        return load_pair(pair, partial(read_kitti_calibration, left=self._cameras[0], right=self._cameras[1]))


def _half_folder(root: Path, family: str, half: Half) -> Path:
    """Return the folder of a half: `root` itself, or the one of that name in it. Raises: DataError if it is neither."""
    if (root / half).is_dir():
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
    if objects.parent.is_dir():
        require_partner(objects, pair.left, "the map of moving objects")
    return replace(
        pair,
        disparity=require_partner(folder / names[2] / pair.left.name, pair.left, "the disparity"),
        visible_disparity=first_file(folder / names[3], [pair.left.name]),
        object_map=first_file(objects.parent, [objects.name]),
    )


def _other_names(folder: Path, family: str) -> DataError | None:
    """Return the error for a folder of left views that are not named as KITTI's are; None where there are no images."""
    images = [name for name in files_in(folder) if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        return None
    return DataError(
        f"{folder}: no pair of {family} found: it holds {len(images):,} image{'s' * (len(images) > 1)}, "
        f"such as {images[0]}, and none is named as KITTI's are (000000_10.png); for files of "
        "other names write a list of left,right,disparity, a pair on each line, and give pairs:LIST"
    )


def recognize_year(folder: Path) -> int | None:
    """Return the year whose layout a folder or its `training` has; None where there is no KITTI Stereo."""
    training = folder / "training" if (folder / "training").is_dir() else folder
    for year in (2015, 2012):
        for left, _, truth, _ in _FOLDERS[year]:
            if (training / truth).is_dir() or any((training / left).glob("*_10.png")):
                return year
    return None
