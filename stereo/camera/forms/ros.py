"""camera_info of ROS, a file for each camera: YAML, or the INI of camera_calibration_parsers. Lengths in meters."""

import re
from typing import Any

import numpy as np

from stereo.camera.document import Document
from stereo.camera.model import CameraModel, CameraPair, DistortionModel
from stereo.camera.request import Request
from stereo.camera.values import camera_matrix, image_size, lens, matrix, word

_DISTORTIONS: dict[str, DistortionModel] = {
    "plumb_bob": "plumb_bob",
    "rational_polynomial": "rational",
    "equidistant": "fisheye",
    "fisheye": "fisheye",
}


def recognizes(document: Document) -> bool:
    """Return whether there are the matrices of a camera and of its projection."""
    return _is_ini(document) or document.has("camera_matrix", "projection_matrix")


def read(request: Request) -> CameraPair:
    """Return the pair of two files; where the right camera stands is in its projection, P[0][3] = −f · baseline."""
    left, right = (_camera(document) for document in request.two_files())
    assert left.projection is not None
    assert right.projection is not None
    assert left.rectification is not None
    assert right.rectification is not None
    shift = right.projection[0, 3] / right.projection[0, 0] - left.projection[0, 3] / left.projection[0, 0]
    if shift == 0:
        across = " (P[1][3] is not 0: do they stand one above the other?)" if right.projection[1, 3] else ""
        raise request.two_files()[1].error(
            f"its projection matrix has P[0][3] = {right.projection[0, 3]:g}, so that there is no baseline{across}; "
            "expected −f · baseline: calibrate both cameras together"
        )
    rotation = right.rectification.T @ left.rectification
    return CameraPair(left, right, rotation, right.rectification.T @ np.array([shift, 0, 0]), "lengths in m")


def _is_ini(document: Document) -> bool:
    return re.search(r"(?m)^[ \t]*camera matrix[ \t]*$", document.text) is not None


def _camera(document: Document) -> CameraModel:
    values = _ini_values(document) if _is_ini(document) else document.values
    name = word(values, "distortion_model", "plumb_bob")
    if name not in _DISTORTIONS:
        raise document.error(f"its distortion_model is {name[:20]!a}; expected {', '.join(_DISTORTIONS)}")
    found = lens(document, "distortion_coefficients", values.get("distortion_coefficients"), _DISTORTIONS[name])
    return CameraModel(
        image_size(document, values.get("image_width"), values.get("image_height")),
        camera_matrix(document, values.get("camera_matrix"), "camera_matrix"),
        *found,
        matrix(document, values.get("rectification_matrix"), "rectification_matrix", 3, 3),
        matrix(document, values.get("projection_matrix"), "projection_matrix", 3, 4),
    )


def _ini_values(document: Document) -> dict[str, Any]:
    """Return the entries under the names that they have in YAML: a name on a line, its numbers on the next ones."""
    names = {
        "width": "image_width",
        "height": "image_height",
        "camera matrix": "camera_matrix",
        "distortion": "distortion_coefficients",
        "rectification": "rectification_matrix",
        "projection": "projection_matrix",
    }
    words: dict[str, list[str]] = {}
    current: list[str] = []
    for line in map(str.strip, document.text.splitlines()):
        if line.startswith(("#", ";", "[")):
            continue
        if line in names:
            current = words.setdefault(names[line], [])
        else:
            current += line.split()
    return {name: found[0] if name.startswith("image_") and found else found for name, found in words.items()}
