"""camchain.yaml of Kalibr: cam0, cam1 with intrinsics, distortion and the pose T_cn_cnm1 of cam1 behind cam0, m."""

from typing import Any

from stereo.camera.document import Document
from stereo.camera.model import Array, CameraModel, CameraPair, DistortionModel
from stereo.camera.request import Request
from stereo.camera.values import image_size, inverse, lens, matrix, pinhole, vector, word

_DISTORTIONS: dict[str, DistortionModel] = {"none": "none", "radtan": "plumb_bob", "equidistant": "fisheye"}


def recognizes(document: Document) -> bool:
    """Return whether there is a camera cam0 with intrinsics."""
    first = document.values.get("cam0")
    return isinstance(first, dict) and "intrinsics" in first


def read(request: Request) -> CameraPair:
    """Return cam0 as the left camera and cam1 as the right one."""
    document = request.one_file()
    one, other = document.values["cam0"], document.values.get("cam1")
    if not isinstance(other, dict):
        raise document.error("has cam0 and no cam1: one camera of two; expected both")
    pose = _pose(document, one, other)
    more = ", of more cameras" if "cam2" in document.values else ""
    return CameraPair(
        left=_camera(document, one, "cam0"),
        right=_camera(document, other, "cam1"),
        rotation=pose[:3, :3],
        translation=pose[:3, 3],
        unit_note=f"cam0 is left, cam1 right{more}; lengths in m",
    )


def _camera(document: Document, values: dict[str, Any], name: str) -> CameraModel:
    kind, distortion = word(values, "camera_model"), word(values, "distortion_model")
    if distortion not in {"pinhole": _DISTORTIONS, "omni": ("none", "radtan")}.get(kind, ()):
        raise document.error(
            f"{name} is of the model {kind[:20]} with {distortion[:20]}; expected pinhole with radtan, equidistant or "
            "none, or omni with radtan"
        )
    intrinsics = vector(document, values.get("intrinsics"), f"{name} intrinsics", 5 if kind == "omni" else 4)
    coefficients, model = values.get("distortion_coeffs"), _DISTORTIONS[distortion]
    if kind == "omni":
        radial = lens(document, f"{name} distortion_coeffs", coefficients, model)[0].tolist() or [0.0] * 4
        coefficients, model = [float(intrinsics[0]), *radial], "omni"
    fx, fy, cx, cy = intrinsics[-4:]
    size = image_size(document, *vector(document, values.get("resolution"), f"{name} resolution", 2))
    found = lens(document, f"{name} distortion_coeffs", coefficients, model)
    return CameraModel(size, pinhole(document, name, fx, fy, cx, cy), *found)


def _pose(document: Document, one: dict[str, Any], other: dict[str, Any]) -> Array:
    """Return the pose [4, 4] from cam0 to cam1."""
    if "T_cn_cnm1" in other:
        return matrix(document, other["T_cn_cnm1"], "cam1 T_cn_cnm1", 4, 4)
    for key in ("T_cam_imu", "T_imu_cam"):
        if key in one and key in other:
            left, right = (matrix(document, values[key], key, 4, 4) for values in (one, other))
            return right @ inverse(left) if key == "T_cam_imu" else inverse(right) @ left
    raise document.error("does not say where cam1 is; expected T_cn_cnm1 in cam1, or T_cam_imu in both")
