"""What programs around OpenCV save, as YAML, XML or JSON: M1 D1 M2 D2 R T (R1 R2 P1 P2 Q), in one file or in two.

Names vary: K1, k_left, camera_matrix_left, left_camera_intrinsics: {camera_matrix}, …. T leads from left to right; its
unit is that of the calibration board's square_size.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stereo.camera.document import Document
from stereo.camera.model import Array, CameraModel, CameraPair, DistortionModel, Size, pair_of_calibration
from stereo.camera.request import Request
from stereo.camera.values import camera_matrix, image_size, lens, matrix, number, vector, word
from stereo.data.sample import Calibration

# Names without underscores, in small letters; those of one camera have one of its marks before or after them.
_LEFT, _RIGHT = ("1", "left", "l"), ("2", "right", "r")
_MATRIX = ("m", "k", "mtx", "cameramatrix", "intrinsicmatrix", "intrinsics", "cameraintrinsicscameramatrix")
_DISTORTION = (
    "d",
    "dist",
    "distcoeffs",
    "distortion",
    "distortioncoefficients",
    "cameraintrinsicsdistortioncoefficients",
)
_ROTATION = ("r", "rotation", "rotationmatrix")
_TRANSLATION = ("t", "translation", "translationvector")


def recognizes(document: Document) -> bool:
    """Return whether there is a matrix of a camera, or a place of the right one, by one of the names."""
    values = _named(document)
    return bool(
        _first(values, _MATRIX, _LEFT)
        or _first(values, _MATRIX, _RIGHT)
        or (_first(values, _ROTATION) and _first(values, _TRANSLATION))
        or {"q", "cameramatrix", "imagelist"} & values.keys()
        or any(name.startswith("stereomap") for name in values)
    )


def read(request: Request) -> CameraPair:
    """Return the pair of one file, or of two: intrinsics and extrinsics."""
    document = request.first
    values = _named(document)
    if request.second is not None:
        # The file of extrinsics may repeat the matrices; then it is the later one.
        values = {**values, **_named(request.second)}
    names = [_first(values, _MATRIX, marks) for marks in (_LEFT, _RIGHT)]
    rotation, translation = _first(values, _ROTATION), _first(values, _TRANSLATION)
    if not all(names):
        if "q" in values:
            return _pair_of_q(request, values)
        raise document.error(_what_is_missing(values))
    if not rotation or not translation:
        raise document.error(
            "has the matrices of both cameras, and not where the right one stands; expected R and T: give the file of "
            "the extrinsics too"
        )
    place = vector(document, values[translation], translation.upper(), 3)
    factor, note = _meters(request, float(np.linalg.norm(place)), values)
    size = _size(document, values)
    left, right = (_camera(document, values, marks, size, factor) for marks in (_LEFT, _RIGHT))
    return CameraPair(left, right, matrix(document, values[rotation], rotation.upper(), 3, 3), place * factor, note)


def _named(document: Document) -> dict[str, Any]:
    """Return the values by their plain names, those of mappings after the mappings' own names."""
    named: dict[str, Any] = {}
    for key, value in document.values.items():
        name = _plain(key)
        named[name] = value
        if isinstance(value, dict):
            named.update((name + _plain(str(inner)), part) for inner, part in value.items())
    return named


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")


def _first(values: Mapping[str, Any], words: tuple[str, ...], marks: tuple[str, ...] = ("",)) -> str:
    """Return the first of the names that is there, "" if none is."""
    names = [name for word in words for mark in marks for name in (word + mark, mark + word)]
    return next((name for name in names if name in values), "")


def _camera(
    document: Document, values: Mapping[str, Any], marks: tuple[str, ...], size: Size | None, factor: float
) -> CameraModel:
    name, distortion = _first(values, _MATRIX, marks), _first(values, _DISTORTION, marks)
    turn, projection = _first(values, ("r",), marks), _first(values, ("p",), marks)
    model: DistortionModel = "plumb_bob"
    if {word(values, "distortionmodel").lower(), word(values, "model").lower()} & {"fisheye", "equidistant"}:
        model = "fisheye"
    projected: Array | None = None
    if projection and turn:
        projected = matrix(document, values[projection], projection.upper(), 3, 4)
        projected[:, 3] *= factor
    return CameraModel(
        size,
        camera_matrix(document, values[name], name.upper()),
        *lens(document, distortion.upper(), values.get(distortion), model),
        matrix(document, values[turn], turn.upper(), 3, 3) if projected is not None else None,
        projected,
    )


def _size(document: Document, values: Mapping[str, Any]) -> Size | None:
    for name in ("imagesize", "size"):
        if name in values:
            return image_size(document, *vector(document, values[name], name, 2))
    if "imagewidth" in values or "imageheight" in values:
        return image_size(document, values.get("imagewidth"), values.get("imageheight"))
    return image_size(document, values.get("width"), values.get("height"))


def _meters(request: Request, length: float, values: Mapping[str, Any]) -> tuple[float, str]:
    square = number(request.first, values, "squaresize") if "squaresize" in values else None
    return request.meters(length, square)


def _pair_of_q(request: Request, values: Mapping[str, Any]) -> CameraPair:
    """Return the rectified pair of Q = [1 0 0 −cx; 0 1 0 −cy; 0 0 0 f; 0 0 1/baseline doffs/baseline]."""
    q = matrix(request.first, values["q"], "Q", 4, 4)
    if q[2, 3] <= 0 or q[3, 2] == 0:
        raise request.first.error(f"Q has f = {q[2, 3]:g} and 1/baseline = {q[3, 2]:g}; expected numbers other than 0")
    factor, note = _meters(request, abs(float(1 / q[3, 2])), values)
    cx, cy, focal_length = (float(part) for part in (-q[0, 3], -q[1, 3], q[2, 3]))
    calibration = Calibration(focal_length, factor / float(q[3, 2]), float(q[3, 3] / q[3, 2]), cx, cy)
    return pair_of_calibration(calibration, _size(request.first, values), note)


def _what_is_missing(values: Mapping[str, Any]) -> str:
    if any(name.startswith("stereomap") for name in values):
        return "holds remap tables alone, without focal length and baseline; give the file of the matrices M1, M2, R, T"
    if "imagelist" in values:
        return "is a list of images; expected a calibration with the matrices M1, M2, R, T"
    if "cameramatrix" in values:
        return "describes one camera, and not where the other one stands; expected the matrices M1, M2, R, T"
    if _first(values, _ROTATION) and _first(values, _TRANSLATION):
        return "has where the right camera stands, and no matrices of both; give the file of the intrinsics too"
    return "has the matrix of one camera of two; expected the matrices M1, M2, R, T"
