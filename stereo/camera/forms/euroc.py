"""sensor.yaml of EuRoC, one for each camera, and the files of Kimera: T_BS leads from the camera to the body, m."""

from stereo.camera.document import Document
from stereo.camera.model import CameraModel, CameraPair, DistortionModel
from stereo.camera.request import Request
from stereo.camera.values import image_size, inverse, lens, matrix, pinhole, vector, word

_DISTORTIONS: dict[str, DistortionModel] = {
    "none": "none",
    "radial-tangential": "plumb_bob",
    "radtan": "plumb_bob",
    "equidistant": "fisheye",
}


def recognizes(document: Document) -> bool:
    """Return whether there are T_BS and intrinsics."""
    return document.has("T_BS", "intrinsics")


def read(request: Request) -> CameraPair:
    """Return the pair of two files."""
    one, other = request.two_files()
    left, right = (matrix(document, document.values.get("T_BS"), "T_BS", 4, 4) for document in (one, other))
    pose = inverse(right) @ left
    return CameraPair(_camera(one), _camera(other), pose[:3, :3], pose[:3, 3], "lengths in m")


def _camera(document: Document) -> CameraModel:
    values = document.values
    kind, distortion = word(values, "camera_model"), word(values, "distortion_model")
    if kind != "pinhole" or distortion not in _DISTORTIONS:
        raise document.error(
            f"is of the model {kind[:20]} with {distortion[:20]}; expected pinhole with {', '.join(_DISTORTIONS)}"
        )
    fx, fy, cx, cy = vector(document, values["intrinsics"], "intrinsics", 4)
    size = image_size(document, *vector(document, values.get("resolution"), "resolution", 2))
    found = lens(document, "distortion_coefficients", values.get("distortion_coefficients"), _DISTORTIONS[distortion])
    return CameraModel(size, pinhole(document, "intrinsics", fx, fy, cx, cy), *found)
