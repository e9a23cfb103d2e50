"""stereo.camera.read: one small file of each form, written by hand, with values that can be checked by eye."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.calibrations import (
    BODY,
    CALIBRATION,
    COLMAP,
    EXAMPLES,
    EYE,
    LEFT,
    OPENCV_JSON,
    OPENCV_Q,
    RIGHT,
    ZED,
    Files,
    flat,
    ros,
    vins,
)

from stereo.camera import CameraPair, read_camera_pair
from stereo.camera.document import Document
from stereo.camera.read import FORMS, form_of
from stereo.data.sample import Calibration
from stereo.errors import DataError


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., CameraPair]:
    """Write files and read them, the first two at most."""

    def written(files: Files, encoding: str = "utf-8", one: bool = False, **options: Any) -> CameraPair:
        paths = []
        for name, text in files.items():
            paths.append(tmp_path / name)
            paths[-1].write_bytes(text.encode(encoding))
        return read_camera_pair(*paths[: 1 if one else 2], **options)

    return written


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_pair_in_every_form(name: str, read: Callable[..., CameraPair]) -> None:
    form, files = EXAMPLES[name]
    assert form_of(Document(Path("x"), next(iter(files.values())))) == form
    pair = read(files)
    got = pair.calibration()
    assert (got.focal_length, got.baseline, got.disparity_offset, got.cx, got.cy, got.focal_length_y) == pytest.approx(
        (500, 0.1, 10, 320, 240, 510)
    )
    assert pair.rectified
    assert pair.translation == pytest.approx(np.array([-0.1, 0, 0]), abs=1e-9)
    # The marks and line ends of editors, and the letters of another code page, change nothing.
    assert read({key: text.replace("\n", "\r\n") for key, text in files.items()}, "utf-8-sig").calibration() == got
    if "\n#" in files[next(iter(files))]:
        assert read({key: text + "# für Köln\n" for key, text in files.items()}, "latin-1").calibration() == got


def test_a_pair_of_resized_images(read: Callable[..., CameraPair]) -> None:
    pair = read(EXAMPLES["ros"][1]).for_image(240, 320)
    # The middle of 640 columns, 319.5, becomes that of 320, 159.5.
    assert pair.left.matrix.tolist() == [[250, 0, 159.75], [0, 255, 119.75], [0, 0, 1]]
    assert pair.right.size == (240, 320)
    assert pair.calibration() == CALIBRATION.resized(0.5, 0.5)
    assert pair.calibration_for(480, 640) == CALIBRATION
    with pytest.raises(DataError, match="images are 640×400 but the calibration is of 640×480"):
        read(EXAMPLES["ros"][1]).for_image(400, 640)
    with pytest.raises(DataError, match=r"images are 320×240 .* principal point at "):
        read(EXAMPLES["kitti"][1]).for_image(240, 320)


def test_every_form_has_an_example() -> None:
    assert {form for form, _ in EXAMPLES.values()} == FORMS.keys() - {"VINS-Fusion"}  # below


def test_colmap_finds_its_other_file(read: Callable[..., CameraPair]) -> None:
    assert read(COLMAP, one=True).calibration().baseline == pytest.approx(0.1)
    assert read(dict(reversed(COLMAP.items())), one=True).calibration().baseline == pytest.approx(0.1)


def test_q_alone(read: Callable[..., CameraPair]) -> None:
    assert read({"q.json": OPENCV_Q}).calibration() == Calibration(500, 0.1, 10, 320, 240)


def test_ten_numbers(read: Callable[..., CameraPair]) -> None:
    pair = read({"K.txt": "500.0 0.0 320.0 0.0 510.0 240.0 0.0 0.0 1.0\n0.1\n"})
    assert pair.calibration() == Calibration(500, 0.1, 0, 320, 240, 510)
    assert pair.left.size is None


@pytest.mark.parametrize("right_cx", [320, 330])
def test_vins(read: Callable[..., CameraPair], right_cx: int) -> None:
    config = (
        "%YAML:1.0\ncam0_calib: 'left.yaml'\ncam1_calib: 'right.yaml'\n" + BODY.format(0, 0.3) + BODY.format(1, 0.4)
    )
    files = {"config.yaml": config, "left.yaml": vins(320), "right.yaml": vins(right_cx)}
    calibration = read(files, one=True).calibration()
    assert calibration.baseline == pytest.approx(0.1)
    assert (calibration.focal_length, calibration.disparity_offset) == (500, right_cx - 320)


@pytest.mark.parametrize(
    ("lens", "model", "coefficients"),
    [
        (
            "model_type: MEI\nmirror_parameters: {xi: 1.5}\ndistortion_parameters: {k1: 1, k2: 2, p1: 3, p2: 4}\n"
            "projection_parameters: {gamma1: 500, gamma2: 510, u0: 320, v0: 240}\n",
            "omni",
            [1.5, 1, 2, 3, 4],
        ),
        (
            "model_type: KANNALA_BRANDT\n"
            "projection_parameters: {k2: 1, k3: 2, k4: 3, k5: 4, mu: 500, mv: 510, u0: 320, v0: 240}\n",
            "fisheye",
            [1, 2, 3, 4],
        ),
    ],
)
def test_lenses_of_vins(read: Callable[..., CameraPair], lens: str, model: str, coefficients: list[float]) -> None:
    config = "cam0_calib: a.yaml\ncam1_calib: a.yaml\n" + BODY.format(0, 0.3) + BODY.format(1, 0.4)
    pair = read({"config.yaml": config, "a.yaml": lens}, one=True)
    assert (pair.left.distortion_model, pair.left.distortion.tolist()) == (model, coefficients)
    assert pair.left.matrix.tolist() == LEFT


@pytest.mark.parametrize(
    ("camera", "model", "coefficients"),
    [
        ("SIMPLE_PINHOLE 640 480 500 320 240", "none", []),
        ("SIMPLE_RADIAL 640 480 500 320 240 0.1", "plumb_bob", [0.1, 0, 0, 0]),
        ("OPENCV 640 480 500 500 320 240 0.1 0.2 0.3 0.4", "plumb_bob", [0.1, 0.2, 0.3, 0.4]),
        ("OPENCV_FISHEYE 640 480 500 500 320 240 0.1 0.2 0.3 0.4", "fisheye", [0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_lenses_of_colmap(read: Callable[..., CameraPair], camera: str, model: str, coefficients: list[float]) -> None:
    pair = read({**COLMAP, "cameras.txt": f"1 {camera}\n2 {camera}\n"})
    assert (pair.left.distortion_model, pair.left.distortion.tolist()) == (model, coefficients)
    assert pair.left.matrix.tolist() == [[500, 0, 320], [0, 500, 240], [0, 0, 1]]


def test_vins_with_a_noisy_pose_of_rectified_cameras(read: Callable[..., CameraPair]) -> None:
    turned = BODY.format(1, 0.4).replace("[1, 0, 0, 0.4, 0, 1, 0,", "[0.99995, -0.01, 0, 0.4, 0.01, 0.99995, 0,")
    config = "cam0_calib: left.yaml\ncam1_calib: right.yaml\n" + BODY.format(0, 0.3) + turned
    files = {"config.yaml": config, "left.yaml": vins(320), "right.yaml": vins(320)}
    pair = read(files, one=True)
    assert pair.rectified
    assert "taken to be rectified" in pair.unit_note
    files["right.yaml"] = vins(330)
    assert not read(files, one=True).rectified


def test_rotation_and_its_direction(read: Callable[..., CameraPair]) -> None:
    """A camera turned to the left sees what lies before the left camera farther to the right."""
    # Rectification turns x_cam into x_rectified; the right camera is turned by 0.1 rad about y (down).
    cosine, sine = np.cos(0.1), np.sin(0.1)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    right = ros(RIGHT, -50).replace(str(flat(EYE)), str(turn.ravel().tolist()))
    pair = read({"left.yaml": ros(LEFT, 0), "right.yaml": right})
    assert pair.rotation == pytest.approx(turn.T)
    # The center of the right camera, in the left one's axes, is at 0.1 m to the right.
    assert -pair.rotation.T @ pair.translation == pytest.approx([0.1, 0, 0])
    assert not pair.rectified
    assert pair.calibration() == CALIBRATION  # of the rectified images


@pytest.mark.parametrize(
    ("change", "model", "coefficients"),
    [
        ({"D_left": [0.1, 0.2], "D_right": [0.1, 0.2]}, "plumb_bob", [0.1, 0.2, 0, 0]),
        ({"D_left": [[0.1, 0, 0, 0, 0.3]], "dist_right": [0.1] * 5}, "plumb_bob", [0.1, 0, 0, 0, 0.3]),
        ({"D_left": [0.1] * 8, "D_right": [0.1] * 8}, "rational", [0.1] * 8),
        ({"D_left": [0] * 4, "D_right": [0] * 4, "model": "fisheye"}, "fisheye", [0] * 4),
        ({"D_left": [0] * 4, "D_right": [0] * 4}, "none", []),
    ],
)
def test_distortion(
    read: Callable[..., CameraPair], change: dict[str, Any], model: str, coefficients: list[float]
) -> None:
    pair = read({"a.json": json.dumps({**json.loads(OPENCV_JSON), **change})})
    assert pair.left.distortion_model == pair.right.distortion_model == model
    assert pair.left.distortion.tolist() == coefficients
    assert pair.rectified == (model == "none")


@pytest.mark.parametrize(
    ("translation", "square", "unit", "baseline"),
    [
        (-0.12, None, None, 0.12),
        (-120, None, None, 0.12),
        (-12, None, "cm", 0.12),
        (-120, 25, None, 0.12),
        (-12, 25, None, 0.012),  # an endoscope: the squares tell that it is in mm
        (-5, 0.025, None, 5.0),  # a truck
        (-5, 1, "mm", 0.005),
    ],
)
def test_units_of_opencv(
    read: Callable[..., CameraPair], translation: float, square: float | None, unit: str | None, baseline: float
) -> None:
    values = {**json.loads(OPENCV_JSON), "T": [translation, 0, 0]}
    if square is not None:
        values["square_size"] = square
    pair = read({"a.json": json.dumps(values)}, unit=unit)
    assert pair.calibration().baseline == pytest.approx(baseline)
    assert "baseline" in pair.unit_note


def test_zed_takes_the_mode_of_the_images(read: Callable[..., CameraPair]) -> None:
    other = ZED.replace("fx=500", "fx=700").replace("_HD", "_FHD")
    files = {"SN1.conf": ZED + other.replace("[STEREO]", "[STEREO2]") + "[STEREO]\nCV_FHD=0\nRX_FHD=0\nRZ_FHD=0\n"}
    assert read(files, size=(720, 1280)).left.matrix[0, 0] == 500
    assert read(files, size=(1080, 1920)).left.matrix[0, 0] == 700


def test_decimal_commas(read: Callable[..., CameraPair]) -> None:
    pair = read({"SN1.conf": ZED.replace("fx=500", "fx=500,25").replace("Baseline=100", "Baseline=62,5")})
    assert pair.calibration() == Calibration(500.25, 0.0625, 10, 320, 240, 510)
