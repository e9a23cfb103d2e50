"""Calibrations of one pair of cameras in every form, as small files written by hand."""

import json
from typing import Any

from stereo.data.sample import Calibration

Rows = list[list[float]]

# The same pair in all forms: f = 500 px (fy 510), left (320, 240), right (330, 240), 640×480, baseline 0.1 m.
LEFT: Rows = [[500, 0, 320], [0, 510, 240], [0, 0, 1]]
RIGHT: Rows = [[500, 0, 330], [0, 510, 240], [0, 0, 1]]
EYE: Rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
CALIBRATION = Calibration(500, 0.1, 10, 320, 240, 510)

# Names and texts; the first file, or the first two, are read.
Files = dict[str, str]

MIDDLEBURY = """cam0=[500 0 320; 0 510 240; 0 0 1]
cam1=[500 0 330; 0 510 240; 0 0 1]
doffs=10
baseline=100
width=640
height=480
"""
KITTI = """P0: 500 0 320 0 0 510 240 0 0 0 1 0
P1: 500 0 330 -50 0 510 240 0 0 0 1 0
"""
COLMAP: Files = {
    "cameras.txt": "# Camera list with one line of data per camera:\n1 PINHOLE 640 480 500 510 320 240\n"
    "2 PINHOLE 640 480 500 510 330 240\n",
    # Both cameras are turned by 90° about the world's z axis.
    "images.txt": "8 2 0 0 2 3 4 5 1 a.png\n\n7 0.70710678 0 0 0.70710678 2.9 4 5 2 b.png\n10 20 -1 30 40 -1\n",
}
ZED = """[LEFT_CAM_HD]
fx=500
fy=510
cx=320
cy=240
k1=0
k2=0
p1=0
p2=0
k3=0
[RIGHT_CAM_HD]
fx=500
fy=510
cx=330
cy=240
k1=0
k2=0
p1=0
p2=0
k3=0
[STEREO]
Baseline=100
TY=0
TZ=0
CV_HD=0
RX_HD=0
RZ_HD=0
"""


def flat(rows: Rows) -> list[float]:
    return [number for row in rows for number in row]


def ros(matrix: Rows, shift: float) -> str:
    projection = [[*row, shift if index == 0 else 0] for index, row in enumerate(matrix)]
    return f"""image_width: 640
image_height: 480
distortion_model: plumb_bob
camera_matrix: {{rows: 3, cols: 3, data: {flat(matrix)}}}
distortion_coefficients: {{rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}}
rectification_matrix: {{rows: 3, cols: 3, data: {flat(EYE)}}}
projection_matrix: {{rows: 3, cols: 4, data: {flat(projection)}}}
"""


def ros_ini(matrix: Rows, shift: float) -> str:
    def lines(rows: Any) -> str:
        return "\n".join(" ".join(map(str, row)) for row in rows)

    projection = [[*row, shift if index == 0 else 0] for index, row in enumerate(matrix)]
    return (
        f"[image]\n\nwidth\n640\n; lines\nheight\n480\n\n[narrow/left]\n\ncamera matrix\n{lines(matrix)}\n\n"
        f"distortion\n0 0 0 0 0\n\nrectification\n{lines(EYE)}\n\nprojection\n{lines(projection)}\n"
    )


def kalibr(cx: int, pose: str = "") -> str:
    return f"""
  camera_model: pinhole
  intrinsics: [500, 510, {cx}, 240]
  distortion_model: radtan
  distortion_coeffs: [0, 0, 0, 0]
  resolution: [640, 480]
{pose}"""


def euroc(cx: int, x: float) -> str:
    # The body's axes: x to the right, z up. The cameras look along y.
    return f"""%YAML:1.0
T_BS:
  cols: 4
  rows: 4
  data: [1, 0, 0, {x}, 0, 0, 1, 0, 0, -1, 0, 7, 0, 0, 0, 1]
resolution: [640, 480]
camera_model: pinhole
intrinsics: [500, 510, {cx}, 240] # fu, fv, cu, cv
distortion_model: radial-tangential
distortion_coefficients: [0, 0, 0, 0]
"""


def vins(cx: int) -> str:
    return f"""%YAML:1.0
---
model_type: PINHOLE
image_width: 640
image_height: 480
distortion_parameters: {{k1: 0, k2: 0, p1: 0, p2: 0}}
projection_parameters: {{fx: 500, fy: 510, cx: {cx}, cy: 240}}
"""


def opencv_matrix(rows: int, columns: int, data: list[float]) -> str:
    return f"!!opencv-matrix\n   rows: {rows}\n   cols: {columns}\n   dt: d\n   data: {data}\n"


def xml_matrix(name: str, rows: int, columns: int, data: list[float]) -> str:
    return (
        f'<{name} type_id="opencv-matrix"><rows>{rows}</rows><cols>{columns}</cols><dt>d</dt>'
        f"<data>{' '.join(map(str, data))}</data></{name}>"
    )


OPENCV_INTRINSICS = f"%YAML:1.0\nM1: {opencv_matrix(3, 3, flat(LEFT))}M2: {opencv_matrix(3, 3, flat(RIGHT))}"
OPENCV_EXTRINSICS = (
    f"%YAML:1.0\n---\nR: {opencv_matrix(3, 3, flat(EYE))}T: {opencv_matrix(3, 1, [-100, 0, 0])}"
    "image_width: 640\nimage_height: 480\n"
)
OPENCV_XML = (
    '<?xml version="1.0" encoding="UTF-16"?>\n<opencv_storage><!-- für Köln -->'
    + xml_matrix("cameraMatrix_left", 3, 3, flat(LEFT))
    + xml_matrix("cameraMatrix_right", 3, 3, flat(RIGHT))
    + xml_matrix("R", 3, 3, flat(EYE))
    + "<T>-1.0e-1 0. 0.</T><image_Width>640</image_Width><image_Height>480</image_Height></opencv_storage>"
)
OPENCV_JSON = json.dumps(
    {"K_left": LEFT, "K_right": RIGHT, "R": EYE, "T": [[-0.1], [0], [0]], "imageSize": [640, 480]}, indent=1
)
OPENCV_Q = json.dumps(
    {"Q": [[1, 0, 0, -320], [0, 1, 0, -240], [0, 0, 0, 500], [0, 0, 10, 100]], "width": 640, "height": 480}
)
ARGOVERSE = json.dumps(
    {
        "camera_data_": [
            {
                "key": f"image_raw_stereo_front_{side}_rect",
                "value": {
                    "focal_length_x_px_": 500,
                    "focal_length_y_px_": 510,
                    "focal_center_x_px_": matrix[0][2],
                    "focal_center_y_px_": 240,
                    "Txf_": shift,
                },
            }
            for side, matrix, shift in (("left", LEFT, 0), ("right", RIGHT, -50))
        ]
    }
)


def oak(*links: tuple[int, int, float]) -> str:
    """The cameras of DepthAI, each with the socket that it leads to and the x of that way, cm."""
    cameras = [
        [
            socket,
            {
                "cameraType": 0,
                "width": 640,
                "height": 480,
                "intrinsicMatrix": {1: LEFT, 2: RIGHT}.get(socket, EYE),
                "distortionCoeff": [0.0] * 14,
                "extrinsics": {"rotationMatrix": EYE, "toCameraSocket": to, "translation": {"x": x, "y": 0, "z": 0}},
            },
        ]
        for socket, to, x in links
    ]
    return json.dumps(
        {"cameraData": cameras, "stereoRectificationData": {"leftCameraSocket": 1, "rightCameraSocket": 2}}
    )


PLAIN = {"fx": 500, "fy": 510, "cx0": 320, "cx1": 330, "cy": 240, "width": 640, "height": 480}
CAM1_POSE = "  T_cn_cnm1: [[1, 0, 0, -0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]\n"
CAM_POSES = [f"  T_cam_imu: [1, 0, 0, {x}, 0, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 1]\n" for x in (0.3, 0.2)]
BODY = (
    "body_T_cam{}: "
    + "!!opencv-matrix\n   rows: 4\n   cols: 4\n   data: [1, 0, 0, {}, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]\n"
)

# The form that recognizes the first file, and the files.
EXAMPLES: dict[str, tuple[str, Files]] = {
    "middlebury": ("Middlebury or ETH3D calib.txt", {"calib.txt": MIDDLEBURY}),
    "kitti": ("KITTI", {"000000.txt": KITTI}),
    "colmap": ("COLMAP cameras.txt and images.txt", COLMAP),
    "zed": ("ZED SN….conf", {"SN1.conf": ZED}),
    "ros": ("ROS camera_info", {"left.yaml": ros(LEFT, 0), "right.yaml": ros(RIGHT, -50)}),
    "ros_ini": ("ROS camera_info", {"left.ini": ros_ini(LEFT, 0), "right.ini": ros_ini(RIGHT, -50)}),
    "kalibr": ("Kalibr camchain", {"camchain.yaml": f"cam0:{kalibr(320)}cam1:{kalibr(330, CAM1_POSE)}"}),
    "kalibr_imu": (
        "Kalibr camchain",
        {"camchain.yaml": f"cam0:{kalibr(320, CAM_POSES[0])}cam1:{kalibr(330, CAM_POSES[1])}"},
    ),
    "euroc": ("EuRoC sensor.yaml", {"cam0.yaml": euroc(320, 0.02), "cam1.yaml": euroc(330, 0.12)}),
    "opencv": ("OpenCV YAML, XML or JSON", {"in.yml": OPENCV_INTRINSICS, "ex.yml": OPENCV_EXTRINSICS}),
    "opencv_xml": ("OpenCV YAML, XML or JSON", {"stereo.xml": OPENCV_XML}),
    "opencv_json": ("OpenCV YAML, XML or JSON", {"stereo.json": OPENCV_JSON}),
    "argoverse": ("Argoverse JSON", {"car.json": ARGOVERSE}),
    "oak": ("DepthAI JSON", {"oak.json": oak((1, 2, -10), (2, 0, 3))}),
    "oak_by_a_third": ("DepthAI JSON", {"oak.json": oak((0, -1, 0), (1, 0, -4), (2, 0, 6))}),
    "plain_m": ("plain numbers (fx, cx, cy, baseline)", {"a.json": json.dumps({**PLAIN, "baseline_meters": 0.1})}),
    "plain_mm": ("plain numbers (fx, cx, cy, baseline)", {"a.json": json.dumps({**PLAIN, "baseline": 100})}),
    "plain_cm": ("plain numbers (fx, cx, cy, baseline)", {"a.yaml": json.dumps({**PLAIN, "baseline_cm": 10})}),
}
