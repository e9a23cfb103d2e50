"""A rig gives each pair its calibration, scaled with the image, or rectifies it first."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.calibrations import CALIBRATION, MIDDLEBURY, ZED

from stereo.camera.rig import Rig, calibration_of_numbers
from stereo.data.sample import Calibration, Image
from stereo.errors import ConfigError, DataError, FormatError


def views(height: int, width: int) -> tuple[Image, Image]:
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2))  # type: ignore[return-value]


def unrectified(folder: Path) -> Path:
    """Two cameras of 640×480, the right one with other distortion, turned by 1° about the axis."""
    turn = [[0.99985, -0.01745, 0], [0.01745, 0.99985, 0], [0, 0, 1]]
    matrix = [[500, 0, 320], [0, 500, 240], [0, 0, 1]]
    values = {
        "K1": matrix,
        "K2": matrix,
        "D1": [-0.1, 0.02, 0, 0],
        "D2": [-0.2, 0.05, 0, 0],
        "R": turn,
        "T": [-0.1, 0, 0],
        "imageSize": [640, 480],
    }
    path = folder / "stereo.json"
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize(("height", "width"), [(480, 640), (240, 320), (960, 1280)])
def test_the_calibration_is_scaled_with_the_images_which_stay_as_they_are(
    tmp_path: Path, height: int, width: int
) -> None:
    (tmp_path / "calib.txt").write_text(MIDDLEBURY)
    left, right = views(height, width)
    found = Rig([tmp_path / "calib.txt"]).views(left, right)
    assert found.left is left
    assert found.calibration == CALIBRATION.resized(width / 640, height / 480)
    assert found.left_shown is found.right_shown is None
    assert ("the calibration, of 640×480, is scaled" in " ".join(found.notes)) == (width != 640)


def test_images_that_cannot_be_of_the_calibration_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "calib.txt").write_text(MIDDLEBURY)
    with pytest.raises(DataError, match=r"calib\.txt: the images are 640×100 but the calibration is of 640×480"):
        Rig([tmp_path / "calib.txt"]).views(*views(100, 640))


def test_the_file_is_read_before_the_first_pair(tmp_path: Path) -> None:
    (tmp_path / "calib.txt").write_text("hello")
    with pytest.raises(FormatError, match=r"calib\.txt: .*no calibration"):
        Rig([tmp_path / "calib.txt"])


def test_the_images_size_chooses_the_mode_of_a_zed(tmp_path: Path) -> None:
    (tmp_path / "SN1.conf").write_text(ZED + ZED.replace("_HD", "_VGA").replace("cx=320", "cx=310"))
    rig = Rig([tmp_path / "SN1.conf"])
    calibration = rig.views(*views(376, 672)).calibration
    assert calibration is not None
    assert calibration.cx == 310
    with pytest.raises(FormatError, match="the images are 100×100"):
        rig.views(*views(100, 100))


def test_unrectified_cameras_must_be_rectified_and_then_have_what_the_views_show(tmp_path: Path) -> None:
    path = unrectified(tmp_path)
    with pytest.raises(DataError, match=r"stereo\.json: .*not rectified.*--rectify"):
        Rig([path]).views(*views(480, 640))
    rig = Rig([path], rectified=False, alpha=1.0)
    for height, width in ((480, 640), (240, 320)):
        left, right = views(height, width)
        found = rig.views(left, right)
        assert found.left.shape == left.shape
        assert not np.array_equal(found.left, left)
        assert found.left_shown is not None
        assert found.left_shown.shape == (height, width)
        assert 0.5 < found.left_shown.mean() < 1
        assert not found.left[~found.left_shown].any()
        assert found.calibration is not None
        assert found.calibration.baseline == pytest.approx(0.1)


def test_numbers_are_a_calibration_and_the_middle_is_said_to_be_taken() -> None:
    calibration = calibration_of_numbers(700, 120, "mm", disparity_offset=3.0)
    assert calibration == Calibration(700, 0.12, 3.0)
    assert Rig(calibration=calibration).views(*views(40, 60)).notes == (
        "the principal point is taken to be the middle of the image",
    )
    calibration = calibration_of_numbers(700, 0.12, cx=29.5, cy=19.5)
    assert Rig(calibration=calibration).views(*views(40, 60)).notes == ()
    with pytest.raises(DataError, match="principal point"):
        Rig(calibration=calibration).views(*views(400, 600))


@pytest.mark.parametrize(
    ("focal", "baseline", "message"),
    [
        (0, 0.1, "length is 0 px"),
        (float("nan"), 0.1, "focal"),
        (700, 120, "baseline is 120 m"),
        (700, -1, "-1 m"),
    ],
)
def test_numbers_that_cannot_be_are_refused(focal: float, baseline: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        calibration_of_numbers(focal, baseline)


def test_an_endless_disparity_offset_is_refused() -> None:
    with pytest.raises(ConfigError, match="offset is inf px"):
        calibration_of_numbers(700, 0.1, disparity_offset=float("inf"))


def test_numbers_rectify_nothing() -> None:
    with pytest.raises(ConfigError, match="needs the calibration file"):
        Rig(calibration=CALIBRATION, rectified=False)
