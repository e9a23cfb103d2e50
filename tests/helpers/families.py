"""Three pairs of every family that is read from folders or a list."""

from collections.abc import Callable
from pathlib import Path

from helpers import textured_sample
from helpers.trees import KITTI_2012, make_eth3d, make_kitti, make_middlebury, make_pair, make_scene_flow
from stereo.config import Family

SAMPLES = [textured_sample(48, 96, 6, seed) for seed in range(3)]


def make_list(root: Path) -> None:
    for number, sample in enumerate(SAMPLES):
        make_pair(root, [f"{number}/l.png", f"{number}/r.png", f"{number}/d.pfm"], sample)
    (root / "list.csv").write_text("".join(f"{number}/l.png,{number}/r.png,{number}/d.pfm\n" for number in range(3)))


def make_scenes(root: Path) -> None:
    for number, sample in enumerate(SAMPLES):
        make_middlebury(root, "trainingQ", f"Scene{number}", sample)


def make_eth3d_scenes(root: Path) -> None:
    for number, sample in enumerate(SAMPLES):
        make_eth3d(root, f"scene{number}", sample)


def make_flow(root: Path, clip: str) -> None:
    for number, sample in enumerate(SAMPLES):
        make_scene_flow(root, clip, f"{number:04d}", sample=sample)


# By name: the family, what writes three pairs of it, its path, and two of the files of the second pair.
FAMILIES: dict[str, tuple[Family, Callable[[Path], object], str, tuple[str, str]]] = {
    "scene_flow": (
        "scene_flow",
        lambda root: make_flow(root, "FlyingThings3D/TRAIN/A/0000"),
        ".",
        (
            "FlyingThings3D/frames_cleanpass/TRAIN/A/0000/right/0001.png",
            "FlyingThings3D/disparity/TRAIN/A/0000/left/0001.pfm",
        ),
    ),
    "monkaa": (
        "scene_flow",
        lambda root: make_flow(root, "Monkaa/eating_x2"),
        ".",
        ("Monkaa/frames_cleanpass/eating_x2/left/0001.png", "Monkaa/disparity/eating_x2/left/0001.pfm"),
    ),
    "kitti2012": (
        "kitti2012",
        lambda root: make_kitti(root, SAMPLES, KITTI_2012),
        ".",
        ("training/colored_1/000001_10.png", "training/disp_occ/000001_10.png"),
    ),
    "kitti2015": (
        "kitti2015",
        lambda root: make_kitti(root, SAMPLES),
        ".",
        ("training/image_3/000001_10.png", "training/disp_occ_0/000001_10.png"),
    ),
    "middlebury2014": (
        "middlebury2014",
        make_scenes,
        ".",
        ("MiddEval3/trainingQ/Scene1/im1.png", "MiddEval3/trainingQ/Scene1/disp0GT.pfm"),
    ),
    "eth3d": (
        "eth3d",
        make_eth3d_scenes,
        ".",
        ("two_view_training/scene1/im1.png", "two_view_training_gt/scene1/disp0GT.pfm"),
    ),
    "pairs": ("pairs", make_list, "list.csv", ("1/r.png", "1/d.pfm")),
}
