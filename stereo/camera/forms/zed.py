"""SN….conf of Stereolabs' ZED cameras: sections [LEFT_CAM_HD], [RIGHT_CAM_HD], … and [STEREO], baseline in mm.

Source: how RTAB-Map reads them (CameraStereoZedOC): the rotation vector is (RX, CV, RZ), the translation
−(Baseline, TY, TZ).
"""

import re

import cv2
import numpy as np

from stereo.camera.document import Document
from stereo.camera.model import CameraModel, CameraPair, Size
from stereo.camera.request import Request
from stereo.camera.values import lens, number, pinhole

# Rows and columns of the cameras' modes.
_SIZES: dict[str, Size] = {
    "2K": (1242, 2208),
    "FHD": (1080, 1920),
    "HD": (720, 1280),
    "VGA": (376, 672),
    "FHD1200": (1200, 1920),
    "SVGA": (600, 960),
    "4K": (2160, 3840),
    "QHDPLUS": (1800, 3200),
}
_Sections = dict[str, dict[str, str]]


def recognizes(document: Document) -> bool:
    """Return whether there is a section [LEFT_CAM_…]."""
    return re.search(r"(?mi)^[ \t]*\[LEFT_CAM_\w+\]", document.text) is not None


def read(request: Request) -> CameraPair:
    """Return the cameras in the mode whose size the images have; modes are cut from one another, not only resized."""
    document = request.one_file()
    sections = _sections(document)
    modes = {
        name.removeprefix("LEFT_CAM_"): _SIZES.get(name.removeprefix("LEFT_CAM_"))
        for name in sections
        if name.startswith("LEFT_CAM_")
    }
    fitting = [mode for mode, size in modes.items() if request.size is None or size == request.size]
    if len(modes) == 1:
        fitting = list(modes)
    if len(fitting) != 1:
        listed = ", ".join(f"{mode} {f'{size[1]}×{size[0]}' if size else '?'}" for mode, size in modes.items())
        wanted = "give the size of the images"
        if request.size is not None:
            wanted = f"the images are {request.size[1]}×{request.size[0]}: use them as the camera gave them"
        raise document.error(f"has calibrations of {len(modes)} modes ({listed}; width × height); {wanted}")
    mode = fitting[0]
    stereo = sections["STEREO"]
    turn = [number(document, stereo, f"{axis}_{mode}") for axis in ("RX", "CV", "RZ")]
    offsets = [_of_mode(document, stereo, key, mode) for key in ("TY", "TZ")]
    return CameraPair(
        left=_camera(document, sections, f"LEFT_CAM_{mode}", modes[mode]),
        right=_camera(document, sections, f"RIGHT_CAM_{mode}", modes[mode]),
        rotation=cv2.Rodrigues(np.array(turn))[0].astype(np.float64),
        translation=np.array([number(document, stereo, "BASELINE"), *offsets]) / -1000,
        unit_note=f"mode {mode}, baseline in mm, as ZED has it",
    )


def _sections(document: Document) -> _Sections:
    """Return the sections; what belongs into [STEREO] is found in the one before where that head is missing."""
    sections: _Sections = {}
    current: dict[str, str] = {}
    for line in document.text.splitlines():
        head = re.fullmatch(r"\s*\[(\w+)\]\s*", line)
        if head:
            current = sections.setdefault(head[1].upper(), {})
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith(("#", ";")):
            current[key.strip().upper()] = value.strip()
    if "STEREO" not in sections:
        sections["STEREO"] = next((values for values in sections.values() if "BASELINE" in values), {})
    return sections


def _camera(document: Document, sections: _Sections, name: str, size: Size | None) -> CameraModel:
    if name not in sections:
        raise document.error(f"has no section [{name}]; expected those of both cameras")
    values = sections[name]
    fx, fy, cx, cy = (number(document, values, key) for key in ("FX", "FY", "CX", "CY"))
    coefficients = [number(document, values, key) for key in ("K1", "K2", "P1", "P2", "K3")]
    return CameraModel(size, pinhole(document, f"[{name}]", fx, fy, cx, cy), *lens(document, name, coefficients))


def _of_mode(document: Document, values: dict[str, str], key: str, mode: str) -> float:
    return number(document, values, f"{key}_{mode}" if f"{key}_{mode}" in values else key)
