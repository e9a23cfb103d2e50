"""Trees of files as the data sets have them, of a few small pairs."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from helpers import truth_of
from stereo.config import Half
from stereo.data.formats import write_disparity_png16, write_image, write_pfm
from stereo.data.sample import GroundTruth, Image, Map, StereoSample


def flat_sample(left: int = 10, right: int = 20, disparity: float = 2.0, width: int = 8) -> StereoSample:
    """Two views of one gray level each, six rows high, with one disparity."""
    return StereoSample(
        np.full((6, width, 3), left, np.uint8),
        np.full((6, width, 3), right, np.uint8),
        GroundTruth(np.full((6, width), disparity, np.float32), np.ones((6, width), bool)),
    )


def make_image(path: Path, image: Image) -> None:
    """Write a view; .pgm: in gray."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".pgm":
        make_gray(path, image[..., 0])
    else:
        write_image(path, image)


def make_gray(path: Path, levels: np.ndarray) -> None:
    """Write whole numbers as they are: a mask, or 8-bit ground truth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), levels.astype(np.uint8))


def make_disparity(path: Path, disparity: Map, scale: float | None = None) -> None:
    """Write PFM, or a PNG of 16 bits; with a scale an 8-bit file of so many levels in one px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if scale is not None:
        make_gray(path, disparity * scale)
    elif path.suffix == ".pfm":
        write_pfm(path, disparity)
    else:
        write_disparity_png16(path, disparity)


def make_pair(folder: Path, names: Sequence[str], sample: StereoSample, scale: float | None = None) -> None:
    """Write a sample as files below a folder: left, right, disparity, as far as there are names."""
    for name, image in zip(names, (sample.left, sample.right), strict=False):
        make_image(folder / name, image)
    for name in names[2:]:
        make_disparity(folder / name, truth_of(sample).disparity, scale)


def make_scene_flow(
    root: Path,
    clip: str,
    frame: str,
    rendering: str = "cleanpass",
    suffix: str = ".png",
    sample: StereoSample | None = None,
) -> None:
    """Write one frame of SET/CLIP in the original layout, with both disparities."""
    name, inside = clip.split("/", 1)
    for side in ("left", "right"):
        view = f"frames_{rendering}/{inside}/{side}/{frame}{suffix}"
        make_image(root / name / view, getattr(sample or flat_sample(), side))
        truth = truth_of(sample or flat_sample()).disparity
        make_disparity(root / name / f"disparity/{inside}/{side}/{frame}.pfm", truth)


KITTI_2012 = ("colored_0", "colored_1", "disp_occ")
KITTI_2015 = ("image_2", "image_3", "disp_occ_0")


def make_kitti(
    root: Path, samples: Sequence[StereoSample], folders: Sequence[str] = KITTI_2015, half: Half = "training"
) -> None:
    """Write a half of KITTI, numbered from 0; 2015 unless the folders are others. Testing has no ground truth."""
    folders = folders[:2] if half == "testing" else folders
    for number, sample in reversed(list(enumerate(samples))):  # so that a folder's own order is not that of the names
        make_pair(root / half, [f"{folder}/{number:06d}_10.png" for folder in folders], sample)


def make_eth3d(root: Path, scene: str, sample: StereoSample, half: Half = "training") -> None:
    """Write one scene of the two-view benchmark. Testing has no ground truth."""
    if half == "testing":
        make_pair(root / "two_view_test" / scene, ["im0.png", "im1.png"], sample)
        return
    make_pair(root / "two_view_training" / scene, ["im0.png", "im1.png"], sample)
    make_disparity(root / "two_view_training_gt" / scene / "disp0GT.pfm", truth_of(sample).disparity)


def make_middlebury(root: Path, folder: str, scene: str, sample: StereoSample) -> None:
    """Write one scene of MiddEval3. The folders testF, testH and testQ have no ground truth."""
    names = ["im0.png", "im1.png", "disp0GT.pfm"]
    make_pair(root / "MiddEval3" / folder / scene, names[:2] if folder.startswith("test") else names, sample)
