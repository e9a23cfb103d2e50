"""stereo.data.formats.calibration: what the files say, and which line is wrong."""

from pathlib import Path

import pytest

from stereo.data.formats.calibration import read_calibration, read_kitti_calibration
from stereo.data.sample import Calibration
from stereo.errors import FormatError


def test_calibration_of_middlebury(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    path.write_text("cam0=[ 1038.018 0 322.037 ; 0 1038.018 243.393 ; 0 0 1 ] \n\n doffs= 53.271 \nbaseline= 176.252\n")
    assert read_calibration(path) == Calibration(1038.018, 176.252 / 1000, 53.271, 322.037, 243.393)
    path.write_text("cam0=[1038 0 322; 0 1040 243; 0 0 1]\nbaseline=176\n")
    assert read_calibration(path) == Calibration(1038, 0.176, 0, 322, 243, focal_length_y=1040)
    path.write_text("cam0=[1038 0 middle]\nbaseline=176\n")  # enough for depth
    assert read_calibration(path) == Calibration(1038, 0.176)


def test_what_editors_do_to_a_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    text = "# geeicht für Köln\r\ncam0=[1038,5 0 322; 0 1038,5 243; 0 0 1]\r\nbaseline=176,25\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        path.write_bytes(text.encode(encoding))
        assert read_calibration(path) == Calibration(1038.5, 0.17625, 0, 322, 243), encoding


def test_without_doffs_the_principal_points_tell_it(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    path.write_text("cam0=[1038 0 322; 0 1038 243; 0 0 1]\ncam1=[1038 0 375.5; 0 1038 243; 0 0 1]\nbaseline=176\n")
    assert read_calibration(path).disparity_offset == 53.5


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    with path.open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(FormatError, match="10,000,000,000 bytes; expected 524,288 at most"):
        read_calibration(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cam0=[x 0 1; 0 1 1; 0 0 1]\nbaseline=1\n", 1),
        ("cam0=900\nbaseline=1\n", 1),
        ("cam0=[]\nbaseline=1\n", 1),
        ("cam0=[900 0 1; 0 1 1; 0 0 1]\nbaseline=1 2\n", 2),
        ("cam0=[900 0 1; 0 1 1; 0 0 1]\nbaseline=[1]\n", 2),
        ("cam0=[900 0 1; 0 1 1; 0 0 1]\nbaseline=-1\n", 2),
        ("cam0=[900 0 1; 0 1 1; 0 0 1]\nbaseline=1\ndoffs=nan\n", 3),
        ("cam0=[900 0 1; 0 1 1; 0 0 1]\n\nnonsense\n", 3),
    ],
)
def test_broken_calibration_names_the_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "calib.txt"
    path.write_text(text)
    with pytest.raises(FormatError, match=rf"^{path}:{line}: [^\n]*$"):
        read_calibration(path)
    path.write_text("baseline=1\n")
    with pytest.raises(FormatError, match="has no line 'cam0='"):
        read_calibration(path)


KITTI = """calib_time: 09-Jan-2012 13:57:47
P_rect_02: 7.215377e+02 0 6.095593e+02 4.485728e+01 0 7.215377e+02 1.728540e+02 2.163791e-01 0 0 1 2.745884e-03
P_rect_03: 7.215377e+02 0 6.105593e+02 -3.395242e+02 0 7.215377e+02 1.728540e+02 2.199936e+00 0 0 1 2.729905e-03
"""


def test_kitti(tmp_path: Path) -> None:
    path = tmp_path / "000000.txt"
    path.write_text(KITTI)
    calibration = read_kitti_calibration(path, "P_rect_02", "P_rect_03")
    assert calibration.baseline == pytest.approx(0.53272, abs=1e-4)
    assert calibration.disparity_offset == pytest.approx(1.0)
    assert (calibration.focal_length, calibration.cx, calibration.cy) == (721.5377, 609.5593, 172.854)
    assert calibration.focal_length_y is None  # as along the rows


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("P_rect_03", "P_rect_04", "has no line 'P_rect_03:'"),
        ("2.745884e-03", "", r"000000\.txt:2: P_rect_02 is .*12 numbers"),
        ("7.215377e+02", "nan", "12 numbers"),
        ("-3.395242e+02", "3.395242e+02", "to the left of P_rect_02"),
        ("calib_time", "calib\0time", "not a text file"),
    ],
)
def test_broken_kitti(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "000000.txt"
    path.write_text(KITTI.replace(old, new), encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_kitti_calibration(path, "P_rect_02", "P_rect_03")
