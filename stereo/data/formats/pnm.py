"""PGM and PPM images."""

import math
import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.faults import AGAIN, check_size, damaged_header, truncated
from stereo.errors import FormatError


def decode_pnm(path: Path, data: bytes, max_pixels: int) -> tuple[NDArray[Any], int]:
    """Decode PGM and PPM, binary (P5, P6) or as text (P2, P3), of any depth to 16 bits."""
    gap = rb"(?:\s|#[^\n]*\n)+"
    match = re.match(rb"P([2356])" + gap + rb"(\d{1,9})" + gap + rb"(\d{1,9})" + gap + rb"(\d{1,5})\s", data[:4096])
    if match is None or not 0 < int(match[4]) <= 65535:
        raise damaged_header(path, "PGM or PPM")
    kind, width, height, full = (int(field) for field in match.groups())
    check_size(path, "PGM or PPM", width, height, max_pixels)
    shape = (height, width, 3) if kind in (3, 6) else (height, width)
    count = math.prod(shape)
    dtype = np.dtype(np.uint8 if full <= 255 else ">u2")
    begin = match.end()
    # As text, each value takes a digit and a blank.
    if len(data) - begin < (count * dtype.itemsize if kind >= 5 else 2 * count - 1):
        raise truncated(path, "PGM or PPM")
    if kind >= 5:
        pixels = np.frombuffer(data, dtype, count, begin)
    else:
        words = (word[0] for word in re.compile(rb"\S+").finditer(data, begin))
        try:
            # One by one: a list of all words would take 50 bytes for each.
            pixels = np.fromiter(map(int, islice(words, count)), dtype)
        except (ValueError, OverflowError):
            raise FormatError(f"{path}: the PGM or PPM file has a value that is no number 0…{full}; {AGAIN}") from None
        if len(pixels) < count:
            raise truncated(path, "PGM or PPM")
    return pixels.reshape(shape).astype(dtype.newbyteorder("=")), full
