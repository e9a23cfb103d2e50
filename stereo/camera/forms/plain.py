"""Plain numbers of a rectified pair: JSON or YAML with fx, cx, cy and baseline (ZED, stereodemo, OAK-D).

Or a text of ten numbers, as FoundationStereo has it: the matrix of the left camera, and the baseline in m.
"""

from typing import Any

from stereo.camera.document import Document
from stereo.camera.model import CameraPair, pair_of_calibration
from stereo.camera.request import METERS, LengthUnit, Request
from stereo.camera.values import camera_matrix, image_size, number, pinhole
from stereo.data.sample import Calibration

_FOCAL = ("fx", "f", "focal", "focal_length", "focal_length_px")
_CX = ("cx", "cx0", "ppx")
_CY = ("cy", "cy0", "ppy")
_UNITS: dict[str, LengthUnit] = {
    "baseline_meters": "m",
    "baseline_m": "m",
    "baseline_cm": "cm",
    "baseline_mm": "mm",
}


def recognizes(document: Document) -> bool:
    """Return whether there is a focal length or a baseline, or nothing but ten words."""
    return _is_ten(document) or bool({*_FOCAL, *_UNITS, "baseline"} & document.values.keys())


def read(request: Request) -> CameraPair:
    """Return the rectified pair; a baseline of no stated unit is told by its size."""
    document = request.one_file()
    if _is_ten(document):
        words = document.text.split()
        values: dict[str, Any] = {"K": words[:9], "baseline_m": words[9]}
    else:
        values = document.values
    if "K" in values:
        intrinsics = camera_matrix(document, values["K"], "K")
    else:
        fx, cx, cy = (_one_of(document, values, names) for names in (_FOCAL, _CX, _CY))
        intrinsics = pinhole(document, "the camera", fx, number(document, {"fy": fx, **values}, "fy"), cx, cy)
    (fx, _, cx), (_, fy, cy), _ = intrinsics.tolist()
    offset = number(document, values, "doffs") if "doffs" in values else 0.0
    if "cx1" in values:
        offset = number(document, values, "cx1") - cx
    baseline, note = _baseline(request, values)
    calibration = Calibration(fx, baseline, offset, cx, cy, fy if fy != fx else None)
    width, height = (values.get(name, values.get(f"image_{name}")) for name in ("width", "height"))
    return pair_of_calibration(calibration, image_size(document, width, height), note)


def _is_ten(document: Document) -> bool:
    return len(document.text.split(maxsplit=10)) == 10 and not {":", "=", "{"} & set(document.text)


def _one_of(document: Document, values: dict[str, Any], names: tuple[str, ...]) -> float:
    return number(document, values, next((name for name in names if name in values), names[0]))


def _baseline(request: Request, values: dict[str, Any]) -> tuple[float, str]:
    """Return the baseline, m, and what was taken for granted."""
    for name, unit in _UNITS.items():
        if name in values:
            return number(request.first, values, name) * METERS[unit], f"{name} in {unit}"
    baseline = number(request.first, values, "baseline")
    factor, note = request.meters(abs(baseline))
    return baseline * factor, note
