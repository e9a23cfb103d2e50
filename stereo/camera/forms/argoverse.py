"""vehicle_calibration_stereo_info.json of Argoverse 1: the rectified stereo cameras among a car's, px and meters."""

from typing import Any

from stereo.camera.document import Document
from stereo.camera.model import CameraPair, pair_of_calibration
from stereo.camera.request import Request
from stereo.camera.values import number, pinhole, word
from stereo.data.formats.calibration import calibration_of_projections

_LEFT, _RIGHT = "stereo_front_left_rect", "stereo_front_right_rect"


def recognizes(document: Document) -> bool:
    """Return whether there is the list of cameras."""
    return isinstance(document.values.get("camera_data_"), list)


def read(request: Request) -> CameraPair:
    """Return the front stereo cameras; Txf_ of the right one is −f · baseline. The images' size is not in the file."""
    document = request.one_file()
    cameras = {
        word(entry, "key").removeprefix("image_raw_"): entry.get("value")
        for entry in document.values["camera_data_"]
        if isinstance(entry, dict)
    }
    left, right = (_projection(document, cameras, name) for name in (_LEFT, _RIGHT))
    calibration = calibration_of_projections(left, right)
    return pair_of_calibration(calibration, None, f"cameras {_LEFT} and {_RIGHT}, lengths in m")


def _projection(document: Document, cameras: dict[str, Any], name: str) -> list[float]:
    values = cameras.get(name)
    if not isinstance(values, dict):
        raise document.error(f"has no camera {name}; expected the rectified stereo cameras of Argoverse")
    fx, fy, cx, cy, shift = (
        number(document, values, key)
        for key in (
            "focal_length_x_px_",
            "focal_length_y_px_",
            "focal_center_x_px_",
            "focal_center_y_px_",
            "Txf_",
        )
    )
    (fx, _, cx), (_, fy, cy), _ = pinhole(document, name, fx, fy, cx, cy).tolist()
    return [fx, 0, cx, shift, 0, fy, cy, 0, 0, 0, 1, 0]
