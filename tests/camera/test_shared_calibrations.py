"""Calibrations as people have them, from ../shared: each gives its numbers, or a line that says what is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import SHARED

from stereo.camera import read_camera_pair
from stereo.errors import FormatError

CALIBRATIONS = SHARED / "cameras" / "calibration"
pytestmark = pytest.mark.skipif(not CALIBRATIONS.is_dir(), reason="needs ../shared/cameras, which is not here")
ZED = "zed/SN_conf_ZED2_excerpt.conf"

# Files; focal length px, baseline m, disparity offset px, cx, cy; rows and columns. All rectified.
RECTIFIED: list[tuple[str, tuple[float, ...], tuple[int, int] | None]] = [
    (
        "argoverse/vehicle_calibration_stereo_info.json",
        (3894.034, 0.299242, 0, 937.57, 1063.199),
        None,
    ),
    ("middlebury_calib_txt/Piano-imperfect/calib.txt", (2852.758, 0.178089, 125.36, 1424.085, 953.053), (1924, 2828)),
    (
        "middlebury_calib_txt/Playtable-imperfect/calib.txt",
        (2341.955, 0.193006, 107.76, 1141.652, 936.494),
        (1852, 2720),
    ),
    ("kitti/calib_cam_to_cam_000000.txt", (721.5377, 0.532725, 0, 609.5593, 172.854), (375, 1242)),
    # Its projections have twice the baseline of its translations.
    ("kitti/drivingstereo_2018-07-11-14-48-52.txt", (1003.556, 0.544613, 0, 455.689, 197.6634), (400, 881)),
    ("kitti/stereodemo_000046.json", (994, 0.54, 0, 621, 187.5), (375, 1242)),
    ("oak_d/stereodemo_calibration.json", (451.03445, 0.075, 0, 299.03839, 255.16502), (480, 640)),
    ("../oak_d/stereodemo_calibration.json", (451.03445, 0.075, 0, 299.03839, 255.16502), (480, 640)),
    ("zed/disparity_view_HD1080.json", (1068.07947, 0.119987, 0, 977.01007, 562.42749), (1080, 1920)),
    ("../zed/zed_camera_param.json", (1068.07947, 0.119987, 0, 977.01007, 562.42749), (1080, 1920)),
    (
        "realsense/vins_d435i/realsense_stereo_imu_config.yaml",
        (385.75449, 0.060859, 0, 323.12048, 236.74321),
        (480, 640),
    ),
    # P1 and P2 of OpenCV, in mm.
    ("opencv_yaml/thaytan/extrinsics.yml", (548.37467, 0.0598373, 0, 815.72296, 472.84426), None),
    ("opencv_yaml/thaytan/intrinsics.yml extrinsics.yml", (548.37467, 0.0598373, 0, 815.72296, 472.84426), None),
    # Left and right are exchanged in their names.
    (
        "ros_camera_info/dvrk_positive_Tx/right.yaml left.yaml",
        (1905.46146, 0.00553882, 0, 668.38528, 498.80738),
        (1024, 1300),
    ),
]
ETH3D = {
    "delivery_area_1l": ((541.764, 0.05991, 0, 553.869, 232.396), (489, 942)),
    "delivery_area_2l": ((541.764, 0.05989, 0, 553.682, 232.397), (489, 942)),
    "electro_2l": ((543.757, 0.05982, 0, 520.961, 293.208), (489, 927)),
    "forest_2s": ((712.53, 0.05961, 0, 369.856, 239.634), (440, 715)),
    "playground_1l": ((542.019, 0.059555, 0, 541.836, 255.198), (490, 941)),
}
for _scene, (_numbers, _size) in ETH3D.items():
    for _name in ("calib.txt", "cameras.txt", "images.txt", "stereodemo_calibration.json"):
        RECTIFIED.append((f"eth3d_calib_txt/{_scene}/{_name}", _numbers, _size))

# Files; fx, fy, cx, cy of the left and of the right camera; first coefficient of the lenses; baseline m; rows, columns.
EUROC = (
    (458.654, 457.296, 367.215, 248.375),
    (457.587, 456.134, 379.999, 255.238),
    "plumb_bob",
    (-0.28340811, -0.28368365),
    0.110078,
    (480, 752),
)
UNRECTIFIED: list[tuple[str, dict[str, Any], Any]] = [
    ("euroc_sensor_yaml/sensorLeft.yaml sensorRight.yaml", {}, EUROC),
    ("euroc_sensor_yaml/LeftCameraParams.yaml RightCameraParams.yaml", {}, EUROC),
    ("../euroc_unrectified/camLeftEuroc.yaml camRightEuroc.yaml", {}, EUROC),
    ("../euroc_unrectified/sensorLeft.yaml sensorRight.yaml", {}, EUROC),
    ("kalibr_camchain/msckf_vio_euroc_flat_matrices.yaml", {}, EUROC),
    (
        "../fisheye_unrectified/left_sensor_fisheye.yaml right_sensor_fisheye.yaml",
        {},
        (
            (366.163, 365.631, 380.573, 225.950),
            (367.032, 366.632, 379.304, 236.659),
            "fisheye",
            (-0.020476443, -0.019659843),
            0.120319,
            (480, 752),
        ),
    ),
    (
        "realsense/kimera_D455/LeftCameraParams.yaml RightCameraParams.yaml",
        {},
        (
            (377.22922, 377.48657, 326.35186, 239.65967),
            (377.53526, 377.20984, 328.19337, 240.42688),
            "plumb_bob",
            (-0.00439906, -0.00335524),
            0.094942,
            (480, 640),
        ),
    ),
    (
        "realsense/kimera_RealSenseIR/LeftCameraParams.yaml RightCameraParams.yaml",
        {},
        (
            (384.56970, 385.64690, 324.92458, 239.78004),
            (384.65179, 385.80744, 323.09409, 239.40076),
            "fisheye",
            (0.3461099, 0.33272557),
            0.049899,
            (480, 640),
        ),
    ),
    (
        "kalibr_camchain/drobotics_stereo_camchain.yaml",
        {},
        (
            (550.63767, 489.60245, 647.91952, 317.53265),
            (550.87901, 488.93528, 634.63783, 289.60864),
            "plumb_bob",
            (-0.31790721, -0.31640062),
            0.069715,
            (640, 1280),
        ),
    ),
    (
        "kalibr_camchain/openvins_rs_t265_equidistant.yaml",
        {},
        (
            (282.01996, 280.71452, 415.95581, 396.66138),
            (281.49220, 280.32891, 414.09933, 406.02198),
            "fisheye",
            (-0.003269, -0.002848),
            0.062741,
            (800, 848),
        ),
    ),
    (
        "opencv_yaml/hasirk_2file/intrinsics.yml extrinsics.yml",
        {},
        (
            (1940.99288, 1932.15881, 643.90963, 518.86750),
            (1933.43258, 1924.08964, 633.33115, 522.61713),
            "plumb_bob",
            (-0.25881152, -0.27255821),
            1.045143,
            None,
        ),
    ),
    (
        "json_opencv/songjiahao_cali_circle2.json",
        {},
        (
            (751.36669, 752.90477, 537.48530, 383.44480),
            (750.72580, 752.29153, 538.00884, 393.32837),
            "plumb_bob",
            (0.13399758, 0.13998237),
            0.104793,
            None,
        ),
    ),
    (
        ZED,
        {"size": (1242, 2208)},
        (
            (1068.5, 1068.13, 1106.14, 640.011),
            (1067.04, 1066.58, 1088.96, 647.771),
            "plumb_bob",
            (-0.0592102, -0.0642587),
            0.12014,
            (1242, 2208),
        ),
    ),
    (
        ZED,
        {"size": (720, 1280)},
        (
            (534.25, 534.065, 639.57, 368.0055),
            (533.52, 533.29, 630.98, 371.8855),
            "plumb_bob",
            (-0.0592102, -0.0642587),
            0.12014,
            (720, 1280),
        ),
    ),
    (
        "zed/ZEDXMini_excerpt_no_STEREO_header.conf",
        {},
        (
            (736.862, 736.696, 999.971, 570.414),
            (737.375, 736.982, 970.855, 630.481),
            "plumb_bob",
            (-0.0120856, -0.0143275),
            0.0498789,
            (1200, 1920),
        ),
    ),
]

REFUSED: dict[str, str] = {
    "euroc_sensor_yaml/sensorRight.yaml": "one camera of two",
    "euroc_sensor_yaml/sensorRight.yaml sensorLeft.yaml": "exchanged",
    "euroc_sensor_yaml/sensorLeft.yaml zed/disparity_view_HD1080.json": "not of the form EuRoC",
    "json_opencv/songjiahao_cali_circle164_1056x784.json": r"0\.1082 m to the left .*exchanged",
    "kitti/calib_imu_to_velo_000000.txt": "no projections of two cameras",
    "kitti/calib_velo_to_cam_000000.txt": "no projections of two cameras",
    "kitti/stereodemo_000046.json stereodemo_000046.json": "one file too many",
    "opencv_yaml/hasirk_2file/extrinsics.yml": "no matrices of both; give the file of the intrinsics",
    "opencv_yaml/hasirk_2file/intrinsics.yml": "expected R and T: give the file of the extrinsics too",
    "opencv_yaml/opencv_doc/intrinsics.yml": "expected R and T",
    "../opencv_chessboard_unrectified/intrinsics.yml": "expected R and T",
    "opencv_yaml/opencv_doc/left_intrinsics.yml": "describes one camera, and not where the other",
    "opencv_yaml/opencv_doc/stereo_calib.xml": "is a list of images",
    "opencv_yaml/thaytan/intrinsics.yml": "expected R and T",
    "realsense/kimera_D455/LeftCameraParams.yaml": "one camera of two",
    "realsense/kimera_RealSenseIR/LeftCameraParams.yaml": "one camera of two",
    "realsense/vins_d435i/left.yaml": "give the configuration that has body_T_cam0",
    "realsense/vins_d435i/left.yaml right.yaml": "give the configuration",
    "realsense/vins_d435i/rs_camera.launch": "no calibration of a form that can be read",
    "ros_camera_info/calibration_file.ini": "one camera of two",
    "ros_camera_info/calibration_file.ini calibration_file.ini": "no baseline",
    "ros_camera_info/dvrk_positive_Tx/left.yaml right.yaml": (r"0\.005539 m to the left .*exchanged"),
    "ros_camera_info/stereopi_size_mismatch/left.yaml right.yaml": "no baseline",
    ZED: r"2K 2208×1242, HD 1280×720; width × height\); give the size of the images",
    "index.tsv": "no calibration of a form that can be read",
    "../euroc_unrectified/left_img_0.png": "not a text file",
}


def paths(names: str) -> list[Path]:
    """Return the paths of a file, and of a second one: by its name alone, it lies in the folder of the first."""
    first, *second = names.split()
    return [CALIBRATIONS / first] + [
        CALIBRATIONS / name if "/" in name else (CALIBRATIONS / first).with_name(name) for name in second
    ]


@pytest.mark.parametrize(("names", "numbers", "size"), RECTIFIED)
def test_rectified(names: str, numbers: tuple[float, ...], size: tuple[int, int] | None) -> None:
    pair = read_camera_pair(*paths(names))
    found = pair.calibration()
    got = (found.focal_length, found.baseline, found.disparity_offset, found.cx, found.cy)
    assert got == pytest.approx(numbers, rel=1e-5, abs=1e-6)
    assert found.focal_length_y is None
    assert (pair.rectified_size or pair.left.size) == size
    if size is not None:
        height, width = size
        assert pair.calibration_for(height, width) == found
        assert pair.calibration_for(2 * height, 2 * width).focal_length == pytest.approx(2 * numbers[0], rel=1e-5)


@pytest.mark.parametrize(("names", "options", "expected"), UNRECTIFIED)
def test_unrectified(names: str, options: dict[str, Any], expected: Any) -> None:
    pair = read_camera_pair(*paths(names), **options)
    left, right, model, coefficients, baseline, size = expected
    assert not pair.rectified
    for camera, numbers, coefficient in ((pair.left, left, coefficients[0]), (pair.right, right, coefficients[1])):
        assert camera.matrix[[0, 1, 0, 1], [0, 1, 2, 2]] == pytest.approx(numbers, abs=1e-5)
        assert camera.distortion_model == model
        assert camera.distortion[0] == pytest.approx(coefficient, abs=1e-6)
        assert camera.size == size
    assert np.linalg.norm(pair.translation) == pytest.approx(baseline, abs=1e-6)
    assert pair.translation[0] < 0
    assert pair.rotation @ pair.rotation.T == pytest.approx(np.eye(3), abs=1e-4)


@pytest.mark.parametrize(("names", "message"), REFUSED.items())
def test_what_is_missing_is_said_in_one_line(names: str, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_camera_pair(*paths(names))
    assert str(caught.value).startswith(str(CALIBRATIONS))
    assert "\n" not in str(caught.value)


def test_an_omnidirectional_camera_beside_a_pinhole() -> None:
    pair = read_camera_pair(CALIBRATIONS / "kalibr_camchain/nickcharron_camchain_pinhole_omni.yaml")
    assert (pair.left.distortion_model, pair.right.distortion_model) == ("plumb_bob", "omni")
    assert pair.right.matrix[[0, 1, 0, 1], [0, 1, 2, 2]].tolist() == [833.006, 830.345, 373.85, 253.749]
    assert pair.right.distortion.tolist() == [0.80065662, -0.33518750, 0.13211436, 0.00055967, 0.00057686]


def test_every_calibration_is_read() -> None:
    omni = "kalibr_camchain/nickcharron_camchain_pinhole_omni.yaml"
    rows = [omni, *(row[0] for row in RECTIFIED), *(row[0] for row in UNRECTIFIED), *REFUSED]
    read = {path for names in rows for path in paths(names)}
    assert not {path for path in CALIBRATIONS.rglob("*") if path.is_file()} - read
