"""Point clouds as PLY: written as binary little-endian files with x, y, z and colors, and read back."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.containers import read_bytes
from stereo.data.formats.faults import AGAIN, quote
from stereo.errors import FormatError
from stereo.output import atomic_output

# The types of properties, by both names that files have for each.
_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "<i2",
    "ushort": "<u2",
    "int": "<i4",
    "uint": "<u4",
    "float": "<f4",
    "double": "<f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "<i2",
    "uint16": "<u2",
    "int32": "<i4",
    "uint32": "<u4",
    "float32": "<f4",
    "float64": "<f8",
}
_POINT = ("x", "y", "z")
_COLOR = ("red", "green", "blue")
_FORMAT = "format binary_little_endian 1.0"
# Of a longer header we read no more.
_HEADER_LIMIT = 16_384


def write_ply(path: str | Path, points: NDArray[np.float32], colors: NDArray[np.uint8] | None = None) -> None:
    """Write a point cloud as a binary little-endian PLY file.

    Args:
        path: The file, usually .ply.
        points: float32 [N, 3]: x, y and z.
        colors: uint8 [N, 3], RGB.

    Raises: OutputError if the file cannot be written; ValueError for other arrays.
    """
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"points are {list(points.shape)}, expected [N, 3]")
    if colors is not None and (colors.shape != points.shape or colors.dtype != np.uint8):
        raise ValueError(f"colors are {colors.dtype} {list(colors.shape)}, expected uint8 {list(points.shape)}")
    fields: list[tuple[str, str, NDArray[Any]]] = [
        (name, "float", points[:, index]) for index, name in enumerate(_POINT)
    ]
    if colors is not None:
        fields += [(name, "uchar", colors[:, index]) for index, name in enumerate(_COLOR)]
    vertices = np.empty(len(points), [(name, _TYPES[kind]) for name, kind, _ in fields])
    for name, _, values in fields:
        vertices[name] = values
    properties = [f"property {kind} {name}" for name, kind, _ in fields]
    header = ["ply", _FORMAT, f"element vertex {len(points)}", *properties, "end_header", ""]
    with atomic_output(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join(header).encode())
        vertices.tofile(file)


def read_ply(path: str | Path) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """Read the points of a binary little-endian PLY file, and their colors where it has them.

    Other properties of the points are passed over, and so is what follows the points, such as faces.

    Returns: points, float32 [N, 3]; colors, uint8 [N, 3] RGB or None.
    Raises: FormatError.
    """
    path = Path(path)
    data = read_bytes(path)
    match = re.match(rb"ply\r?\n(.*?)end_header\r?\n", data[:_HEADER_LIMIT], re.DOTALL)
    if match is None:
        raise FormatError(f"{path}: does not begin with the header of a PLY file ('ply' … 'end_header'); {AGAIN}")
    count, fields = _read_header(path, match[1].decode("latin-1").splitlines())
    vertex = np.dtype(fields)
    expected, found = count * vertex.itemsize, len(data) - match.end()
    if found < expected:
        raise FormatError(
            f"{path}: the header says {count} points, which take {expected} bytes, but {found} bytes follow it; the "
            f"file is truncated: {AGAIN}"
        )
    vertices = np.frombuffer(data, vertex, count, match.end())
    points = np.stack([vertices[name].astype(np.float32) for name in _POINT], axis=-1)
    kinds = dict(fields)
    if any(kinds.get(name) != "u1" for name in _COLOR):
        return points, None
    return points, np.stack([vertices[name] for name in _COLOR], axis=-1)


def _read_header(path: Path, lines: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """Return how many points there are, and the name and NumPy type of each of their properties."""
    if _FORMAT not in (line.strip() for line in lines):
        raise FormatError(f"{path}: is not a binary little-endian PLY file; convert it to one, as MeshLab does")
    count = -1
    fields: list[tuple[str, str]] = []
    for line in lines:
        words = line.split()
        if words[:1] == ["element"]:
            if count >= 0:
                break  # the points come first, and here they end
            if len(words) != 3 or words[1] != "vertex" or re.fullmatch(r"\d{1,12}", words[2]) is None:
                raise FormatError(f"{path}: {quote(line)} in the header; expected 'element vertex COUNT' first")
            count = int(words[2])
        elif words[:1] == ["property"]:
            if len(words) != 3 or words[1] not in _TYPES or words[2] in dict(fields):
                raise FormatError(f"{path}: {quote(line)} in the header; expected 'property TYPE NAME', each name once")
            fields.append((words[2], _TYPES[words[1]]))
    if count < 0 or not set(_POINT) <= dict(fields).keys():
        raise FormatError(f"{path}: the header names no points with x, y and z; {AGAIN}")
    return count, fields
