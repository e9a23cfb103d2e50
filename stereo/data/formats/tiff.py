"""What a TIFF file promises, read before a decoder takes the memory for it, and whether its packed pixels are whole."""

import math
import struct
from typing import NamedTuple

from stereo.data.formats.deflate import fault_of_stream
from stereo.data.formats.headers import Header

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _FILL_ORDER, _SAMPLES, _PLANES = 256, 257, 258, 259, 266, 277, 284
# Strips and tiles: where they lie, their lengths, rows and columns.
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_LENGTHS = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 322, 323, 324, 325
_TYPES = {1: "B", 3: "H", 4: "I"}
# Fields that are passed over are not read: a small file may say that each of them is as long as the file.
_KNOWN = {
    *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _FILL_ORDER, _SAMPLES, _PLANES),
    *(_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_LENGTHS),
    *(_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS),
}
# Strips of one row, in an image that is as narrow as none is.
_MOST_VALUES = 1_000_000
_DEFLATE = (8, 32946)  # as Adobe and as others number it


class _Layout(NamedTuple):
    """offsets, lengths: of the parts in the file. number: how many a decoder reads. size: bytes of one, unpacked."""

    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    number: int
    size: int


def read_tiff_header(data: bytes) -> Header:
    """Return what the first image of a TIFF file promises.

    Raises: struct.error, ValueError where the header is not whole; LookupError where it lacks what every image has.
    """
    fields = _read_fields(data)
    layout = _layout(fields)
    needed = max(offset + length for offset, length in zip(layout.offsets, layout.lengths, strict=True))
    return Header(
        fields[_WIDTH][0], fields[_HEIGHT][0], _bits(fields), needed, layout.number * layout.size // _planes(fields)
    )


def fault_of_tiff(data: bytes) -> str | None:
    """Return what is wrong with the pixels of a TIFF whose header was read, None where nothing is or none can tell.

    Only Deflate has a checksum.
    """
    fields = _read_fields(data)
    if fields.get(_COMPRESSION, (1,))[0] not in _DEFLATE or fields.get(_FILL_ORDER, (1,))[0] != 1:
        return None
    layout = _layout(fields)
    for offset, length in list(zip(layout.offsets, layout.lengths, strict=True))[: layout.number]:
        # libtiff refuses a part that is too short; one of no length is left out, as GDAL does.
        fault = fault_of_stream([memoryview(data)[offset : offset + length]], 0, layout.size) if length else None
        if fault is not None:
            return fault
    return None


def _read_fields(data: bytes) -> dict[int, tuple[int, ...]]:
    order = "<" if data.startswith(b"II") else ">"
    (begin,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, begin)
    fields: dict[int, tuple[int, ...]] = {}
    for number in range(count):
        at = begin + 2 + 12 * number
        tag, kind, length = struct.unpack_from(order + "HHI", data, at)
        if tag in _KNOWN - fields.keys() and kind in _TYPES and 0 < length <= _MOST_VALUES:
            form = f"{order}{length}{_TYPES[kind]}"
            at += 8
            if struct.calcsize(form) > 4:
                (at,) = struct.unpack_from(order + "I", data, at)
            fields[tag] = struct.unpack_from(form, data, at)
    return fields


def _layout(fields: dict[int, tuple[int, ...]]) -> _Layout:
    width, height = fields[_WIDTH][0], fields[_HEIGHT][0]
    if _STRIP_OFFSETS in fields:
        columns, rows = width, min(fields.get(_ROWS_PER_STRIP, (height,))[0], height)
        offsets, lengths = fields[_STRIP_OFFSETS], fields[_STRIP_LENGTHS]
    else:
        columns, rows = fields[_TILE_WIDTH][0], fields[_TILE_HEIGHT][0]
        offsets, lengths = fields[_TILE_OFFSETS], fields[_TILE_LENGTHS]
    if min(columns, rows) < 1:
        raise ValueError("a part without pixels")
    number = math.ceil(width / columns) * math.ceil(height / rows) * _planes(fields)
    return _Layout(offsets, lengths, number, rows * ((columns * _bits(fields) + 7) // 8))


def _bits(fields: dict[int, tuple[int, ...]]) -> int:
    """Return the bits of a pixel, all its samples together."""
    return max(fields.get(_BITS, (1,))) * fields.get(_SAMPLES, (1,))[0]


def _planes(fields: dict[int, tuple[int, ...]]) -> int:
    """Return in how many planes the samples of a pixel lie: 1, or one for each sample."""
    return fields.get(_SAMPLES, (1,))[0] if fields.get(_PLANES, (1,))[0] == 2 else 1
