"""The calibration of a DepthAI camera (OAK-D) as its library saves it in JSON: cameraData by socket, lengths in cm.

`extrinsics` leads from a camera to the one in the socket `toCameraSocket`.
"""

from typing import Any

import numpy as np

from stereo.camera.document import Document
from stereo.camera.model import Array, CameraModel, CameraPair
from stereo.camera.request import Request
from stereo.camera.values import camera_matrix, image_size, inverse, lens, matrix, number

_PERSPECTIVE, _FISHEYE = 0, 1


def recognizes(document: Document) -> bool:
    """Return whether there is the list of cameras by socket."""
    return isinstance(document.values.get("cameraData"), list)


def read(request: Request) -> CameraPair:
    """Return the cameras that stereoRectificationData names as left and right."""
    document = request.one_file()
    cameras = {
        int(number(document, {"socket": entry[0]}, "socket")): entry[1]
        for entry in document.values["cameraData"]
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], dict)
    }
    rectification = document.values.get("stereoRectificationData")
    if not isinstance(rectification, dict):
        raise document.error("has no stereoRectificationData, which says which cameras are left and right")
    sockets = [int(number(document, rectification, f"{side}CameraSocket")) for side in ("left", "right")]
    missing = [socket for socket in sockets if socket not in cameras]
    if missing:
        raise document.error(f"has no camera in socket {missing[0]}; expected left and right in {sockets}")
    one, other = (_chain(document, cameras, socket) for socket in sockets)
    shared = next((socket for socket in one if socket in other), None)
    if shared is None:
        raise document.error("has no extrinsics that lead from its left camera to the right one")
    pose = inverse(other[shared]) @ one[shared]
    left, right = (_camera(document, cameras[socket], f"camera {socket}") for socket in sockets)
    return CameraPair(
        left, right, pose[:3, :3], pose[:3, 3] / 100, f"sockets {sockets}, lengths in cm, as DepthAI has it"
    )


def _chain(document: Document, cameras: dict[int, Any], socket: int) -> dict[int, Array]:
    """Return the poses [4, 4], cm, from a camera to each one that its extrinsics lead to, itself first."""
    poses = {socket: np.eye(4)}
    while True:
        links = cameras.get(socket, {}).get("extrinsics")
        if not isinstance(links, dict) or not isinstance(links.get("translation"), dict):
            return poses
        pose = np.eye(4)
        target = int(number(document, links, "toCameraSocket"))
        if target in poses or target not in cameras:
            return poses
        pose[:3, :3] = matrix(document, links.get("rotationMatrix"), "rotationMatrix", 3, 3)
        pose[:3, 3] = [number(document, links["translation"], axis) for axis in "xyz"]
        poses[target] = pose @ poses[socket]
        socket = target


def _camera(document: Document, values: dict[str, Any], name: str) -> CameraModel:
    kind = number(document, values, "cameraType") if "cameraType" in values else _PERSPECTIVE
    if kind not in (_PERSPECTIVE, _FISHEYE):
        raise document.error(f"{name} is of type {kind:g}; expected 0 (perspective) or 1 (fisheye)")
    coefficients = values.get("distortionCoeff")
    if kind == _FISHEYE and isinstance(coefficients, list):
        coefficients = coefficients[:4]  # the rest is 0
    return CameraModel(
        image_size(document, values.get("width"), values.get("height")),
        camera_matrix(document, values.get("intrinsicMatrix"), f"{name} intrinsicMatrix"),
        *lens(document, f"{name} distortionCoeff", coefficients, "fisheye" if kind == _FISHEYE else "plumb_bob"),
    )
