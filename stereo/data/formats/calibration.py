"""The calibration files of stereo data sets: what they say of the camera and the baseline."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from stereo.data.formats.faults import AGAIN, quote
from stereo.data.formats.text import parse_numbers, read_text
from stereo.data.sample import Calibration
from stereo.errors import FormatError


def read_calibration(path: str | Path) -> Calibration:
    """Read the calib.txt of Middlebury 2014 and ETH3D: cam0, baseline in mm, doffs in px.

    Without doffs, it is the difference of the principal points of cam1 and cam0, or 0 where there is no cam1. The
    principal point is None where cam0 is no 3×3 matrix of numbers.

    Raises: FormatError that names the file and the line.
    """
    path = Path(path)
    return parse_calibration(read_text(path, "baseline=193.001"), path)


def parse_calibration(text: str, path: Path) -> Calibration:
    """Return what the text of a calib.txt says, as :func:`read_calibration` does. Raises: FormatError."""
    found: dict[str, list[float]] = {}
    for number, key, value in split_lines(text, path, "="):
        if key in ("cam0", "cam1", "baseline", "doffs"):
            # cam0=[f 0 cx; 0 f cy; 0 0 1]
            bracketed = value.startswith("[") == key.startswith("cam")
            numbers = parse_numbers(value.strip("[]").replace(";", " ")) if bracketed else []
            if key == "cam1":
                found[key] = numbers
                continue
            first = numbers[0] if numbers and (key == "cam0" or len(numbers) == 1) else math.nan
            if not math.isfinite(first) or (key != "doffs" and first <= 0):
                expected = "[f 0 cx; 0 f cy; 0 0 1], f > 0" if key == "cam0" else "a number"
                expected = "a number of mm > 0" if key == "baseline" else expected
                raise FormatError(f"{path}:{number}: {key} is {quote(value)}; expected {expected}; {AGAIN}")
            found[key] = numbers
    for key in ("cam0", "baseline"):
        if key not in found:
            raise FormatError(f"{path}: has no line '{key}='; expected cam0, baseline and doffs; {AGAIN}")
    camera, right = _matrix(found["cam0"]), _matrix(found.get("cam1", []))
    difference = right[2] - camera[2] if camera and right else 0.0
    return Calibration(
        focal_length=found["cam0"][0],
        baseline=found["baseline"][0] / 1000,
        disparity_offset=found.get("doffs", [difference])[0],
        cx=camera[2] if camera else None,
        cy=camera[5] if camera else None,
        focal_length_y=camera[4] if camera and camera[4] != camera[0] else None,
    )


def read_kitti_calibration(path: str | Path, left: str, right: str) -> Calibration:
    """Read a calibration file of KITTI, whose lines `left` and `right` are the 3×4 projections of the two views.

    Args:
        left, right: `P2` and `P3` in KITTI 2012, `P_rect_02` and `P_rect_03` in 2015.

    Raises: FormatError that names the file and the line.
    """
    path = Path(path)
    return parse_kitti_calibration(read_text(path, f"{left}: 7.2e+02 0 6.1e+02 …"), path, left, right)


def parse_kitti_calibration(text: str, path: Path, left: str, right: str) -> Calibration:
    """Return what the text of a KITTI file says, as :func:`read_kitti_calibration` does. Raises: FormatError."""
    found: dict[str, list[float]] = {}
    for number, key, value in split_lines(text, path, ":"):
        if key not in (left, right):
            continue
        numbers = parse_numbers(value)
        if len(numbers) != 12 or not all(map(math.isfinite, numbers)) or numbers[0] <= 0:
            raise FormatError(
                f"{path}:{number}: {key} is {quote(value)}; expected the 12 numbers of a 3×4 projection; {AGAIN}"
            )
        found[key] = numbers
    for key in (left, right):
        if key not in found:
            raise FormatError(f"{path}: has no line '{key}:'; expected {left} and {right}; {AGAIN}")
    calibration = calibration_of_projections(found[left], found[right])
    if calibration.baseline <= 0:
        raise FormatError(f"{path}: {right} lies {-calibration.baseline:.3g} m to the left of {left}; {AGAIN}")
    return calibration


def calibration_of_projections(left: Sequence[float], right: Sequence[float]) -> Calibration:
    """Return the calibration of two rectified views from their 3×4 projections, 12 numbers each, row after row.

    A projection is [f 0 cx f·tx; 0 f cy …; 0 0 1 …] in px and meters, so the baseline is the difference of the two
    views' fourth entries over f. It is negative where the right camera lies to the left.
    """
    return Calibration(
        focal_length=left[0],
        baseline=(left[3] - right[3]) / left[0],
        disparity_offset=right[2] - left[2],
        cx=left[2],
        cy=left[6],
        focal_length_y=left[5] if left[5] != left[0] else None,
    )


def split_lines(text: str, path: Path, sign: str) -> Iterator[tuple[int, str, str]]:
    """Give number, key and value of each line `key sign value`; with "=", a line of another form is refused."""
    for number, line in enumerate(text.splitlines(), start=1):
        key, found, value = (part.strip() for part in line.partition(sign))
        if found:
            yield number, key, value
        elif sign == "=" and line.strip() and not line.lstrip().startswith("#"):
            raise FormatError(f"{path}:{number}: {quote(line)} is not of the form key=value; {AGAIN}")


def _matrix(numbers: list[float]) -> list[float] | None:
    return numbers if len(numbers) == 9 and all(map(math.isfinite, numbers)) else None
