"""Numbers out of a calibration file, each checked and named in the error."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from stereo.camera.document import Document
from stereo.camera.model import Array, DistortionModel, Size
from stereo.data.formats.faults import quote
from stereo.data.formats.text import parse_number

# No list of a camera's numbers is longer than this.
_MOST = 64
_MAX_SIDE = 100_000


def number(document: Document, values: Mapping[str, Any], key: str) -> float:
    """Return the finite number at a key. Raises: FormatError that names the key."""
    if key not in values:
        raise document.error(f"has no {key}; expected a number")
    return vector(document, values[key], key, 1)[0]


def word(values: Mapping[str, Any], key: str, missing: str = "nothing") -> str:
    """Return the word at a key, `missing` where there is none; a list there may be too large to be written out."""
    value = values.get(key, missing)
    return value if isinstance(value, str) else f"a {type(value).__name__}"


def vector(document: Document, value: Any, name: str, *counts: int) -> Array:
    """Return the finite numbers of a list, of lists in a list, or of a matrix with rows, cols and data, flat.

    Raises: FormatError unless there are as many as one of `counts`.
    """
    words = []
    for word in _flat(_content(document, value, name)):
        words.append(word)
        if len(words) > _MOST:
            break
    expected = " or ".join(map(str, counts))
    if len(words) not in counts:
        raise document.error(f"{name} has {min(len(words), _MOST)} numbers; expected {expected}")
    numbers = np.array([_number(word) for word in words], np.float64)
    if not np.isfinite(numbers).all():
        wrong = words[int(np.flatnonzero(~np.isfinite(numbers))[0])]
        raise document.error(f"{name} holds {_shown(wrong)}; expected a finite number")
    return numbers


def matrix(document: Document, value: Any, name: str, rows: int, columns: int) -> Array:
    """Return a matrix [rows, columns], given row after row. Raises: FormatError."""
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value) and len(value) != rows:
        raise document.error(f"{name} has {len(value)} rows; expected {rows} of {columns} numbers")
    if isinstance(value, dict) and {"rows", "cols"} <= value.keys():
        shape = (_number(value["rows"]), _number(value["cols"]))
        if shape != (rows, columns):
            raise document.error(f"{name} is {shape[0]:g}×{shape[1]:g}; expected {rows}×{columns} (rows × columns)")
    return vector(document, value, name, rows * columns).reshape(rows, columns)


def camera_matrix(document: Document, value: Any, name: str) -> Array:
    """Return a camera matrix [3, 3], [f s cx; 0 f cy; 0 0 1]. Raises: FormatError."""
    result = matrix(document, value, name, 3, 3)
    if result[0, 0] <= 0 or result[1, 1] <= 0 or result[1, 0] != 0 or result[2].tolist() != [0, 0, 1]:
        raise document.error(
            f"{name} is {np.array2string(result, precision=6).replace(chr(10), '')}; expected [f 0 cx; 0 f cy; 0 0 1], "
            "row after row, f > 0"
        )
    return result


def pinhole(document: Document, name: str, fx: float, fy: float, cx: float, cy: float) -> Array:
    """Return the camera matrix [3, 3] of four numbers, px. Raises: FormatError if a focal length is not positive."""
    if min(fx, fy) <= 0:
        raise document.error(f"{name} has a focal length of {min(fx, fy):g} px; expected more than 0")
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


def image_size(document: Document, width: Any, height: Any) -> Size | None:
    """Return rows and columns; None where neither is given (None). Raises: FormatError."""
    if width is None and height is None:
        return None
    sides = [_number(height), _number(width)]
    if not all(side.is_integer() and 0 < side <= _MAX_SIDE for side in sides):
        raise document.error(
            f"its image size is {_shown(width)} × {_shown(height)} (width × height); expected whole px > 0"
        )
    return int(sides[0]), int(sides[1])


def lens(
    document: Document, name: str, coefficients: Any, model: DistortionModel = "plumb_bob"
) -> tuple[Array, DistortionModel]:
    """Return the distortion of a lens, and its model; coefficients that are all 0 are no distortion.

    Args:
        model: `plumb_bob` becomes `rational` with 8 coefficients or more, as in OpenCV.
    """
    if model == "none" or coefficients is None:
        return np.zeros(0), "none"
    counts = {"fisheye": (4,), "omni": (5,)}.get(model, (2, 4, 5, 8, 12, 14))
    found = vector(document, coefficients, name, *counts)
    if model in ("plumb_bob", "rational"):
        if not found.any():
            return np.zeros(0), "none"
        found = np.pad(found, (0, max(0, 4 - len(found))))  # k1, k2 alone
        return found, "rational" if len(found) > 5 else "plumb_bob"
    return found, model


def shown_size(size: Size | None) -> str:
    """Return width×height for messages."""
    return "unknown size" if size is None else f"{size[1]}×{size[0]}"


def inverse(pose: Array) -> Array:
    """Return the inverse of a pose [4, 4] without the loss of a general one."""
    result = np.eye(4)
    result[:3, :3] = pose[:3, :3].T
    result[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return result


def _content(document: Document, value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if "data" not in value:
            raise document.error(f"{name} has no data; expected rows, cols and data")
        return value["data"]
    return value


def _flat(value: Any, depth: int = 0) -> Iterator[Any]:
    # YAML can hold lists that hold themselves, or ten lists of ten lists of … each written once.
    if isinstance(value, list) and value and depth < 3:
        for part in value:
            yield from _flat(part, depth + 1)
    else:
        yield value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(parse_number(value) if isinstance(value, str) else value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf


def _shown(value: Any) -> str:
    return quote(str(value)) if isinstance(value, str | float | bool | None) else f"{_number(value):g}"
