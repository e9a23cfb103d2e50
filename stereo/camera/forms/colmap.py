"""cameras.txt and images.txt of COLMAP and ETH3D's two-view scenes: cameras by number, and where each image was taken.

A pose leads from the world to the camera; its rotation is a quaternion w, x, y, z, its unit meters in ETH3D.
"""

import re

import numpy as np

from stereo.camera.document import Document, read_document
from stereo.camera.model import Array, CameraModel, CameraPair, DistortionModel
from stereo.camera.request import Request
from stereo.camera.values import image_size, lens, pinhole, vector

# Of each model: how many focal lengths, the distortion model, the coefficients' places among OpenCV's.
_MODELS: dict[str, tuple[int, DistortionModel, int]] = {
    "SIMPLE_PINHOLE": (1, "none", 0),
    "PINHOLE": (2, "none", 0),
    "SIMPLE_RADIAL": (1, "plumb_bob", 1),
    "RADIAL": (1, "plumb_bob", 2),
    "OPENCV": (2, "plumb_bob", 4),
    "FULL_OPENCV": (2, "rational", 8),
    "OPENCV_FISHEYE": (2, "fisheye", 4),
}
# The first line that is no comment: number, model, width, height, …; number, 7 numbers of the pose, camera, name.
_CAMERA = r"\A\s*(#.*\n\s*)*\d+ +[A-Z_]+ +\d+ +\d+ "
_IMAGE = r"\A\s*(#.*\n\s*)*\d+( +[-+.\de]+){7} +\d+ +\S+\n"


def recognizes(document: Document) -> bool:
    """Return whether it is cameras.txt (number, model, width, height, …) or images.txt, by their first lines."""
    return re.search(_CAMERA, document.text) is not None or re.search(_IMAGE, document.text) is not None


def read(request: Request) -> CameraPair:
    """Return the cameras of the two images, the left one by name first; the other file may be beside the first."""
    first = request.first
    cameras = first if _is_cameras(first) else request.second or read_document(first.path.with_name("cameras.txt"))
    images = first if cameras is not first else request.second or read_document(first.path.with_name("images.txt"))
    rows = _rows(images)
    # Each image has two lines, and the second one, of points, may be empty or be left out.
    views = sorted((row for row in rows if len(row) == 10 and row[8].isdigit()), key=lambda row: row[9])
    if len(views) != 2:
        raise images.error(f"places {len(views)} images; expected two, a stereo pair")
    found = {row[0]: row for row in _rows(cameras)}
    models = []
    for view in views:
        if view[8] not in found:
            raise cameras.error(f"has no camera {view[8]}, which {view[9]} of {images.path.name} is of")
        models.append(_camera(cameras, found[view[8]]))
    one, other = (_pose(images, view) for view in views)
    rotation = other[0] @ one[0].T
    note = f"left {views[0][9]}, right {views[1][9]}; poses in m, as in ETH3D"
    left, right = models
    return CameraPair(left, right, rotation, other[1] - rotation @ one[1], note)


def _is_cameras(document: Document) -> bool:
    return re.search(_CAMERA, document.text) is not None


def _rows(document: Document) -> list[list[str]]:
    return [line.split() for line in document.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _camera(document: Document, row: list[str]) -> CameraModel:
    if len(row) < 2 or row[1] not in _MODELS:
        raise document.error(f"camera {row[0][:20]} is no model that can be read; expected {', '.join(_MODELS)}")
    focal_lengths, model, coefficients = _MODELS[row[1]]
    numbers = vector(document, row[4:], f"camera {row[0]}", focal_lengths + 2 + coefficients)
    fx, fy, cx, cy = numbers[[0, focal_lengths - 1, focal_lengths, focal_lengths + 1]]
    distortion = numbers[focal_lengths + 2 :]
    if len(distortion) == 1:
        distortion = np.append(distortion, 0)
    size = image_size(document, row[2], row[3])
    intrinsics = pinhole(document, f"camera {row[0]}", fx, fy, cx, cy)
    return CameraModel(size, intrinsics, *lens(document, row[1], distortion.tolist(), model))


def _pose(document: Document, row: list[str]) -> tuple[Array, Array]:
    numbers = vector(document, row[1:8], f"the pose of {row[9]}", 7)
    return rotation_of_quaternion(numbers[:4]), numbers[4:]


def rotation_of_quaternion(quaternion: Array) -> Array:
    """Return the rotation [3, 3] of a quaternion w, x, y, z, which may be rounded; zeros if it is none."""
    length = float(np.linalg.norm(quaternion))
    w, x, y, z = quaternion / length if length else quaternion
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return (np.eye(3) + 2 * w * cross + 2 * cross @ cross) * bool(length)
