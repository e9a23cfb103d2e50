"""The calibration files of stereo data sets."""

import math
import re
from pathlib import Path

from stereo.data.containers import AGAIN, quote, read_bytes
from stereo.data.sample import Calibration
from stereo.errors import FormatError


def read_calibration(path: str | Path) -> Calibration:
    """Read the calib.txt of Middlebury 2014 and ETH3D: cam0, baseline in mm, doffs in px (0 if absent).

    Raises: FormatError that names the file and the line.
    """
    path = Path(path)
    try:
        text = read_bytes(path).decode("ascii")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not a text file; expected lines such as 'baseline=193.001'; {AGAIN}") from None
    found: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise FormatError(f"{path}:{number}: {quote(line)} is not of the form key=value; {AGAIN}")
        if key in ("cam0", "baseline", "doffs"):
            # cam0=[f 0 cx; 0 f cy; 0 0 1]
            match = re.match(r"\[\s*(\S+)\s", value) if key == "cam0" else re.fullmatch(r"(\S+)", value)
            try:
                parsed = float(match[1]) if match else math.nan
            except ValueError:
                parsed = math.nan
            if not math.isfinite(parsed) or (key != "doffs" and parsed <= 0):
                expected = "[f 0 cx; 0 f cy; 0 0 1], f > 0" if key == "cam0" else "a number"
                expected = "a number of mm > 0" if key == "baseline" else expected
                raise FormatError(f"{path}:{number}: {key} is {quote(value)}; expected {expected}; {AGAIN}")
            found[key] = parsed
    for key in ("cam0", "baseline"):
        if key not in found:
            raise FormatError(f"{path}: has no line '{key}='; expected cam0, baseline and doffs; {AGAIN}")
    return Calibration(
        focal_length=found["cam0"],
        baseline=found["baseline"] / 1000,
        disparity_offset=found.get("doffs", 0.0),
    )
