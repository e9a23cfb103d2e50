"""Read the calibration of a stereo pair, whatever its form."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stereo.camera.document import Document, read_document
from stereo.camera.forms import argoverse, colmap, euroc, kalibr, kitti, middlebury, oak, opencv, plain, ros, vins, zed
from stereo.camera.model import CameraPair, Size
from stereo.camera.request import LengthUnit, Request
from stereo.camera.values import shown_size

# Baselines beyond these, m, are in another unit than the file's form has.
_LEAST_BASELINE, _MOST_BASELINE = 0.0005, 20.0
# How far a rotation's product with its transpose may be from the identity: files give 6 digits or more.
_ROTATION_ERROR = 1e-3
# The share by which the baselines before and after rectification may differ.
_BASELINE_ERROR = 0.02


@dataclass(frozen=True)
class Form:
    """A form of calibration files.

    recognizes: Tells a file by its content.
    read: Raises FormatError that begins with the path.
    """

    recognizes: Callable[[Document], bool]
    read: Callable[[Request], CameraPair]


# The first that recognizes a file reads it: those that are told by lines of text before those by names of values, the
# plain numbers last.
FORMS: dict[str, Form] = {
    "Middlebury or ETH3D calib.txt": Form(middlebury.recognizes, middlebury.read),
    "KITTI": Form(kitti.recognizes, kitti.read),
    "COLMAP cameras.txt and images.txt": Form(colmap.recognizes, colmap.read),
    "ZED SN….conf": Form(zed.recognizes, zed.read),
    "ROS camera_info": Form(ros.recognizes, ros.read),
    "Kalibr camchain": Form(kalibr.recognizes, kalibr.read),
    "EuRoC sensor.yaml": Form(euroc.recognizes, euroc.read),
    "VINS-Fusion": Form(vins.recognizes, vins.read),
    "Argoverse JSON": Form(argoverse.recognizes, argoverse.read),
    "DepthAI JSON": Form(oak.recognizes, oak.read),
    "OpenCV YAML, XML or JSON": Form(opencv.recognizes, opencv.read),
    "plain numbers (fx, cx, cy, baseline)": Form(plain.recognizes, plain.read),
}


def read_camera_pair(
    path: str | Path,
    right_path: str | Path | None = None,
    *,
    size: Size | None = None,
    unit: LengthUnit | None = None,
) -> CameraPair:
    """Read the calibration of a pair of cameras; its form is told by its content (docs/calibration.md lists the forms).

    Args:
        right_path: The right camera's file, or that of the extrinsics, for the forms that have two.
        size: Rows and columns of the images; needed where a file holds calibrations of several sizes (ZED).
        unit: The unit of the baseline, for the forms that do not fix it (OpenCV, plain numbers).

    Raises: FormatError that names the file and what is wrong or missing.
    """
    first = read_document(path)
    request = Request(first, None if right_path is None else read_document(right_path), size, unit)
    name = form_of(first)
    if request.second is not None and not FORMS[name].recognizes(request.second):
        raise request.second.error(f"is not of the form {name}, as {first.path} is; give two files of one form")
    pair = FORMS[name].read(request)
    _check(pair, first)
    return pair


def form_of(document: Document) -> str:
    """Return the name of a file's form. Raises: FormatError if it has none that is known."""
    for name, form in FORMS.items():
        if form.recognizes(document):
            return name
    why = f"{document.problem}; " if document.problem else ""
    raise document.error(f"{why}is no calibration of a form that can be read; expected {'; '.join(FORMS)}")


def _check(pair: CameraPair, document: Document) -> None:
    """Raise FormatError unless a right camera stands to the right of a left one, at a distance that can be."""
    for name, turn in (
        ("rotation between the cameras", pair.rotation),
        ("left rectification", pair.left.rectification),
        ("right rectification", pair.right.rectification),
    ):
        if turn is not None and not _is_rotation(turn):
            raise document.error(f"the {name} is no rotation; expected a 3×3 matrix of orthogonal rows of length 1")
    if pair.left.size != pair.right.size:
        sizes = f"{shown_size(pair.left.size)} on the left, {shown_size(pair.right.size)} on the right"
        raise document.error(f"its images are of two sizes (width × height): {sizes}; expected one")
    for side, camera in (("left", pair.left), ("right", pair.right)):
        cx, cy = camera.matrix[:2, 2]
        if camera.size is not None and not (0 <= cx < camera.size[1] and 0 <= cy < camera.size[0]):
            raise document.error(
                f"its {side} principal point ({cx:g}, {cy:g}) lies outside its images of {shown_size(camera.size)} "
                "(width × height): it was calibrated with images of another size; put in the size of those"
            )
    baseline = float(np.linalg.norm(pair.translation))
    x, y, z = (-pair.rotation.T @ pair.translation).tolist()
    if not _LEAST_BASELINE <= baseline <= _MOST_BASELINE:
        raise document.error(
            f"its baseline is {baseline:g} m; expected {_LEAST_BASELINE:g} to {_MOST_BASELINE:g} m: check its unit"
        )
    if abs(x) < max(abs(y), abs(z)):
        raise document.error(
            f"its cameras do not stand side by side: the right one is at ({x:.3g}, {y:.3g}, {z:.3g}) m to the "
            "right, down and ahead of the left one; turn the images of cameras that stand one above the other"
        )
    if x < 0:
        raise document.error(_swapped(baseline))
    if pair.left.projection is not None and pair.right.projection is not None:
        rectified = pair.calibration().baseline
        if rectified <= 0:
            raise document.error(_swapped(-rectified))
        if abs(rectified - baseline) > _BASELINE_ERROR * baseline:
            raise document.error(
                f"its baseline is {rectified:.4g} m by the projections and {baseline:.4g} m by the translation; "
                "expected the same: is one of them of images of another size?"
            )


def _swapped(distance: float) -> str:
    return (
        f"its right camera stands {distance:.4g} m to the left of its left one (negative baseline): are left and right "
        "exchanged? exchange the files or names of the cameras"
    )


def _is_rotation(turn: np.ndarray) -> bool:
    return bool(np.abs(turn @ turn.T - np.eye(3)).max() < _ROTATION_ERROR and np.linalg.det(turn) > 0)
