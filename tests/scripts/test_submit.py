"""scripts/submit.py as its users meet it."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import load_script, textured_sample, tiny_config
from helpers.trees import KITTI_2012, KITTI_2015, make_eth3d, make_kitti, make_middlebury

from stereo.checkpoint import save_checkpoint
from stereo.data.formats import read_disparity
from stereo.errors import ConfigError, DataError, OutputError
from stereo.model.network import StereoNetwork

submit: Callable[[list[str]], int] = load_script("submit").main
evaluate: Callable[[list[str]], int] = load_script("evaluate").main

PLANE = textured_sample(40, 70, 6)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Both halves of each benchmark, of one or two pairs."""
    for folder, names in (("k12", KITTI_2012), ("k15", KITTI_2015)):
        make_kitti(tmp_path / folder, [PLANE], names)
        make_kitti(tmp_path / folder, [PLANE, PLANE], names, "testing")
    for resolution in "HQ":
        make_middlebury(tmp_path, f"training{resolution}", "Piano", PLANE)
        make_middlebury(tmp_path, f"test{resolution}", "Plants", PLANE)
    make_eth3d(tmp_path, "forest_1s", PLANE)
    make_eth3d(tmp_path, "lakeside_1l", PLANE, "testing")
    return tmp_path


def test_sgbm_on_kitti(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data / "new" / "out.zip"
    command = ["--data", f"kitti2015:{data}/k15", "--method", "sgbm", "--max-disparity", "16", "--output", str(path)]
    assert submit(command) == 0
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        archive.extractall(data / "read")
    assert names == ["disp_0/000000_10.png", "disp_0/000001_10.png"]
    disparity, known = read_disparity(data / "read" / names[1])
    assert known.all()
    assert np.median(disparity) == 6
    printed = capsys.readouterr()
    assert f"kitti2015:{data}/k15 testing: 2 pairs, " in printed.out
    assert printed.out.endswith(f"wrote {path}: 2 files, each read back, beginning with {', '.join(names)}\n")
    assert "remark: not complete: holds 2 of the 200 pairs of the testing half\n" in printed.err
    assert submit([*command, "--limit", "1"]) == 0
    assert zipfile.ZipFile(path).namelist() == names[:1]


def test_the_network_on_kitti_2012(data: Path) -> None:
    config = tiny_config(data)
    save_checkpoint(data / "tiny.pt", StereoNetwork(config.model), config, step=0)
    command = ["--data", f"kitti2012:{data}/k12/testing", "--checkpoint", str(data / "tiny.pt"), "--device", "cpu"]
    assert submit([*command, "--output", str(data / "out.zip")]) == 0
    assert zipfile.ZipFile(data / "out.zip").namelist() == ["000000_10.png", "000001_10.png"]


SGBM = ["--method", "sgbm", "--max-disparity", "16", "--quiet"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (
            ["--data", "middlebury2014:{}/MiddEval3/testQ", "--training", "--name", "Net"],
            [
                f"{folder}/{file}"
                for folder in ("testQ/Plants", "trainingQ/Piano")
                for file in ("disp0Net.pfm", "timeNet.txt")
            ],
        ),
        (
            ["--data", "middlebury2014:{}/MiddEval3/testH", "--name", "Net"],
            ["testH/Plants/disp0Net.pfm", "testH/Plants/timeNet.txt"],
        ),
        (
            ["--data", "eth3d:{}", "--training"],
            [
                f"low_res_two_view/{scene}{suffix}"
                for scene in ("lakeside_1l", "forest_1s")
                for suffix in (".pfm", ".txt")
            ],
        ),
    ],
)
def test_benchmarks_of_two_halves(data: Path, arguments: list[str], names: list[str]) -> None:
    command = [word.replace("{}", str(data)) for word in arguments]
    assert submit([*command, *SGBM, "--output", str(data / "out.zip")]) == 0
    assert zipfile.ZipFile(data / "out.zip").namelist() == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--data", "scene_flow:{}"],
            "unknown benchmark 'scene_flow', expected one of kitti2012, kitti2015",
        ),
        (["--data", "kitti2015:{}/k15", "--training"], "--training: kitti2015 takes results of its test half alone"),
        (["--data", "middlebury2014:{}/MiddEval3/testQ"], "--name: middlebury2014 names its files by the method"),
        (["--data", "kitti2015:{}/k15", "--name", "Net"], "--name: kitti2015 does not name its files by the method"),
        (["--data", "middlebury2014:{}/MiddEval3/testQ", "--name", "My Net"], "the method's name is 'My Net'"),
        (["--data", "kitti2015:{}/k15/training"], "the test half of kitti2015 is not there"),
        (["--data", "kitti2015:{}/k12"], "no pair of kitti2015 found"),
        (["--data", "middlebury2014:{}", "--name", "Net"], "the scene Plants is there twice.*one resolution"),
        (["--data", "kitti2015:{}/k15", "--output", "{}/out.tar"], r"out\.tar: expected a file that ends with \.zip"),
    ],
)
def test_requests_that_are_wrong(data: Path, arguments: list[str], message: str) -> None:
    command = ["--output", str(data / "out.zip"), *(word.replace("{}", str(data)) for word in arguments)]
    with pytest.raises((ConfigError, DataError, OutputError), match=message):
        submit([*command, *SGBM])
    assert not (data / "out.zip").exists()


def test_options_that_do_not_go_together(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--data", f"eth3d:{data}", "--output", str(data / "out.zip")]
    with pytest.raises(SystemExit, match="2"):
        submit([*command, "half=training"])
    assert "half=… is set by this script" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="--checkpoint goes with --method network only"):
        submit([*command, "--method", "sgbm", "--checkpoint", "x"])


def test_evaluation_of_a_test_half_names_this_script(data: Path) -> None:
    command = ["--method", "sgbm", "--data", f"kitti2015:{data}/k15"]
    with pytest.raises(ConfigError, match=r"k15: half=testing has no ground truth.*needs; scripts/submit"):
        evaluate([*command, "half=testing"])
    with pytest.raises(DataError, match=r"testing: is the test half.*ground truth is withheld.*scripts/submit\.py"):
        evaluate([*command[:3], f"kitti2015:{data}/k15/testing"])
