"""Middlebury stereo of 2001, 2003, 2005, 2006 and 2014 (with MiddEval3).

Before 2014 the ground truth is 8 bits deep, and the gray levels in one px depend on the resolution (2003,
2005, 2006) or on the scene (2001).
"""

import os
from dataclasses import replace
from pathlib import Path

from stereo.config import Half
from stereo.data.families.folders import (
    folder_name,
    nothing_found,
    require_folder,
    truth_is_withheld,
    walk_folders,
)
from stereo.data.families.middlebury_scene import IMAGE_SUFFIXES, LAYOUTS, Layout, find_file, find_pair
from stereo.data.formats import read_image
from stereo.data.pairs import PairDataset, PairFiles, load_pair
from stereo.data.sample import StereoSample
from stereo.errors import DataError

# How far below the path a scene may lie: middlebury2014/MiddEval3/trainingQ/Adirondack and one more.
_DEPTH = 4

# The folders of MiddEval3 whose ground truth is withheld, of full, half and quarter resolution.
WITHOUT_TRUTH = {"testF", "testH", "testQ"}


class Middlebury(PairDataset):
    """The scenes of one Middlebury year under a folder, sorted by name.

    2014: if these files are there, pixels that `mask0nocc.png` does not mark as visible in both views are `occluded`,
    and calib.txt becomes the calibration.

    Args:
        path: The folder of one scene, or one that holds scenes, up to four levels down; one resolution only.
        year: 2001, 2003, 2005, 2006 or 2014.
        load_right_disparity: Also read the right view's disparity, if it is there.
        check_views: See :class:`PairDataset`.
        half: `testing`: the scenes of testF, testH or testQ, which have no ground truth (2014).

    Raises: DataError if there is no such folder or no scene, or if a scene is there twice.
    """

    def __init__(
        self,
        path: str | Path,
        year: int,
        load_right_disparity: bool = False,
        check_views: bool = True,
        half: Half = "training",
    ) -> None:
        if year not in LAYOUTS:
            raise DataError(f"there is no Middlebury stereo of {year}; expected {', '.join(map(str, LAYOUTS))}")
        family = f"middlebury{year}"
        root = require_folder(path, family)
        if half == "training" and (folder_name(root) in WITHOUT_TRUTH or in_test_half(root)):
            raise truth_is_withheld(root, family)
        scenes: dict[str, tuple[PairFiles, Layout]] = {}
        for folder in walk_folders(root, _DEPTH):
            if in_test_half(folder) != (half == "testing"):
                continue
            scene = folder_name(folder)
            found = find_pair(folder, f"{family}/{scene}", LAYOUTS[year], load_right_disparity, half == "training")
            if found is None:
                continue
            if scene in scenes:
                raise DataError(
                    f"{root}: the scene {scene} is there twice, in {scenes[scene][0].left.parent} and "
                    f"{folder}, as when several resolutions lie side by side; give the path of the folder of"
                    " one resolution"
                )
            scenes[scene] = found
        if not scenes:
            if half == "testing":
                raise nothing_found(root, family, "testF/SCENE/im0.png or the same in testH or testQ, and im1.png")
            # Some layouts differ in the names of the disparity alone.
            wanted = " or ".join(dict.fromkeys(f"{layout.left} with {layout.right}" for layout in LAYOUTS[year]))
            raise nothing_found(root, family, f"folders with the images {wanted} ({', '.join(IMAGE_SUFFIXES)})")
        super().__init__([scenes[scene][0] for scene in sorted(scenes)], check_views)
        self._layouts = {pair.name: layout for pair, layout in scenes.values()}

    def load(self, pair: PairFiles) -> StereoSample:
        layout = self._layouts[pair.name]
        if layout.scales:
            # The left image is read twice: it is small, and its width decides how the disparity is read.
            width = read_image(pair.left).shape[1]
            scale = next(scale for limit, scale in layout.scales if width < limit)
            pair = replace(pair, disparity_scale=scale)
        return load_pair(pair)


def in_test_half(scene: Path) -> bool:
    """Return whether the folder of a scene lies in one of those whose ground truth is withheld."""
    return os.path.basename(os.path.dirname(os.path.abspath(scene))) in WITHOUT_TRUTH


def recognize_year(folder: Path) -> int | None:
    """Return the year whose layout a scene's folder has; None where it is no scene.

    2001 and 2003 share a layout, and the scenes' names tell which it is. 2005 and 2006 share one too; 2006 in the path
    means 2006, and anything else 2005.
    """
    for year, layouts in LAYOUTS.items():
        found = next((layout for layout in layouts if find_file(folder, layout.left, IMAGE_SUFFIXES)), None)
        if found is None or (year != 2014 and not find_file(folder, found.disparity, found.disparity_suffixes)):
            continue
        if year == 2001 and folder_name(folder).lower().startswith(("cones", "teddy")):
            continue
        return 2006 if year == 2005 and "2006" in os.path.abspath(folder) else year
    return None
