"""A pair's calibration is read whatever wrote it, and where it cannot be, that stops nothing."""

from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample
from helpers.trees import make_kitti

from stereo.data import pairs
from stereo.data.families.kitti import Kitti
from stereo.data.formats import write_image
from stereo.data.pairs import PairFiles, load_pair
from stereo.data.sample import Calibration


def scene(tmp_path: Path, calibration: bytes) -> PairFiles:
    for name in ("left.png", "right.png"):
        write_image(tmp_path / name, np.zeros((32, 40, 3), np.uint8))
    (tmp_path / "calib.txt").write_bytes(calibration)
    return PairFiles("one", tmp_path / "left.png", tmp_path / "right.png", calibration=tmp_path / "calib.txt")


PLAIN = "cam0=[100 0 20; 0 100 16; 0 0 1]\nbaseline=250\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        ("# Möbius, Kalibrierung\n" + PLAIN).encode(),
        ("# Möbius\n" + PLAIN).encode("latin-1"),
        b"cam0=[100.0, 0, 20.0; 0, 100.0, 16.0; 0, 0, 1]\r\nbaseline=250\r\n",
        b"cam0=[100,0 0 20,0; 0 100,0 16,0; 0 0 1]\nbaseline=250,0\n",
        b"100 0 20 0 100 16 0 0 1\n0.25\n",
        b"fx: 100\ncx: 20\ncy: 16\nbaseline_m: 0.25\n",
    ],
)
def test_calibrations_of_many_writers(tmp_path: Path, text: bytes) -> None:
    calibration = load_pair(scene(tmp_path, text)).calibration
    assert calibration == Calibration(100.0, 0.25, 0.0, 20.0, 16.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"cam0=[100 0 20; 0 100 16; 0 0 1]\n", "calib.txt: has no line 'baseline='"),
        (b"\0\1\2\3", "calib.txt: is not a text file"),
        (b"", "calib.txt: is empty"),
        (b"to be measured\n", "calib.txt: "),
    ],
)
def test_an_unreadable_calibration_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: bytes, message: str
) -> None:
    monkeypatch.setattr(pairs, "_warned", False)
    for _ in range(3):
        assert load_pair(scene(tmp_path, text)).calibration is None
    (record,) = caplog.records
    assert message in record.getMessage()
    assert "the pair is used without its calibration" in record.getMessage()


def test_a_calibration_of_kitti_stops_nothing_either(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_kitti(tmp_path, [textured_sample(32, 64, 6)])
    (tmp_path / "training" / "calib_cam_to_cam").mkdir()
    (tmp_path / "training" / "calib_cam_to_cam" / "000000.txt").write_text("P_rect_02: 1 2 3\n")
    assert Kitti(tmp_path, 2015)[0].calibration is None
