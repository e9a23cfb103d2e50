"""The configuration of VINS-Fusion (also for RealSense): body_T_cam0, body_T_cam1 in meters, and cameras' own files.

Those, cam0_calib and cam1_calib, must lie in the folder of the configuration.
"""

from pathlib import PurePosixPath
from typing import Any

import numpy as np

from stereo.camera.document import Document, read_document
from stereo.camera.model import Array, CameraModel, CameraPair
from stereo.camera.request import Request
from stereo.camera.values import image_size, inverse, lens, matrix, number, pinhole, word


def recognizes(document: Document) -> bool:
    """Return whether it is the configuration, or the file of a camera, which has a model_type."""
    return document.has("cam0_calib") or document.has("model_type", "projection_parameters")


def read(request: Request) -> CameraPair:
    """Return the pair; cameras with the same matrix and no distortion are rectified, whatever their estimated poses."""
    document = request.one_file() if request.first.has("cam0_calib") else request.first
    if "cam0_calib" not in document.values:
        raise document.error(
            "describes one camera, and not where it stands; give the configuration that has body_T_cam0 and cam0_calib"
        )
    if not document.has("cam1_calib", "body_T_cam0", "body_T_cam1"):
        raise document.error("does not describe two cameras; expected cam1_calib, body_T_cam0 and body_T_cam1")
    left, right = (_camera(_beside(document, f"cam{number}_calib")) for number in (0, 1))
    one, other = (matrix(document, document.values[f"body_T_cam{n}"], f"body_T_cam{n}", 4, 4) for n in (0, 1))
    pose = inverse(other) @ one
    rotation, translation, note = pose[:3, :3], pose[:3, 3], "lengths in m"
    if document.values.get("estimate_extrinsic") in (1, 2):
        note += "; the poses are a first guess, by estimate_extrinsic"
    plain = left.distortion_model == right.distortion_model == "none"
    if plain and translation[0] < 0 and np.array_equal(left.matrix, right.matrix):
        # The infrared images of a RealSense are rectified by the camera; the poses come of odometry.
        rotation, translation = np.eye(3), np.array([-float(np.linalg.norm(translation)), 0, 0])
        note += "; both cameras have one matrix and no distortion: taken to be rectified"
    return CameraPair(left, right, rotation, translation, note)


def _beside(document: Document, key: str) -> Document:
    """Return the file that is named at a key, from the same folder: a calibration must not lead elsewhere."""
    name = word(document.values, key)
    if name in ("", ".", "..") or PurePosixPath(name).name != name or "\\" in name:
        raise document.error(f"{key} is {name[:40]!a}; expected the name of a file in the same folder")
    return read_document(document.path.with_name(name))


def _camera(document: Document) -> CameraModel:
    values = document.values
    kind = word(values, "model_type").upper()
    parts = {name: _part(document, name) for name in ("projection_parameters", "distortion_parameters")}
    projection, distortion = parts.values()
    size = image_size(document, values.get("image_width"), values.get("image_height"))
    if kind == "KANNALA_BRANDT":
        found = lens(document, kind, _numbers(document, projection, "k2", "k3", "k4", "k5"), "fisheye")
        return CameraModel(size, _matrix(document, projection, "mu", "mv", "u0", "v0"), *found)
    coefficients = _numbers(document, distortion, "k1", "k2", "p1", "p2")
    if kind == "MEI":
        mirror = _part(document, "mirror_parameters")
        found = lens(document, kind, [number(document, mirror, "xi"), *coefficients], "omni")
        return CameraModel(size, _matrix(document, projection, "gamma1", "gamma2", "u0", "v0"), *found)
    if kind == "PINHOLE":
        return CameraModel(
            size, _matrix(document, projection, "fx", "fy", "cx", "cy"), *lens(document, kind, coefficients)
        )
    raise document.error(f"model_type is {kind[:20]!a}; expected PINHOLE, MEI or KANNALA_BRANDT")


def _part(document: Document, name: str) -> dict[str, Any]:
    part = document.values.get(name)
    return part if isinstance(part, dict) else {}


def _numbers(document: Document, values: dict[str, Any], *keys: str) -> list[float]:
    return [number(document, values, key) for key in keys]


def _matrix(document: Document, values: dict[str, Any], *keys: str) -> Array:
    fx, fy, cx, cy = _numbers(document, values, *keys)
    return pinhole(document, "the camera", fx, fy, cx, cy)
