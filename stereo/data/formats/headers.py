"""What the headers of BMP and TIFF files promise, read before a decoder takes the memory for it."""

import struct
from typing import NamedTuple

# LZW's densest code stands for some 4,000 bytes in 12 bits; deflate and the others stay below that.
MAX_RATIO = 4096
_WIDTH, _HEIGHT, _BITS, _SAMPLES = 256, 257, 258, 277
# Offsets and lengths of the strips, and of the tiles.
_PARTS = ((273, 279), (324, 325))
_TYPES = {1: "B", 3: "H", 4: "I"}


class Header(NamedTuple):
    """width, height: px. needed: bytes that the file must have. unpacked: bytes of the decoded image."""

    width: int
    height: int
    needed: int
    unpacked: int


def read_bmp_header(data: bytes) -> Header:
    """Return what a BMP file promises. Raises: struct.error where the header is not whole."""
    begin, size = struct.unpack_from("<II", data, 10)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # below 0: the top row comes first
    stored = (width * bits + 31) // 32 * 4 * height
    return Header(width, height, begin + (stored if compression in (0, 3) else 2), stored)


def read_tiff_header(data: bytes) -> Header:
    """Return what the first image of a TIFF file promises.

    Raises: struct.error where the header is not whole; KeyError where it lacks what every image has.
    """
    order = "<" if data.startswith(b"II") else ">"
    (begin,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, begin)
    fields: dict[int, tuple[int, ...]] = {}
    for number in range(count):
        at = begin + 2 + 12 * number
        tag, kind, length = struct.unpack_from(order + "HHI", data, at)
        if kind in _TYPES and length <= len(data):
            form = f"{order}{length}{_TYPES[kind]}"
            at += 8
            if struct.calcsize(form) > 4:
                (at,) = struct.unpack_from(order + "I", data, at)
            fields[tag] = struct.unpack_from(form, data, at)
    width, height = fields[_WIDTH][0], fields[_HEIGHT][0]
    bits = max(fields.get(_BITS, (1,))) * fields.get(_SAMPLES, (1,))[0]
    offsets, lengths = next((fields[one], fields[other]) for one, other in _PARTS if one in fields)
    needed = max(offset + length for offset, length in zip(offsets, lengths, strict=True))
    return Header(width, height, needed, width * height * bits // 8)
