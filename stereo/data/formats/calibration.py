"""The calibration files of stereo data sets: what they say of the camera and the baseline."""

import math
from pathlib import Path

from stereo.data.formats.containers import AGAIN, quote, read_bytes
from stereo.data.sample import Calibration
from stereo.errors import FormatError


def read_calibration(path: str | Path) -> Calibration:
    """Read the calib.txt of Middlebury 2014 and ETH3D: cam0, baseline in mm, doffs in px (0 if absent).

    The principal point is None where cam0 is no 3×3 matrix of numbers.

    Raises: FormatError that names the file and the line.
    """
    path = Path(path)
    found: dict[str, list[float]] = {}
    for number, line in enumerate(_read_lines(path, "baseline=193.001"), start=1):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise FormatError(f"{path}:{number}: {quote(line)} is not of the form key=value; {AGAIN}")
        if key in ("cam0", "baseline", "doffs"):
            # cam0=[f 0 cx; 0 f cy; 0 0 1]
            bracketed = value.startswith("[") == (key == "cam0")
            numbers = _numbers(value.strip("[]").replace(";", " ")) if bracketed else []
            first = numbers[0] if numbers and (key == "cam0" or len(numbers) == 1) else math.nan
            if not math.isfinite(first) or (key != "doffs" and first <= 0):
                expected = "[f 0 cx; 0 f cy; 0 0 1], f > 0" if key == "cam0" else "a number"
                expected = "a number of mm > 0" if key == "baseline" else expected
                raise FormatError(f"{path}:{number}: {key} is {quote(value)}; expected {expected}; {AGAIN}")
            found[key] = numbers
    for key in ("cam0", "baseline"):
        if key not in found:
            raise FormatError(f"{path}: has no line '{key}='; expected cam0, baseline and doffs; {AGAIN}")
    camera = found["cam0"] if len(found["cam0"]) == 9 and all(map(math.isfinite, found["cam0"])) else None
    return Calibration(
        focal_length=found["cam0"][0],
        baseline=found["baseline"][0] / 1000,
        disparity_offset=found.get("doffs", [0.0])[0],
        cx=camera[2] if camera else None,
        cy=camera[5] if camera else None,
        focal_length_y=camera[4] if camera and camera[4] != camera[0] else None,
    )


def read_kitti_calibration(path: str | Path, left: str, right: str) -> Calibration:
    """Read a calibration file of KITTI, whose lines `left` and `right` are the 3×4 projections of the two views.

    A projection is [f 0 cx fx·tx; 0 f cy …; 0 0 1 …] in px and meters, so the baseline is the difference of the two
    views' fourth entries over −f.

    Args:
        left, right: `P2` and `P3` in KITTI 2012, `P_rect_02` and `P_rect_03` in 2015.

    Raises: FormatError that names the file and the line.
    """
    path = Path(path)
    found: dict[str, list[float]] = {}
    for number, line in enumerate(_read_lines(path, f"{left}: 7.2e+02 0 6.1e+02 …"), start=1):
        key, _, value = (part.strip() for part in line.partition(":"))
        if key not in (left, right):
            continue
        numbers = _numbers(value)
        if len(numbers) != 12 or not all(map(math.isfinite, numbers)) or numbers[0] <= 0:
            raise FormatError(
                f"{path}:{number}: {key} is {quote(value)}; expected the 12 numbers of a 3×4 projection; {AGAIN}"
            )
        found[key] = numbers
    for key in (left, right):
        if key not in found:
            raise FormatError(f"{path}: has no line '{key}:'; expected {left} and {right}; {AGAIN}")
    one, other = found[left], found[right]
    baseline = (one[3] - other[3]) / one[0]
    if baseline <= 0:
        raise FormatError(f"{path}: {right} lies {-baseline:.3g} m to the left of {left}; {AGAIN}")
    return Calibration(
        focal_length=one[0],
        baseline=baseline,
        disparity_offset=other[2] - one[2],
        cx=one[2],
        cy=one[6],
        focal_length_y=one[5] if one[5] != one[0] else None,
    )


def _numbers(text: str) -> list[float]:
    """Return the numbers that blanks separate; NaN for what is none."""
    numbers = []
    for word in text.split():
        try:
            numbers.append(float(word))
        except ValueError:
            numbers.append(math.nan)
    return numbers


def _read_lines(path: Path, example: str) -> list[str]:
    try:
        return read_bytes(path).decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not a text file; expected lines such as '{example}'; {AGAIN}") from None
