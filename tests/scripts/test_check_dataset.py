"""check_dataset on data sets of every family, and on what is none."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import SHARED, load_script, textured_sample, truth_of

from stereo.data.formats import write_disparity_png16, write_image
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
def test_real_families_are_recognised_and_true(
    capsys: pytest.CaptureFixture[str], folder: str, line: str, pairs: int
) -> None:
    real = SHARED / "real"
    if not real.is_dir():
        pytest.skip(f"{real} is not there")
    assert check.main([str(real / folder)]) == 0
    printed = capsys.readouterr().out
    assert line in printed
    assert f"warping confirms scale and sign of {pairs} of {pairs}" in printed


def make_kitti(root: Path, scale: float = 1.0, swap: bool = False) -> None:
    for number in range(4):
        sample = textured_sample(48, 96, 6, seed=number)
        left, right = (sample.right, sample.left) if swap else (sample.left, sample.right)
        for folder, content in (("image_2", left), ("image_3", right)):
            (root / "training" / folder).mkdir(parents=True, exist_ok=True)
            write_image(root / "training" / folder / f"{number:06d}_10.png", content)
        (root / "training" / "disp_occ_0").mkdir(parents=True, exist_ok=True)
        write_disparity_png16(
            root / "training" / "disp_occ_0" / f"{number:06d}_10.png", truth_of(sample).disparity * scale
        )


@pytest.mark.parametrize(
    ("scale", "swap", "message"),
    [
        (2.0, False, "the views match at 1/2 × the values that were read"),
        (0.25, False, "the views match at 4 × the values that were read"),
        (1 / 3, False, "the views match at 3 × the values that were read"),
        (1.0, True, "the views seem to be swapped"),
    ],
)
def test_a_wrong_scale_and_swapped_eyes_are_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scale: float, swap: bool, message: str
) -> None:
    make_kitti(tmp_path, scale, swap)
    assert check.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.count(message) == 4
    assert "4 problems found" in printed


def test_in_parallel_as_in_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in range(3):
        make_kitti(tmp_path / f"{part}")
    for part in (1, 2):  # twelve pairs, more than two workers get one by one
        for path in sorted((tmp_path / f"{part}").rglob("*.png")):
            target = tmp_path / "0" / path.relative_to(tmp_path / f"{part}")
            shutil.move(path, target.with_name(f"{part}{path.name[1:]}"))
    broken = tmp_path / "0" / "training" / "image_3" / "100002_10.png"
    broken.write_bytes(broken.read_bytes()[:-20])
    outputs = []
    for workers in ("1", "2"):
        assert check.main([str(tmp_path / "0"), "--deep", "--workers", workers]) == 1
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert "decoded 12 of 12 pairs" in outputs[0]
    assert "image_3/100002_10.png: the PNG file is truncated" in outputs[0]


def test_names_are_written_for_the_loader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path)
    names = tmp_path / "lists" / "names.txt"
    assert check.main([str(tmp_path), "--write-names", str(names)]) == 0
    assert names.read_text().splitlines()[1:] == [f"kitti2015/{number:06d}" for number in range(4)]


def test_a_list_file_and_a_pair_without_texture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("left.png", "right.png"):
        write_image(tmp_path / name, np.full((48, 96, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "truth.png"), np.full((48, 96), 20, np.uint8))
    (tmp_path / "list.csv").write_text("left,right,disparity,scale\nleft.png,right.png,truth.png,4\n")
    assert check.main([str(tmp_path / "list.csv")]) == 0
    assert "warping confirms scale and sign of 0 of 1" in capsys.readouterr().out


def test_what_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError, match=r"no data set is recognised.*holiday"):
        check.main([str(tmp_path)])
    with pytest.raises(DataError, match="nothing there"):
        check.main([str(tmp_path / "none")])
    with pytest.raises(ConfigError, match="--samples is 0"):
        check.main([str(tmp_path), "--samples", "0"])


def test_a_folder_of_several_data_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path / "kitti")
    scene = tmp_path / "scenes" / "Art"
    scene.mkdir(parents=True)
    sample = textured_sample(48, 96, 7)
    write_image(scene / "view1.png", sample.left)
    write_image(scene / "view5.png", sample.right)
    cv2.imwrite(str(scene / "disp1.png"), np.full((48, 96), 21, np.uint8))
    assert check.main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "kitti2015: 4 pairs" in printed
    assert "middlebury2005: 1 pair\n" in printed
    assert check.main([str(tmp_path), "--only", "kitti"]) == 0
    assert "middlebury" not in capsys.readouterr().out
    with pytest.raises(ConfigError, match="--only driving: no part"):
        check.main([str(tmp_path), "--only", "driving"])


def test_an_incomplete_data_set_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path)
    (tmp_path / "training" / "image_3" / "000002_10.png").unlink()
    assert check.main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "kitti2015: cannot be used as it is" in printed
    assert "000002_10.png: has no partner: the right view" in printed
