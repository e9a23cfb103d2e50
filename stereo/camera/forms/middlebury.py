"""calib.txt of Middlebury 2014, 2021 and ETH3D: `cam0=[f 0 cx; 0 f cy; 0 0 1]`, baseline in mm. Rectified."""

import re

from stereo.camera.document import Document
from stereo.camera.model import CameraPair, pair_of_calibration
from stereo.camera.request import Request
from stereo.camera.values import image_size
from stereo.data.formats.calibration import parse_calibration, split_lines


def recognizes(document: Document) -> bool:
    """Return whether a line begins with `cam0=`."""
    return re.search(r"(?m)^[ \t]*cam0[ \t]*=", document.text) is not None


def read(request: Request) -> CameraPair:
    """Return the pair; width and height of the images are optional lines."""
    document = request.one_file()
    calibration = parse_calibration(document.text, document.path)
    if calibration.cx is None:
        raise document.error("cam0 is no 3×3 matrix of numbers; expected [f 0 cx; 0 f cy; 0 0 1]")
    lines = {key: value for _, key, value in split_lines(document.text, document.path, "=")}
    size = image_size(document, lines.get("width"), lines.get("height"))
    return pair_of_calibration(calibration, size, "baseline in mm, as Middlebury has it")
