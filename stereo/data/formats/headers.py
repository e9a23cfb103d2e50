"""What the header of an image file promises, read before a decoder takes the memory for it."""

import struct
from typing import NamedTuple

# LZW's densest code stands for some 4,000 bytes in 12 bits; deflate and the others stay below that.
MAX_RATIO = 4096


class Header(NamedTuple):
    """width, height: px. bits: of a pixel. needed: bytes that the file must have. unpacked: bytes of all its pixels."""

    width: int
    height: int
    bits: int
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
    return Header(width, height, bits, begin + (stored if compression in (0, 3) else 2), stored)
