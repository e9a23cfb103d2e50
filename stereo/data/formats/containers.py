"""Images as encoded files: checked before they are decoded, and decoded as stored.

A decoder fills what is missing with gray, or takes the memory that a header of thirty bytes asks for. So a file must be
complete, and able to hold what its header promises, before OpenCV gets it. Errors are FormatError and name the file.
"""

import math
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.headers import MAX_RATIO, Header, read_bmp_header, read_tiff_header
from stereo.errors import FormatError, OutputError
from stereo.files import read_file
from stereo.output import atomic_output
from stereo.quiet import quiet_opencv

# No stereo data set has images near this size; a valid lossless WebP of 30 bytes can ask for 268 million pixels.
MAX_PIXELS = 100_000_000
# Of 8 bytes a pixel, as no encoding takes more, with room for a header and notes.
MAX_FILE_BYTES = 8 * MAX_PIXELS + (16 << 20)
# Deflate's densest code stands for 258 bytes in 2 bits, so a PNG cannot unpack to more than 1032 times its size.
_PNG_MAX_RATIO = 1032
# A JPEG spends at least one Huffman bit on each 8 × 8 block of its DC scan: 512 pixels a byte at the very most.
_JPEG_MAX_PIXELS_PER_BYTE = 512
# A lossy WebP spends at least 3.4 bits on the modes of each 16 × 16 block. A lossless one has no such limit (an image
# of one color is 30 bytes at any size), but no useful image of more than a few million pixels comes near this.
_WEBP_MAX_PIXELS_PER_BYTE, _WEBP_FREE_PIXELS = 1024, 4_000_000

AGAIN = "copy or download the file again"


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
    if re.match(rb"P[2356]\s", data):
        return _decode_pnm(path, data, max_pixels)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        _check_png(path, data, max_pixels)
    elif data.startswith(b"\xff\xd8\xff"):
        _check_jpeg(path, data, max_pixels)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        _check_webp(path, data, max_pixels)
    elif data.startswith(b"BM"):
        _check_header(path, "BMP", data, read_bmp_header, max_pixels)
    elif data.startswith((b"II*\0", b"MM\0*")):
        _check_header(path, "TIFF", data, read_tiff_header, max_pixels)
    elif data.startswith((b"II+\0", b"MM\0+")):
        raise FormatError(f"{path}: is a BigTIFF, which is not read; write it again as TIFF or PNG")
    else:
        raise FormatError(
            f"{path}: is not an image that can be read: it begins with {quote(data[:8])}; expected PNG, "
            "JPEG, WebP, BMP, TIFF, PPM or PGM; convert it to PNG if it is an image of another type"
        )
    pixels = _decode(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if upright else cv2.IMREAD_UNCHANGED)
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


def _decode(data: bytes, how: int) -> NDArray[Any] | None:
    try:
        with quiet_opencv():
            return cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error:
        return None


def _check_png(path: Path, data: bytes, max_pixels: int) -> None:
    """Raise FormatError unless every chunk is whole and its checksum right, up to IEND."""
    position = 8
    first = True
    while True:
        if position + 12 > len(data):
            raise _truncated(path, "PNG")
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            raise _truncated(path, "PNG")
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        kind = data[position + 4 : position + 8]
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != checksum:
            raise FormatError(f"{path}: a checksum in the PNG file is wrong ({quote(kind)} chunk); {AGAIN}")
        if first:
            if kind != b"IHDR" or length != 13:
                raise _damaged_header(path, "PNG")
            width, height, depth, color, compression, filtering, interlacing = struct.unpack_from(
                ">IIBBBBB", data, position + 8
            )
            channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(color, 0)
            unpacked = height * ((width * channels * depth + 7) // 8)
            _check_size(path, "PNG", width, height, max_pixels)
            known = depth in (1, 2, 4, 8, 16) and compression == filtering == 0 and interlacing <= 1
            if channels == 0 or not known or unpacked > _PNG_MAX_RATIO * len(data):
                raise _damaged_header(path, "PNG")
            first = False
        if kind == b"IEND":
            return
        position = end


def _check_jpeg(path: Path, data: bytes, max_pixels: int) -> None:
    """Raise FormatError unless there are a frame header of a sane size and an end marker after the scan's beginning."""
    position = 2
    size = None
    try:
        while True:
            if data[position] != 0xFF:
                raise _damaged_header(path, "JPEG")
            while data[position] == 0xFF:  # any number of fill bytes
                position += 1
            marker = data[position]
            position += 1
            if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a segment
                continue
            if marker == 0xD9:
                raise _truncated(path, "JPEG")
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
                height, width = struct.unpack_from(">HH", data, position + 3)
                size = (width, height)
            (length,) = struct.unpack_from(">H", data, position)
            position += max(length, 2)
            if marker == 0xDA:
                break
    except (IndexError, struct.error):
        raise _truncated(path, "JPEG") from None
    if size is None:
        raise _damaged_header(path, "JPEG")
    _check_size(path, "JPEG", *size, max_pixels)
    if size[0] * size[1] > _JPEG_MAX_PIXELS_PER_BYTE * len(data):
        raise _damaged_header(path, "JPEG")
    # The decoder would fill what is missing with gray. Within a scan, 0xFF is never followed by 0xD9.
    if data.rfind(b"\xff\xd9", position) < 0:
        raise _truncated(path, "JPEG")


def _check_header(path: Path, kind: str, data: bytes, read_header: Callable[[bytes], Header], max_pixels: int) -> None:
    """Raise FormatError unless a file is as long as its header says, and can hold what it promises."""
    try:
        header = read_header(data)
    except (struct.error, LookupError, ValueError, StopIteration):
        raise _damaged_header(path, kind) from None
    if header.width <= 0 or header.height <= 0:
        raise _damaged_header(path, kind)
    _check_size(path, kind, header.width, header.height, max_pixels)
    if header.needed > len(data):
        raise _truncated(path, kind)
    if header.unpacked > MAX_RATIO * len(data):
        raise _damaged_header(path, kind)


def _check_webp(path: Path, data: bytes, max_pixels: int) -> None:
    if len(data) < 25 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise _truncated(path, "WebP")
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
        raise _damaged_header(path, "WebP")
    _check_size(path, "WebP", width, height, max_pixels)
    if width * height > max(_WEBP_FREE_PIXELS, _WEBP_MAX_PIXELS_PER_BYTE * size):
        raise _damaged_header(path, "WebP")


def _decode_pnm(path: Path, data: bytes, max_pixels: int) -> tuple[NDArray[Any], int]:
    """Decode PGM and PPM, binary (P5, P6) or as text (P2, P3), of any depth to 16 bits."""
    gap = rb"(?:\s|#[^\n]*\n)+"
    match = re.match(rb"P([2356])" + gap + rb"(\d{1,9})" + gap + rb"(\d{1,9})" + gap + rb"(\d{1,5})\s", data[:4096])
    if match is None or not 0 < int(match[4]) <= 65535:
        raise _damaged_header(path, "PGM or PPM")
    kind, width, height, full = (int(field) for field in match.groups())
    _check_size(path, "PGM or PPM", width, height, max_pixels)
    shape = (height, width, 3) if kind in (3, 6) else (height, width)
    count = math.prod(shape)
    dtype = np.dtype(np.uint8 if full <= 255 else ">u2")
    body = data[match.end() :]
    # As text, each value takes a digit and a blank.
    if len(body) < (count * dtype.itemsize if kind >= 5 else 2 * count - 1):
        raise _truncated(path, "PGM or PPM")
    if kind >= 5:
        pixels = np.frombuffer(body, dtype, count)
    else:
        try:
            pixels = np.array([int(word) for word in body.split(maxsplit=count)[:count]], dtype)
        except (ValueError, OverflowError):
            raise FormatError(f"{path}: the PGM or PPM file has a value that is no number 0…{full}; {AGAIN}") from None
        if len(pixels) < count:
            raise _truncated(path, "PGM or PPM")
    return pixels.reshape(shape).astype(dtype.newbyteorder("=")), full


def _check_size(path: Path, kind: str, width: int, height: int, max_pixels: int) -> None:
    if width == 0 or height == 0:
        raise _damaged_header(path, kind)
    if width * height > max_pixels:
        raise FormatError(
            f"{path}: the {kind} header says {width}×{height} (width × height); expected "
            f"{max_pixels / 10**6:g} million pixels at most; make the image smaller, or {AGAIN} if it is "
            "damaged"
        )


def _truncated(path: Path, kind: str) -> FormatError:
    return FormatError(f"{path}: the {kind} file is truncated or damaged: its end is missing; {AGAIN}")


def _damaged_header(path: Path, kind: str) -> FormatError:
    return FormatError(f"{path}: the header of the {kind} file is damaged, or does not fit its content; {AGAIN}")


def quote(text: bytes | str) -> str:
    """Return at most 40 characters of a text, on one line, whatever they are."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return ascii(text[:40])


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
