"""check_dataset on data sets of every family, and on what is none."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import SHARED, load_script, textured_sample, truth_of, with_truth
from helpers.trees import make_eth3d, make_kitti, make_pair, make_scene_flow

from stereo.data.formats import write_image
from stereo.data.packing import pack
from stereo.data.sample import StereoSample
from stereo.errors import ConfigError, DataError

check = load_script("check_dataset")


@pytest.mark.parametrize(
    ("folder", "line", "pairs"),
    [
        ("scene_flow", "FlyingThings3D test cleanpass, layout original", 1),
        ("scene_flow_sampler", "FlyingThings3D test cleanpass, layout Sampler", 1),
        ("middlebury2001", "middlebury2001: 2 pairs", 2),
        ("middlebury2003", "middlebury2003: 1 pair", 1),
        ("middlebury2005", "middlebury2005: 3 pairs", 3),
        ("middlebury2006", "middlebury2006: 8 pairs", 8),
        ("middlebury2014", "middlebury2014: 7 pairs", 7),
        ("eth3d", "eth3d: 1 pair", 1),
        ("kitti2015", "kitti2015: 1 pair", 1),
    ],
)
def test_real_families_are_recognized_and_true(
    capsys: pytest.CaptureFixture[str], folder: str, line: str, pairs: int
) -> None:
    real = SHARED / "real"
    if not real.is_dir():
        pytest.skip(f"{real} is not there")
    assert check.main([str(real / folder)]) == 0
    printed = capsys.readouterr().out
    assert line in printed
    assert f"the views confirm scale and sign of {pairs} of {pairs}" in printed


def planes(count: int, scale: float = 1.0, swap: bool = False) -> list[StereoSample]:
    """Textured planes at 6 px; with their disparity in other units, or their views exchanged."""
    samples = [textured_sample(48, 96, 6, seed=number) for number in range(count)]
    samples = [with_truth(sample, disparity=truth_of(sample).disparity * np.float32(scale)) for sample in samples]
    return [replace(one, left=one.right, right=one.left) for one in samples] if swap else samples


@pytest.mark.parametrize("factor", [0.5, 3.0, 4.0, 2.54])
def test_the_true_scale_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], factor: float) -> None:
    make_kitti(tmp_path, planes(4, 1 / factor))
    assert check.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    told = re.findall(r"the views match at (\S+) ± (\S+?),? ", printed)
    assert [float(scale) for scale, _ in told] == pytest.approx([factor] * 4, rel=0.01)
    assert max(float(error) for _, error in told) <= 0.05 * factor
    assert "4 problems found" in printed


def test_swapped_eyes_are_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, planes(4, swap=True))
    assert check.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.count("the views seem to be swapped") == 4
    assert "4 problems found" in printed


def test_in_parallel_as_in_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, planes(12))  # more than two workers get one by one
    broken = tmp_path / "training" / "image_3" / "000006_10.png"
    broken.write_bytes(broken.read_bytes()[:-20])
    outputs = []
    for workers in ("1", "2"):
        assert check.main([str(tmp_path), "--deep", "--workers", workers]) == 1
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert "decoded 12 of 12 pairs" in outputs[0]
    assert "image_3/000006_10.png: the PNG file is truncated" in outputs[0]


@pytest.mark.parametrize(
    ("closed", "left"),
    [
        ("first", {"kitti2015: 2 pairs", "FlyingThings3D train", "eth3d: 1 pair"}),
        ("kitti", {"FlyingThings3D train", "eth3d: 1 pair"}),
        ("kitti/training/image_2", {"FlyingThings3D train", "eth3d: 1 pair"}),
        ("flying/FlyingThings3D/frames_cleanpass/TRAIN/B", {"kitti2015: 2 pairs", "  A: 1", "eth3d: 1 pair"}),
        ("flying/FlyingThings3D/frames_cleanpass/TRAIN/A/0000/left", {"kitti2015: 2 pairs", "  B: 1"}),
        ("flying/FlyingThings3D/disparity", {"kitti2015: 2 pairs", "eth3d: 1 pair"}),
        ("low/two_view_training/other", {"kitti2015: 2 pairs", "FlyingThings3D train", "eth3d: 1 pair"}),
    ],
)
def test_a_closed_folder_is_named_and_the_rest_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, closed: str, left: set[str]
) -> None:
    (tmp_path / "first").mkdir()
    make_kitti(tmp_path / "kitti", planes(2))
    for part in "AB":
        make_scene_flow(tmp_path / "flying", f"FlyingThings3D/TRAIN/{part}/0000", "0006", sample=planes(1)[0])
    make_eth3d(tmp_path / "low", "hall", planes(1)[0])
    (tmp_path / "low" / "two_view_training" / "other").mkdir()

    def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
        def listed(folder: str | Path) -> Any:
            if tmp_path / closed in (Path(folder), *Path(folder).parents):
                raise PermissionError(13, "Permission denied")
            return function(folder)

        return listed

    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    assert check.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.count("cannot be listed") == 1
    assert f"  PROBLEM {tmp_path / closed}: cannot be listed: Permission denied" in printed
    nothing = ["did not look at (no data set is recognized there): first"] if closed != "first" else []
    assert [line for line in printed.splitlines() if line.startswith("did not look at")] == nothing
    assert all(any(line.startswith(part) for line in printed.splitlines()) for part in left), printed


def test_names_are_written_for_the_loader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, planes(4))
    names = tmp_path / "lists" / "names.txt"
    assert check.main([str(tmp_path), "--write-names", str(names)]) == 0
    assert names.read_text().splitlines()[1:] == [f"kitti2015/{number:06d}" for number in range(4)]


def test_a_list_file_and_a_pair_without_texture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("left.png", "right.png"):
        write_image(tmp_path / name, np.full((48, 96, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "truth.png"), np.full((48, 96), 20, np.uint8))
    (tmp_path / "list.csv").write_text("left,right,disparity,scale\nleft.png,right.png,truth.png,4\n")
    assert check.main([str(tmp_path / "list.csv")]) == 1
    printed = capsys.readouterr().out
    assert "the views confirm scale and sign of 0 of 1" in printed
    assert "every disparity is 5 px, and the views do not confirm it" in printed


def test_what_the_views_cannot_confirm_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("left.png", "right.png"):
        write_image(tmp_path / name, np.full((48, 96, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "truth.png"), np.tile(np.arange(20, 116, dtype=np.uint8), (48, 1)))
    (tmp_path / "list.csv").write_text("left,right,disparity,scale\nleft.png,right.png,truth.png,4\n")
    assert check.main([str(tmp_path / "list.csv")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "of 1 pair the views tell too little to confirm or deny the scale of the disparities"


def test_what_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError, match=r"no data set is recognized.*holiday"):
        check.main([str(tmp_path)])
    with pytest.raises(DataError, match="nothing there"):
        check.main([str(tmp_path / "none")])
    with pytest.raises(ConfigError, match="--samples is 0"):
        check.main([str(tmp_path), "--samples", "0"])


SCENES = {
    "2001/tsukuba": (("im3.png", "im4.png", "disp3.pgm"), 16),
    "2003/cones": (("im2.png", "im6.png", "disp2.png"), 4),
    "2005/Art": (("view1.png", "view5.png", "disp1.png"), 3),
    "2006/Aloe": (("view1.png", "view5.png", "disp1.png"), 3),
    "2014/MiddEval3/trainingQ/Piano": (("im0.png", "im1.png", "disp0GT.pfm"), None),
    "2014/MiddEval3/trainingH/Piano": (("im0.png", "im1.png", "disp0GT.pfm"), None),
}


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=f"^{tmp_path}/data: no data set is recognized"):
        check.main(["~/data"])


def test_a_folder_of_many_data_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All are listed, wherever they lie, and what is none is named."""
    (sample,) = planes(1)
    make_kitti(tmp_path / "kitti" / "2015", planes(2))
    make_kitti(tmp_path / "kitti" / "2012", [sample], ("colored_0", "colored_1", "disp_occ"))
    make_eth3d(tmp_path, "forest_1s", sample)
    make_scene_flow(tmp_path / "flow", "FlyingThings3D/TRAIN/A/0000", "0006", sample=sample)
    make_scene_flow(tmp_path / "copy", "FlyingThings3D/TRAIN/A/0000", "0006", sample=sample)
    pack([sample], tmp_path / "packed", {})
    for scene, (names, scale) in SCENES.items():
        make_pair(tmp_path / "middlebury" / scene, names, sample, scale)
    for folder in (
        "flow/FlyingThings3D/optical_flow",
        "kitti/raw/2011_09_26/image_02",
        "kitti/2015/testing",
        "holiday",
    ):
        (tmp_path / folder).mkdir(parents=True)

    assert check.main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for line in (
        f"kitti2012: 1 pair, {tmp_path}/kitti/2012",
        f"kitti2015: 2 pairs, {tmp_path}/kitti/2015",
        f"eth3d: 1 pair, {tmp_path}",
        f"layout original, {tmp_path}/flow/FlyingThings3D/frames_cleanpass: 1 pair of 22,390",
        f"layout original, {tmp_path}/copy/FlyingThings3D/frames_cleanpass: 1 pair of 22,390",
        f"plane: 1 pair, {tmp_path}/packed",
        *(f"middlebury{year}: 1 pair, {tmp_path}/middlebury/{year}" for year in (2001, 2003, 2005, 2006)),
        f"middlebury2014: 1 pair, {tmp_path}/middlebury/2014/MiddEval3/trainingH",
        f"middlebury2014: 1 pair, {tmp_path}/middlebury/2014/MiddEval3/trainingQ",
    ):
        assert printed.count(f"{line}\n") == 1, line
    assert printed.count("the views confirm") == 12
    assert printed.endswith(
        "did not look at (no data set is recognized there): kitti/raw, holiday\nnothing wrong was found in the rest\n"
    )


def test_only_some_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path / "kitti", planes(1))
    make_pair(tmp_path / "scenes" / "Art", *SCENES["2005/Art"][:1], planes(1)[0], 3)
    assert check.main([str(tmp_path), "--only", "kitti"]) == 0
    assert "middlebury" not in capsys.readouterr().out
    with pytest.raises(ConfigError, match="--only driving: no part"):
        check.main([str(tmp_path), "--only", "driving"])


def test_an_incomplete_data_set_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, planes(4))
    (tmp_path / "training" / "image_3" / "000002_10.png").unlink()
    assert check.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "kitti2015: 3 pairs, and 1 incomplete" in printed
    assert "decoded 3 of 3 pairs" in printed
    assert "000002_10.png: has no partner: the right view" in printed


def test_kitti_does_without_some_optional_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, planes(3))
    training = tmp_path / "training"
    (training / "disp_noc_0").mkdir()
    shutil.copy(training / "disp_occ_0" / "000001_10.png", training / "disp_noc_0")
    assert check.main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "kitti2015: 3 pairs" in printed
    assert f"{training}/disp_noc_0: holds the maps of 1 of 3 pairs" in printed


def test_a_good_file_is_not_called_misnamed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, planes(3))
    truth = tmp_path / "training" / "disp_occ_0"
    (truth / "000001_10.png").unlink()
    assert check.main([str(tmp_path)]) == 1
    assert "misnamed" not in capsys.readouterr().out
    (tmp_path / "training" / "disp_occ_0" / "000002_10.png").rename(
        tmp_path / "training" / "disp_occ_0" / "00001_10.png"
    )
    assert check.main([str(tmp_path)]) == 1
    assert "(00001_10.png does: misnamed?)" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["0001.png", "left_0001.png", "000000_11.png"])
def test_other_names_in_the_folders_of_kitti_lead_to_a_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    make_kitti(tmp_path, planes(1))
    for folder in ("image_2", "image_3", "disp_occ_0"):
        (tmp_path / "training" / folder / "000000_10.png").rename(tmp_path / "training" / folder / name)
    assert check.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert f"holds 1 image, such as {name}, and none has a name of the form 000000_10.png" in printed
    assert "give pairs:LIST" in printed


def test_folders_beside_those_of_a_half_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, planes(1))
    make_eth3d(tmp_path / "training" / "more", "forest_1s", planes(1)[0])
    (tmp_path / "training" / "notes").mkdir()
    assert check.main([str(tmp_path / "training")]) == 0
    printed = capsys.readouterr().out
    assert f"eth3d: 1 pair, {tmp_path}/training/more" in printed
    assert "did not look at (no data set is recognized there): notes\n" in printed
