"""Scene Flow as it is downloaded: archives in folders of their own, sample frames, the subset, and what is none."""

import os
from pathlib import Path

import pytest
from helpers import load_script, textured_sample, truth_of

from stereo.data.datasets import describe
from stereo.data.families.scene_flow import SceneFlow
from stereo.data.formats import write_image, write_pfm
from stereo.errors import DataError

check = load_script("check_dataset")
evaluate = load_script("evaluate")
CLIP = "TRAIN/A/0000"


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One pair, as files; of the disparity also −d."""
    folder = tmp_path_factory.mktemp("frame")
    sample = textured_sample(48, 96, 7)
    for suffix in (".png", ".webp"):
        write_image(folder / f"left{suffix}", sample.left)
        write_image(folder / f"right{suffix}", sample.right)
    write_pfm(folder / "disparity.pfm", truth_of(sample).disparity)
    write_pfm(folder / "negative.pfm", -truth_of(sample).disparity)
    return folder


def link_views(frame: Path, folder: Path, suffix: str = ".png") -> None:
    """Two pairs of views below a folder."""
    for side in ("left", "right"):
        (folder / side).mkdir(parents=True)
        for number in (6, 7):
            os.link(frame / f"{side}{suffix}", folder / side / f"{number:04d}{suffix}")


def link_truth(frame: Path, folder: Path, kind: str = "disparity") -> None:
    """The disparity maps of both pairs in a folder."""
    folder.mkdir(parents=True)
    for number in (6, 7):
        os.link(frame / f"{kind}.pfm", folder / f"{number:04d}.pfm")


def recognized(root: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of check_dataset that say what is there; nothing must be wrong with it."""
    assert check.main([str(root), "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "nothing wrong was found"
    return [line for line in lines if ", layout " in line]


@pytest.mark.parametrize(
    ("views", "truth"),
    [
        # each archive in a folder of its own
        (f"flyingthings3d__frames_cleanpass/frames_cleanpass/{CLIP}", f"flyingthings3d__disparity/disparity/{CLIP}"),
        (f"FlyingThings3D_frames_cleanpass/frames_cleanpass/{CLIP}", f"FlyingThings3D_disparity/disparity/{CLIP}"),
        (f"ft_clean/frames_cleanpass/{CLIP}", f"ft_disp/disparity/{CLIP}"),
        (f"clean/FlyingThings3D/frames_cleanpass/{CLIP}", f"truth/FlyingThings3D/disparity/{CLIP}"),
        (
            f"flyingthings3d__frames_cleanpass/FlyingThings3D/frames_cleanpass/{CLIP}",
            f"flyingthings3d__disparity/FlyingThings3D/disparity/{CLIP}",
        ),
        # unpacked within a folder of the same name, once or twice
        (f"FlyingThings3D/frames_cleanpass/frames_cleanpass/{CLIP}", f"FlyingThings3D/disparity/{CLIP}"),
        (f"FlyingThings3D/frames_cleanpass/{CLIP}", f"FlyingThings3D/disparity/disparity/disparity/{CLIP}"),
        (f"frames_cleanpass/frames_cleanpass/frames_cleanpass/{CLIP}", f"frames_disparity/disparity/{CLIP}"),
        # prefixes
        (f"flying_frames_cleanpass/{CLIP}", f"flying_disparity/{CLIP}"),
        (f"flyingthings3d_frames_cleanpass/{CLIP}", f"flyingthings3d_disparity/{CLIP}"),
        (f"frames_cleanpass/{CLIP}", f"flying_disparity/{CLIP}"),
        (f"flying_frames_cleanpass/{CLIP}", f"frames_disparity/{CLIP}"),
        # halves in another spelling
        ("FlyingThings3D/frames_cleanpass/train/A/0000", "FlyingThings3D/disparity/train/A/0000"),
        ("FlyingThings3D/frames_cleanpass/train/A/0000", f"FlyingThings3D/disparity/{CLIP}"),
        (f"FlyingThings3D/frames_cleanpass/{CLIP}", "FlyingThings3D/disparity/train/A/0000"),
        ("FlyingThings3D/frames_cleanpass/Train/a/0000", "FlyingThings3D/disparity/Train/a/0000"),
        # the pass above the set
        (f"frames_cleanpass/FlyingThings3D/{CLIP}", f"disparity/FlyingThings3D/{CLIP}"),
    ],
)
def test_the_same_names_wherever_a_clip_was_unpacked(
    tmp_path: Path, frame: Path, views: str, truth: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link_views(frame, tmp_path / views)
    link_truth(frame, tmp_path / truth / "left")
    dataset = SceneFlow(tmp_path)
    assert dataset.names == [f"scene_flow/FlyingThings3D/TRAIN/A/0000/{number:04d}" for number in (6, 7)]
    assert dataset.unrecognized == []
    assert (truth_of(dataset[1]).disparity == 7).all()
    (line,) = recognized(tmp_path, capsys)
    assert line.startswith("FlyingThings3D train cleanpass, layout ")
    assert line.endswith(": 2 pairs of 22,390")


def test_lower_case_test_frames_are_test_frames(tmp_path: Path, frame: Path) -> None:
    link_views(frame, tmp_path / "frames_cleanpass/test/C/0001")
    link_truth(frame, tmp_path / "disparity/test/C/0001/left")
    assert SceneFlow(tmp_path, "test").names[0] == "scene_flow/FlyingThings3D/TEST/C/0001/0006"
    with pytest.raises(DataError, match=r"found FlyingThings3D test cleanpass in frames_cleanpass"):
        SceneFlow(tmp_path, "train")


def test_the_archives_of_all_sets_side_by_side(tmp_path: Path, frame: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = {
        "flyingthings3d": CLIP,
        "monkaa": "lonetree_winter_x2",
        "driving": "35mm_focallength/scene_backwards/slow",
    }
    for name, clip in clips.items():
        link_views(frame, tmp_path / f"{name}__frames_cleanpass_webp/frames_cleanpass_webp" / clip, ".webp")
        link_truth(frame, tmp_path / f"{name}__disparity/disparity" / clip / "left")
    assert SceneFlow(tmp_path).names[::2] == [
        "scene_flow/FlyingThings3D/TRAIN/A/0000/0006",
        "scene_flow/Monkaa/lonetree_winter_x2/0006",
        "scene_flow/Driving/35mm_focallength/scene_backwards/slow/0006",
    ]
    assert len(recognized(tmp_path, capsys)) == 3


def test_the_maps_of_another_copy_are_not_taken(tmp_path: Path, frame: Path) -> None:
    """A clip without disparity beside a complete data set of the same layout: that one's maps are of other frames."""
    for name in ("one", "other"):
        link_views(frame, tmp_path / name / "FlyingThings3D/frames_cleanpass" / CLIP)
    link_truth(frame, tmp_path / "other/FlyingThings3D/disparity" / CLIP / "left")
    with pytest.raises(DataError, match=r"no folder .*/one/FlyingThings3D/disparity; unpack"):
        SceneFlow(tmp_path)[0]


# ------------------------------------------------------------------------------------------------------ sample frames

SETS = ("FlyingThings3D", "Monkaa", "Driving")


@pytest.mark.parametrize(
    ("views", "truth"),
    [
        ("Sampler/{name}/RGB_cleanpass", "Sampler/{name}/disparity"),
        ("{name}/RGB_cleanpass", "{name}/disparity/left"),
        ("{name}/frames_cleanpass", "{name}/disparity/left"),
        ("{name}/frames_cleanpass", "{name}/disparity"),
        ("{lower}_frames_cleanpass", "{lower}_disparity/left"),
        ("{lower}_frames_cleanpass", "{lower}_disparity"),
        ("{lower}__frames_cleanpass/frames_cleanpass", "{lower}__disparity/disparity"),
        ("Sampler/{name}/RGB_cleanpass/RGB_cleanpass", "Sampler/{name}/disparity/disparity"),
    ],
)
def test_sample_frames_of_all_sets(
    tmp_path: Path, frame: Path, views: str, truth: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SETS:
        link_views(frame, tmp_path / views.format(name=name, lower=name.lower()))
        link_truth(frame, tmp_path / truth.format(name=name, lower=name.lower()))
    dataset = SceneFlow(tmp_path, "test")
    assert dataset.names == [f"scene_flow/{name}/{number:04d}" for name in SETS for number in (6, 7)]
    assert all(line.endswith(": 2 pairs") for line in describe(dataset))
    assert (truth_of(dataset[5]).disparity == 7).all()
    assert len(recognized(tmp_path, capsys)) == 3


def test_sample_frames_take_no_maps_of_another_set(tmp_path: Path, frame: Path) -> None:
    """They have the same numbers."""
    for name in SETS[:2]:
        link_views(frame, tmp_path / name / "RGB_cleanpass")
    for name in SETS[1:]:
        link_truth(frame, tmp_path / name / "disparity")
    dataset = SceneFlow(tmp_path, "test")
    with pytest.raises(DataError, match=r"no folder .*/FlyingThings3D/disparity; unpack"):
        dataset[0]
    assert dataset[2].truth is not None


# ----------------------------------------------------------------------------------------------- FlyingThings3D_subset


@pytest.mark.parametrize(
    ("views", "truth"),
    [
        ("FlyingThings3D_subset/{half}/image_clean", "FlyingThings3D_subset/{half}/disparity/left"),
        (
            "FlyingThings3D_subset_image_clean/FlyingThings3D_subset/{half}/image_clean",
            "FlyingThings3D_subset_disparity/FlyingThings3D_subset/{half}/disparity/left",
        ),
        ("images/FlyingThings3D_subset/{half}/image_clean", "maps/FlyingThings3D_subset/{half}/disparity/left"),
        ("{half}/image_clean", "{half}/disparity/left"),
    ],
)
def test_the_subset(tmp_path: Path, frame: Path, views: str, truth: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its files hold −d."""
    for half in ("train", "val"):
        link_views(frame, tmp_path / views.format(half=half))
        link_truth(frame, tmp_path / truth.format(half=half), "negative" if half == "train" else "disparity")
    for split, half in (("train", "train"), ("test", "val")):
        dataset = SceneFlow(tmp_path, split)  # type: ignore[arg-type]
        assert dataset.names == [f"scene_flow/FlyingThings3D_subset/{half}/{number:04d}" for number in (6, 7)]
        assert (truth_of(dataset[0]).disparity == 7).all()
    assert [line.partition(",")[0] for line in recognized(tmp_path, capsys)] == [
        "FlyingThings3D_subset train cleanpass",
        "FlyingThings3D_subset test cleanpass",
    ]


def test_the_subset_is_not_counted_beside_what_it_is_a_subset_of(tmp_path: Path, frame: Path) -> None:
    link_views(frame, tmp_path / "FlyingThings3D_subset/train/image_clean")
    link_truth(frame, tmp_path / "FlyingThings3D_subset/train/disparity/left")
    link_views(frame, tmp_path / "FlyingThings3D/frames_cleanpass" / CLIP)
    link_truth(frame, tmp_path / "FlyingThings3D/disparity" / CLIP / "left")
    with pytest.raises(DataError, match=r"has the same frames, .*give the path of the folder of one of them"):
        SceneFlow(tmp_path)
    assert len(SceneFlow(tmp_path / "FlyingThings3D_subset")) == 2


# ----------------------------------------------------------------------------------------------------- not recognized


@pytest.mark.parametrize(
    ("views", "truth"),
    [
        ("frames_cleanpass/validation/A/0000", "disparity/validation/A/0000"),
        ("frames_cleanpass/A/0000", "disparity/A/0000"),  # of which half?
        ("frames_cleanpass/TRAIN/D/0000", "disparity/TRAIN/D/0000"),
        ("frames_cleanpass/TEST/15mm_focallength/scene_forwards/fast", "disparity/TEST/15mm_focallength"),
        ("Driving/frames_cleanpass/scene_forwards/fast", "Driving/disparity/scene_forwards/fast"),
        ("frames_cleanpass/holiday", "disparity/holiday"),
        ("RGB_cleanpass", "disparity"),  # sample frames of which set?
        ("photos/image_clean", "photos/disparity"),
    ],
)
def test_what_is_not_recognized_is_said_and_no_other_set(
    tmp_path: Path, frame: Path, views: str, truth: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link_views(frame, tmp_path / views)
    link_truth(frame, tmp_path / truth / "left")
    message = r"1 folder of views not recognized, and not used: .*; expected in it TRAIN"
    for split in ("train", "test"):
        with pytest.raises(DataError, match=message):
            SceneFlow(tmp_path, split)
    assert check.main([str(tmp_path), "--workers", "1"]) == 1
    printed = capsys.readouterr().out
    assert "PROBLEM" in printed
    assert "not recognized, and not used" in printed
    assert ", layout " not in printed


def test_what_is_not_recognized_beside_what_is(tmp_path: Path, frame: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for clip in ("TEST/A/0000", "validation/A/0000", "validation/A/0001"):
        link_views(frame, tmp_path / "frames_cleanpass" / clip)
        link_truth(frame, tmp_path / "disparity" / clip / "left")
    dataset = SceneFlow(tmp_path, "test")
    assert len(dataset) == 2
    line = "2 folders of views not recognized, and not used: validation/A/0000 …"
    assert line in describe(dataset)[1]
    words = ["--data", f"scene_flow:{tmp_path}", "--method", "sgbm", "--max-disparity", "16", "--quiet"]
    assert evaluate.main(words) == 0
    assert line in capsys.readouterr().err


def test_the_real_frames_of_monkaa_alone_are_named_so() -> None:
    from stereo.data.families.scene_flow.names import frames_of, place_of

    frames = frames_of("data/frames_cleanpass")
    for scene in ("a_rain_of_stones_x2", "funnyworld_camera2_augmented1_x2", "treeflight_x2", "TRAIN/top_view_x2"):
        place = place_of(scene, frames)
        assert place is not None
        assert (place.set_name, place.split) == ("Monkaa", "train")
    for other in ("family_photos", "eating", "TEST/family_x2", "family_x2/more", "x2"):
        assert place_of(other, frames) is None
