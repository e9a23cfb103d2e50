"""Images as encoded files: checked before they are decoded, and decoded as stored.

A decoder fills what is missing with gray, or takes the memory that a header of thirty bytes asks for. So a file must be
complete, and able to hold what its header promises, before OpenCV gets it. Errors are FormatError and name the file.
"""

import io
import logging
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from stereo.data.formats.faults import AGAIN, check_size, damaged_header, quote, truncated
from stereo.data.formats.headers import MAX_RATIO, Header, read_bmp_header
from stereo.data.formats.png import (
    PNG_MAX_RATIO,
    PNG_SIGNATURE,
    fault_of_pixels,
    read_chunks,
    read_png_header,
    without_notes,
)
from stereo.data.formats.pnm import decode_pnm
from stereo.data.formats.tiff import fault_of_tiff, read_tiff_header
from stereo.errors import FormatError, OutputError
from stereo.files import read_file
from stereo.output import atomic_output
from stereo.quiet import can_hear, hear, heard

# No stereo data set has images near this size; a valid lossless WebP of 30 bytes can ask for 268 million pixels.
MAX_PIXELS = 100_000_000
# No encoding takes more for a pixel.
_MAX_BITS = 64
# With room for a header and notes.
MAX_FILE_BYTES = _MAX_BITS // 8 * MAX_PIXELS + (16 << 20)
# What libjpeg prints where it fills in gray, or goes on with wrong values. Of other words a warning is made: cameras
# too leave bytes between segments.
_JPEG_DAMAGE = ("premature end", "Premature end", "bad Huffman code", "bad arithmetic code", "instead of RST")
# A JPEG spends at least one Huffman bit on each 8 × 8 block of its DC scan: 512 pixels a byte at the very most.
_JPEG_MAX_PIXELS_PER_BYTE = 512
# A lossy WebP spends at least 3.4 bits on the modes of each 16 × 16 block. A lossless one has no such limit (an image
# of one color is 30 bytes at any size), but no useful image of more than a few million pixels comes near this.
_WEBP_MAX_PIXELS_PER_BYTE, _WEBP_FREE_PIXELS = 1024, 4_000_000
_VALUES_AT_A_TIME = 1 << 18

_log = logging.getLogger(__name__)
_warned = False


def read_bytes(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of an ordinary file that is neither empty nor larger than `most`. Raises: FormatError."""
    data = read_file(path, most)
    if not data:
        raise FormatError(f"{path}: is empty (0 bytes); {AGAIN}")
    return data


def read_pixels(path: Path, max_pixels: int = MAX_PIXELS, upright: bool = False) -> tuple[NDArray[Any], int]:
    """Return the pixels as stored, uint8 or uint16, [H, W] or RGB [H, W, 3], and the value of full intensity.

    Args:
        max_pixels: The most that are decoded.
        upright: Turn the image as its EXIF orientation says.

    Raises: FormatError.
    """
    pixels, full = read_stored(path, max_pixels, upright)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise FormatError(f"{path}: holds {pixels.dtype}; expected an image of 8 or 16 bits; convert it to PNG")
    return pixels, full


def read_stored(path: Path, max_pixels: int = MAX_PIXELS, upright: bool = False) -> tuple[NDArray[Any], int]:
    """Return what :func:`read_pixels` does, of a TIFF also floats and whole numbers of other types."""
    data = read_bytes(path)
    how = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if upright else cv2.IMREAD_UNCHANGED
    if re.match(rb"P[2356]\s", data):
        return decode_pnm(path, data, max_pixels)
    if data.startswith(PNG_SIGNATURE):
        pixels = _decode_png(path, data, how, max_pixels)
    elif data.startswith(b"\xff\xd8\xff"):
        _check_jpeg(path, data, max_pixels)
        pixels = _decode_jpeg(path, data, how)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        _check_webp(path, data, max_pixels)
        pixels, _ = _decode(data, how)
    elif data.startswith(b"BM"):
        _check_header(path, "BMP", data, read_bmp_header, max_pixels)
        pixels, _ = _decode(data, how)
    elif data.startswith((b"II*\0", b"MM\0*")):
        _check_header(path, "TIFF", data, read_tiff_header, max_pixels)
        pixels = _decode_tiff(path, data, how)
    elif data.startswith((b"II+\0", b"MM\0+")):
        raise FormatError(f"{path}: is a BigTIFF, which is not read; write it again as TIFF or PNG")
    else:
        raise FormatError(
            f"{path}: is not an image that can be read: it begins with {quote(data[:8])}; expected PNG, "
            "JPEG, WebP, BMP, TIFF, PPM or PGM; convert it to PNG if it is an image of another type"
        )
    if pixels is None or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        if data[:2] in (b"II", b"MM"):
            raise FormatError(
                f"{path}: cannot be decoded: the TIFF is of a rare kind, as with the compressions ZSTD and LZMA "
                f"(write it again as PNG), or damaged ({AGAIN})"
            )
        raise FormatError(f"{path}: cannot be decoded, the file is damaged; {AGAIN}")
    if pixels.dtype == np.uint8 and pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGB)
    elif pixels.ndim == 3:
        pixels = pixels[:, :, 2::-1]  # not copied: of 16 bits, 100 million pixels are 800 MB
    return pixels, 65535 if pixels.dtype == np.uint16 else 255


def row_bands(array: NDArray[Any]) -> Iterator[slice]:
    """Give the rows of an array in bands, for work that would take too much memory on all of them at once."""
    rows = max(1, _VALUES_AT_A_TIME // max(1, array[:1].size))
    return (slice(top, top + rows) for top in range(0, len(array), rows))


def _decode(data: bytes, how: int) -> tuple[NDArray[Any] | None, list[str]]:
    """Return what OpenCV makes of an encoded image, None where it fails, and what its decoder prints of it."""

    def decode() -> NDArray[Any] | None:
        try:
            return cv2.imdecode(np.frombuffer(data, np.uint8), how)
        except cv2.error:
            return None

    return hear(decode)


def _decode_png(path: Path, data: bytes, how: int, max_pixels: int) -> NDArray[Any] | None:
    try:
        chunks = read_chunks(data)
    except EOFError:
        raise truncated(path, "PNG") from None
    except ValueError as error:
        raise FormatError(
            f"{path}: a checksum in the PNG file is wrong ({quote(error.args[0])} chunk); {AGAIN}"
        ) from None
    try:
        header = read_png_header(data)
    except (ValueError, struct.error):
        raise damaged_header(path, "PNG") from None
    check_size(path, "PNG", header.width, header.height, max_pixels)
    if header.unpacked > PNG_MAX_RATIO * len(data):
        raise damaged_header(path, "PNG")
    # Where libpng cannot be heard, what it would say is found out first.
    fault = None if can_hear() else fault_of_pixels(data, chunks, header.unpacked)
    if fault is None:
        pixels, said = _decode(without_notes(data, chunks), how)
        if not said:
            return pixels
        fault = fault_of_pixels(data, chunks, header.unpacked)
        if fault is None and pixels is not None:  # libpng warns also of what follows the pixels, which does no harm
            return pixels
    raise FormatError(f"{path}: the pixels of the PNG file are damaged ({fault or said[0]}); {AGAIN}")


def _decode_jpeg(path: Path, data: bytes, how: int) -> NDArray[Any] | None:
    pixels, said = _decode(data, how)
    if any(damage in line for line in said for damage in _JPEG_DAMAGE):
        raise FormatError(f"{path}: the JPEG file is damaged ({said[0]}); {AGAIN}")
    if said and pixels is not None:
        _warn_of_jpeg(path, said[0])
    return pixels


def _warn_of_jpeg(path: Path, said: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        _log.warning("%s: look at the picture: its decoder says '%s' (further files are not named)", path, said)


def _decode_tiff(path: Path, data: bytes, how: int) -> NDArray[Any] | None:
    """Decode a TIFF. Of 8 bits OpenCV returns what it could decode of a damaged one, so Pillow must decode it too."""
    fault = fault_of_tiff(data)
    if fault is not None:
        raise FormatError(f"{path}: the pixels of the TIFF file are damaged ({fault}); {AGAIN}")
    pixels, _ = _decode(data, how)
    if pixels is None or pixels.dtype != np.uint8:
        return pixels
    with heard():
        try:
            image = PillowImage.open(io.BytesIO(data), formats=["TIFF"])
        except Exception:  # a kind that Pillow lacks; what a strange file raises in it is not listed anywhere
            return pixels
        try:
            image.load()
        except Exception:
            return None
    return pixels


def _check_jpeg(path: Path, data: bytes, max_pixels: int) -> None:
    """Raise FormatError unless there are a frame header of a sane size and an end marker after the scan's beginning."""
    position = 2
    size = None
    try:
        while True:
            if data[position] != 0xFF:
                raise damaged_header(path, "JPEG")
            while data[position] == 0xFF:  # any number of fill bytes
                position += 1
            marker = data[position]
            position += 1
            if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a segment
                continue
            if marker == 0xD9:
                raise truncated(path, "JPEG")
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
                height, width = struct.unpack_from(">HH", data, position + 3)
                size = (width, height)
            (length,) = struct.unpack_from(">H", data, position)
            position += max(length, 2)
            if marker == 0xDA:
                break
    except (IndexError, struct.error):
        raise truncated(path, "JPEG") from None
    if size is None:
        raise damaged_header(path, "JPEG")
    check_size(path, "JPEG", *size, max_pixels)
    if size[0] * size[1] > _JPEG_MAX_PIXELS_PER_BYTE * len(data):
        raise damaged_header(path, "JPEG")
    # The decoder would fill what is missing with gray. Within a scan, 0xFF is never followed by 0xD9.
    if data.rfind(b"\xff\xd9", position) < 0:
        raise truncated(path, "JPEG")


def _check_header(path: Path, kind: str, data: bytes, read_header: Callable[[bytes], Header], max_pixels: int) -> None:
    """Raise FormatError unless a file is as long as its header says, and can hold what it promises."""
    try:
        header = read_header(data)
    except (struct.error, LookupError, ValueError, StopIteration):
        raise damaged_header(path, kind) from None
    if header.width <= 0 or header.height <= 0:
        raise damaged_header(path, kind)
    check_size(path, kind, header.width, header.height, max_pixels)
    if header.needed > len(data):
        raise truncated(path, kind)
    if header.unpacked > MAX_RATIO * len(data):
        raise damaged_header(path, kind)
    if header.bits > _MAX_BITS:
        raise FormatError(
            f"{path}: the {kind} header says {header.bits} bits a pixel; expected {_MAX_BITS} at most; "
            "convert it to PNG"
        )


def _check_webp(path: Path, data: bytes, max_pixels: int) -> None:
    if len(data) < 25 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise truncated(path, "WebP")
    kind, size = data[12:16], len(data)
    data = data[:30].ljust(30, b"\0")  # the longest of the three headers
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise damaged_header(path, "WebP")
    check_size(path, "WebP", width, height, max_pixels)
    if width * height > max(_WEBP_FREE_PIXELS, _WEBP_MAX_PIXELS_PER_BYTE * size):
        raise damaged_header(path, "WebP")


def write_encoded(path: Path, suffix: str, pixels: NDArray[Any], parameters: list[int]) -> None:
    """Write pixels [H, W] or BGR [H, W, 3] in the format of the suffix. Raises: OutputError."""
    try:
        done, encoded = cv2.imencode(suffix, np.ascontiguousarray(pixels), parameters)
    except cv2.error:
        done = False
    if not done:
        raise OutputError(
            f"{path}: an image of {pixels.shape[1]}×{pixels.shape[0]} (width × height) cannot be encoded as "
            f"{suffix}; use .png"
        )
    with atomic_output(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
