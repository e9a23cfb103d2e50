"""Scene Flow in every usual arrangement, and what is said where something is missing or wrong."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import SHARED, load_script, right_disparity_of, textured_sample, truth_of

from stereo.config import DatasetConfig
from stereo.data.datasets import build_dataset
from stereo.data.families.scene_flow import SceneFlow
from stereo.data.families.scene_flow.layout import find_trees
from stereo.data.families.scene_flow.names import EXPECTED, EXPECTED_TEST_PARTS
from stereo.data.families.scene_flow.tree import Tree
from stereo.data.formats import read_image, read_pfm, write_image, write_pfm
from stereo.errors import DataError

check = load_script("check_dataset")

# Clips as the sample names have them, and how many frames each has here.
FRAMES = 10
CLIPS = {
    "train": [
        *(f"FlyingThings3D/TRAIN/{part}/{number:04d}" for part in "ABC" for number in range(2)),
        "Monkaa/a_rain_of_stones_x2",
        "Monkaa/funnyworld_x2",
        *(
            f"Driving/{focal}mm_focallength/scene_{way}/{speed}"
            for focal in (15, 35)
            for way in ("backwards", "forwards")
            for speed in ("fast", "slow")
        ),
    ],
    "test": [f"FlyingThings3D/TEST/{part}/0000" for part in "ABC"],
}


def places(layout: str, clip: str) -> tuple[str, str]:
    """Where an arrangement keeps a clip's views and its disparity maps."""
    name, inside = clip.split("/", 1)
    if layout in ("original", "torchvision"):
        above = "SceneFlow/" * (layout == "torchvision") + name
        return f"{above}/frames_cleanpass/{inside}", f"{above}/disparity/{inside}"
    if layout == "PSMNet":
        prefix = "" if name == "FlyingThings3D" else f"{name.lower()}_"
        return f"{prefix}frames_cleanpass/{inside}", f"{prefix or 'frames_'}disparity/{inside}"
    if layout == "GwcNet":
        inside = inside if name == "FlyingThings3D" else f"TRAIN/{inside}"
    assert layout in ("GwcNet", "original, all sets in one folder")
    return f"frames_cleanpass/{inside}", f"disparity/{inside}"


LAYOUTS = ["original", "torchvision", "PSMNet", "GwcNet", "original, all sets in one folder"]


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One pair, as files."""
    folder = tmp_path_factory.mktemp("frame")
    sample = textured_sample(48, 96, 7)
    for name, suffix in (("left", ".png"), ("right", ".png"), ("left", ".webp"), ("right", ".webp")):
        write_image(folder / f"{name}{suffix}", getattr(sample, name))
    write_pfm(folder / "disparity.pfm", truth_of(sample).disparity)
    return folder


def build(root: Path, layout: str, frame: Path, clips: list[str], suffix: str = ".png") -> None:
    """An arrangement of a few hundred frames, all of them hard links to one."""
    for clip in clips:
        views, truth = places(layout, clip)
        for side in ("left", "right"):
            for folder in (root / views / side, root / truth / side):
                folder.mkdir(parents=True, exist_ok=True)
            for number in range(6, 6 + FRAMES):
                os.link(frame / f"{side}{suffix}", root / views / side / f"{number:04d}{suffix}")
                os.link(frame / "disparity.pfm", root / truth / side / f"{number:04d}.pfm")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_arrangement_gives_the_same_samples(tmp_path: Path, frame: Path, layout: str) -> None:
    build(tmp_path, layout, frame, CLIPS["train"] + CLIPS["test"])
    for split, clips in CLIPS.items():
        dataset = SceneFlow(tmp_path, split, load_right_disparity=True)  # type: ignore[arg-type]
        wanted = [f"scene_flow/{clip}/{number:04d}" for clip in clips for number in range(6, 6 + FRAMES)]
        assert dataset.names == wanted
        assert all(f"layout {layout}, " in line for line in dataset.report())
        assert right_disparity_of(dataset[len(dataset) - 1]).any()
    parts = {tree.set_name: dict(tree.parts()) for tree in SceneFlow(tmp_path).trees}
    each = FRAMES * 4
    assert parts == {
        "FlyingThings3D": dict.fromkeys("ABC", 2 * FRAMES),
        "Monkaa": {},
        "Driving": {"15mm": each, "35mm": each},
    }


def test_the_real_frame_through_every_arrangement(tmp_path: Path) -> None:
    real = SHARED / "real" / "scene_flow" / "FlyingThings3D"
    if not real.is_dir():
        pytest.skip(f"{real} is not there")
    clip = "FlyingThings3D/TEST/A/0032"
    for layout in LAYOUTS:
        root = tmp_path / layout
        views, truth = places(layout, clip)
        for kind, place in (("frames_cleanpass", views), ("disparity", truth)):
            (root / place).parent.mkdir(parents=True)
            (root / place).symlink_to(real / kind / "TEST" / "A" / "0032")
        if layout == "PSMNet":
            assert (root / "frames_disparity").is_dir()
        dataset = SceneFlow(root, "test")
        assert dataset.names == [f"scene_flow/{clip}/0006"]
        assert check.main([str(root)]) == 0
    sampler = SceneFlow(SHARED / "real" / "scene_flow_sampler", "test")
    assert "layout Sampler" in sampler.report()[0]
    assert sampler.names == ["scene_flow/FlyingThings3D/0006"]


def test_a_sampler_of_all_three_sets(tmp_path: Path, frame: Path) -> None:
    """The official one, which has a folder of the left view's disparities, and no clips."""
    for name in ("FlyingThings3D", "Monkaa", "Driving"):
        for side in ("left", "right"):
            (tmp_path / name / "RGB_cleanpass" / side).mkdir(parents=True)
            os.link(frame / f"{side}.png", tmp_path / name / "RGB_cleanpass" / side / "0006.png")
        (tmp_path / name / "disparity").mkdir()
        os.link(frame / "disparity.pfm", tmp_path / name / "disparity" / "0006.pfm")
    dataset = SceneFlow(tmp_path, "test")
    assert dataset.names == [f"scene_flow/{name}/0006" for name in ("FlyingThings3D", "Monkaa", "Driving")]
    assert all("layout Sampler" in line and line.endswith(": 1 pair") for line in dataset.report())


def test_webp_folders_and_copies_beside_them(tmp_path: Path, frame: Path) -> None:
    clips = CLIPS["test"]
    build(tmp_path, "original", frame, clips, ".webp")
    things = tmp_path / "FlyingThings3D"
    (things / "frames_cleanpass").rename(things / "frames_cleanpass_webp")
    dataset = SceneFlow(tmp_path, "test")
    assert dataset.pairs[0].left.suffix == ".webp"
    assert len(dataset) == 3 * FRAMES
    shutil.rmtree(things / "disparity")
    build(tmp_path, "original", frame, clips)
    both = SceneFlow(tmp_path, "test")
    assert len(both) == 3 * FRAMES
    assert both.pairs[0].left.suffix == ".png"


def test_the_counts_of_the_complete_release() -> None:
    train = {key: count for key, count in EXPECTED.items() if key[1] == "train"}
    assert sum(train.values()) == 35_454
    assert sum(EXPECTED_TEST_PARTS.values()) == EXPECTED["FlyingThings3D", "test"] == 4_370
    tree = Tree("FlyingThings3D", "test", "cleanpass", "original", Path("x"), pairs=[None] * 4_370)  # type: ignore[list-item]
    assert tree.describe().endswith("4,370 pairs, complete")
    del tree.pairs[0]
    assert tree.describe().endswith("4,369 pairs of 4,370")


@pytest.mark.parametrize("below", ["frames_cleanpass", "frames_cleanpass/TEST", "frames_cleanpass/TEST/A/0000"])
def test_a_path_within_the_frames_is_told_so(tmp_path: Path, frame: Path, below: str) -> None:
    build(tmp_path, "original", frame, CLIPS["test"])
    with pytest.raises(DataError, match=r"within the frames.*expected the folder that holds both: .*FlyingThings3D$"):
        SceneFlow(tmp_path / "FlyingThings3D" / below, "test")


# ---------------------------------------------------------------------------------------------------- what goes wrong

CLIP = "FlyingThings3D/TRAIN/B/0001"


def edit_left(path: Path, function: Callable[[np.ndarray], np.ndarray]) -> None:
    image = function(read_image(path))
    path.unlink()  # a hard link: the other frames keep theirs
    write_image(path, np.ascontiguousarray(image))


def missing_right(views: Path, truth: Path) -> None:
    (views / "right" / "0008.png").unlink()


def missing_left(views: Path, truth: Path) -> None:
    (views / "left" / "0008.png").unlink()


def missing_disparity(views: Path, truth: Path) -> None:
    (truth / "left" / "0008.pfm").unlink()


def no_disparity_folder(views: Path, truth: Path) -> None:
    shutil.rmtree(next(parent for parent in truth.parents if parent.name.endswith("disparity")))


def misnamed(views: Path, truth: Path) -> None:
    (views / "right" / "0008.png").rename(views / "right" / "0008_.png")


def images_as_disparity(views: Path, truth: Path) -> None:
    for path in (truth / "left").iterdir():
        path.unlink()
        os.link(views / "left" / f"{path.stem}.png", path.with_suffix(".png"))


def images_named_pfm(views: Path, truth: Path) -> None:
    path = truth / "left" / "0008.pfm"
    path.unlink()
    os.link(views / "left" / "0008.png", path)


def truncated_image(views: Path, truth: Path) -> None:
    path = views / "left" / "0008.png"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-100])


def truncated_disparity(views: Path, truth: Path) -> None:
    path = truth / "left" / "0008.pfm"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-100])


def another_size(views: Path, truth: Path) -> None:
    edit_left(views / "left" / "0008.png", lambda image: image[:, :-1])


def disparity_of_another_size(views: Path, truth: Path) -> None:
    path = truth / "left" / "0008.pfm"
    disparity = read_pfm(path)
    path.unlink()
    write_pfm(path, disparity[:-1].copy())


def swapped_views(views: Path, truth: Path) -> None:
    left, right = views / "left" / "0008.png", views / "right" / "0008.png"
    left.rename(views / "aside")
    right.rename(left)
    (views / "aside").rename(right)


def negative_disparity(views: Path, truth: Path) -> None:
    path = truth / "left" / "0008.pfm"
    disparity = read_pfm(path)
    path.unlink()
    write_pfm(path, -disparity)


def nothing_known(views: Path, truth: Path) -> None:
    path = truth / "left" / "0008.pfm"
    disparity = read_pfm(path)
    path.unlink()
    write_pfm(path, np.full_like(disparity, np.inf))


FOUND_BY_NAME = [
    (missing_right, r"left/0008\.png: has no partner: the right view should be .*right/0008\.png"),
    (missing_left, r"right/0008\.png: has no partner: the left view should be .*left/0008\.png"),
    (missing_disparity, r"left/0008\.png: has no partner: the disparity should be .*left/0008\.pfm"),
    (no_disparity_folder, r"but there is no folder .*disparity; unpack the archive 'Disparity' there"),
    (misnamed, r"the right view should be .*0008\.png, which does not exist \(0008_\.png does: misnamed\?\)"),
    (images_as_disparity, r"holds images \(0006\.png\) where the disparity maps should be \(0006\.pfm\)"),
]
FOUND_BY_CONTENT = [
    (images_named_pfm, r"0008\.pfm: does not begin with the header of a PFM file"),
    (truncated_image, r"left/0008\.png: the PNG file is truncated"),
    (truncated_disparity, r"0008\.pfm: the header says .* the file is truncated"),
    (another_size, r"0008: the left image is 95×48 but the right one is 96×48"),
    (disparity_of_another_size, r"0008: disparity is 96×47 but the images are 96×48"),
    (swapped_views, r"views seem to be swapped"),
    (negative_disparity, r"most disparities are below 0.*negative_disparity=flip"),
]


@pytest.mark.parametrize("layout", ["original", "PSMNet"])
@pytest.mark.parametrize(("harm", "message"), FOUND_BY_NAME)
def test_what_names_tell(
    tmp_path: Path,
    frame: Path,
    capsys: pytest.CaptureFixture[str],
    layout: str,
    harm: Callable[[Path, Path], None],
    message: str,
) -> None:
    build(tmp_path, layout, frame, CLIPS["train"])
    harm(*(tmp_path / place for place in places(layout, CLIP)))
    with pytest.raises(DataError, match=message) as caught:
        build_dataset(DatasetConfig("scene_flow", str(tmp_path)))
    assert "\n" not in str(caught.value)
    assert check.main([str(tmp_path), "--workers", "1"]) == 1
    printed = capsys.readouterr().out
    assert_in(message, printed)


@pytest.mark.parametrize(("harm", "message"), FOUND_BY_CONTENT)
def test_what_content_tells(
    tmp_path: Path,
    frame: Path,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Path, Path], None],
    message: str,
) -> None:
    build(tmp_path, "original", frame, [CLIP, "Monkaa/funnyworld_x2"])
    harm(*(tmp_path / place for place in places("original", CLIP)))
    dataset = SceneFlow(tmp_path)
    index = dataset.names.index(f"scene_flow/{CLIP}/0008")
    assert dataset[index - 1].truth is not None
    with pytest.raises(DataError, match=message) as caught:
        dataset[index]
    assert "\n" not in str(caught.value)
    skip = tmp_path / "lists" / "skip.txt"
    assert check.main([str(tmp_path), "--deep", "--workers", "1", "--write-skip-list", str(skip)]) == 1
    assert_in(message, capsys.readouterr().out)
    assert skip.read_text().splitlines()[1:] == [f"scene_flow/{CLIP}/0008"]


def assert_in(pattern: str, text: str) -> None:
    assert re.search(pattern, text), f"{pattern!r} is not in:\n{text}"


def test_what_becomes_of_negative_disparities(tmp_path: Path, frame: Path) -> None:
    build(tmp_path, "original", frame, [CLIP])
    _, truth = places("original", CLIP)
    negative_disparity(tmp_path, tmp_path / truth)
    index = 2
    for setting, value in (("flip", 7), ("keep", -7)):
        config = DatasetConfig("scene_flow", str(tmp_path), negative_disparity=setting, check_views=False)  # type: ignore[arg-type]
        assert (truth_of(build_dataset(config)[index]).disparity == value).all()


def test_a_frame_without_ground_truth_loads_and_is_reported(
    tmp_path: Path, frame: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path, "original", frame, [CLIP])
    nothing_known(*(tmp_path / place for place in places("original", CLIP)))
    sample = SceneFlow(tmp_path)[2]
    assert not truth_of(sample).valid.any()
    assert check.main([str(tmp_path), "--deep", "--workers", "1"]) == 1
    assert "0008: has no pixel with ground truth" in capsys.readouterr().out


def test_maps_without_views_are_counted_and_no_error(tmp_path: Path, frame: Path) -> None:
    """The disparity archive is whole, and of the views only a part was downloaded."""
    build(tmp_path, "original", frame, [CLIP])
    views, _ = places("original", CLIP)
    for side in ("left", "right"):
        (tmp_path / views / side / "0008.png").unlink()
    assert len(SceneFlow(tmp_path)) == FRAMES - 1
    assert [tree.unused for tree in find_trees(tmp_path).trees] == [1]
