"""KITTI: lines `P2:` (2012, odometry, objects) or `P_rect_02:` (2015, raw), and DrivingStereo's cameras 101, 103.

The files of the raw data hold the cameras before rectification too (S, K, D, R, T), in px and meters. Those of
DrivingStereo are of images of another size than S, and are left out.
"""

import re
from dataclasses import replace

import numpy as np

from stereo.camera.document import Document
from stereo.camera.model import Array, CameraModel, CameraPair, Size, pair_of_calibration
from stereo.camera.request import Request
from stereo.camera.values import camera_matrix, image_size, lens, matrix, vector
from stereo.data.formats.calibration import parse_kitti_calibration, split_lines

# Left and right of each pair, the color cameras before the gray ones.
_PAIRS = (
    ("P_rect_02", "P_rect_03"),
    ("P_rect_00", "P_rect_01"),
    ("P_rect_101", "P_rect_103"),
    ("P2", "P3"),
    ("P0", "P1"),
)


def recognizes(document: Document) -> bool:
    """Return whether there is a projection of KITTI, or the date that its other calibrations begin with."""
    return re.search(r"(?m)^(P\d: *[-\d.]|P_rect_\d+:|calib_time:)", document.text) is not None


def read(request: Request) -> CameraPair:
    """Return the color cameras, or the gray ones where there are no others."""
    document = request.one_file()
    lines = {key: value.split() for _, key, value in split_lines(document.text, document.path, ":")}
    names = next((pair for pair in _PAIRS if set(pair) <= lines.keys()), None)
    if names is None:
        raise document.error(
            "has no projections of two cameras; expected the lines P2 and P3, P0 and P1, P_rect_02 and P_rect_03, or "
            "P_rect_00 and P_rect_01 (calib_cam_to_cam.txt has them, those of the lidar have not)"
        )
    calibration = parse_kitti_calibration(document.text, document.path, *names)
    note = f"cameras {names[0]} and {names[1]}, baseline in m"
    left, right = (name.rpartition("_")[2] for name in names)
    size = _size(document, lines, f"S_rect_{left}")
    before = {f"{key}_{name}" for key in ("S", "K", "D", "R", "T", "R_rect") for name in (left, right)}
    if not before <= lines.keys():
        return pair_of_calibration(calibration, size, note)
    one, other = _pose(document, lines, left), _pose(document, lines, right)
    rotation = other[0] @ one[0].T
    translation = other[1] - rotation @ one[1]
    baseline = float(np.linalg.norm(translation))
    if abs(calibration.baseline - baseline) > 0.02 * baseline:
        # DrivingStereo halved the focal length of its projections and forgot their fourth column.
        note += f", that of the translations: the projections have {calibration.baseline:.3f} m"
        return pair_of_calibration(replace(calibration, baseline=baseline), size, note)
    return CameraPair(
        _camera(document, lines, left), _camera(document, lines, right), rotation, translation, note, size
    )


def _camera(document: Document, lines: dict[str, list[str]], name: str) -> CameraModel:
    return CameraModel(
        _size(document, lines, f"S_{name}"),
        camera_matrix(document, lines[f"K_{name}"], f"K_{name}"),
        *lens(document, f"D_{name}", lines[f"D_{name}"]),
        matrix(document, lines[f"R_rect_{name}"], f"R_rect_{name}", 3, 3),
        matrix(document, lines[f"P_rect_{name}"], f"P_rect_{name}", 3, 4),
    )


def _pose(document: Document, lines: dict[str, list[str]], name: str) -> tuple[Array, Array]:
    """Return the rotation and translation from camera 0, or 101, to a camera."""
    rotation = matrix(document, lines[f"R_{name}"], f"R_{name}", 3, 3)
    return rotation, vector(document, lines[f"T_{name}"], f"T_{name}", 3)


def _size(document: Document, lines: dict[str, list[str]], key: str) -> Size | None:
    return image_size(document, *vector(document, lines[key], key, 2)) if key in lines else None
