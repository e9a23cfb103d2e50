"""stereo.data.calibration: what the files say, and which line is wrong."""

from pathlib import Path

import pytest

from stereo.data.calibration import read_calibration
from stereo.errors import FormatError


def test_calibration_of_middlebury(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    path.write_text("cam0=[ 1038.018 0 322.037 ; 0 1038.018 243.393 ; 0 0 1 ] \n\n doffs= 53.271 \nbaseline= 176.252\n")
    calibration = read_calibration(path)
    assert calibration.focal_length == 1038.018
    assert calibration.baseline == pytest.approx(0.176252)
    assert calibration.disparity_offset == 53.271


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cam0=[x 0 1; 0 1 1; 0 0 1]\nbaseline=1\n", 1),
        ("cam0=900\nbaseline=1\n", 1),
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
