"""The file formats of stereo data, read and written with every check that a broken file calls for.

Images (PNG, JPEG, WebP, PPM, PGM), disparity (PFM, 16-bit PNG, 8-bit PNG or PGM with a scale, NPY), masks,
and Middlebury's calib.txt. Disparity is in px; reading one gives two arrays: disparity, float32 [H, W],
finite and 0 where unknown; and valid, bool [H, W], True where known.

Every reader raises FormatError for a file that is missing, unreadable, empty, truncated, damaged or of
another type, and checks that the file can hold what its header promises before memory is taken for it. Every
writer writes a temporary file beside the target and then renames it, so that a reader never meets half a
file, and raises OutputError.
"""

import io
import math
import os
import re
import struct
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Calibration, Image, Map, Mask
from stereo.errors import FormatError, OutputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".ppm", ".pgm")
DISPARITY_SUFFIXES = (".pfm", ".npy", ".png", ".pgm")

# What a KITTI disparity map multiplies each value by.
PNG16_SCALE = 256.0

# No stereo data set comes near this; a lossless WebP of 30 bytes can ask for 268 million pixels and be in
# order.
_MAX_PIXELS = 100_000_000
# Deflate's densest code stands for 258 bytes in 2 bits, so a PNG cannot unpack to more than 1032 times its
# size.
_PNG_MAX_RATIO = 1032
# A JPEG spends at least one Huffman bit on each 8 × 8 block of its DC scan: 512 pixels a byte at the very
# most.
_JPEG_MAX_PIXELS_PER_BYTE = 512

_AGAIN = "copy or download the file again"


# ----------------------------------------------------------------------------------------------------- images


def read_image(path: str | Path) -> Image:
    """Read a PNG, JPEG, WebP, PPM or PGM image as RGB uint8 [H, W, 3].

    Grey becomes three equal channels, alpha is dropped, and samples of another depth are scaled so that full
    intensity is 255 (16 bit: divided by 257) and rounded. An EXIF orientation is not applied: rectification
    holds for the rows as they are stored.

    Raises: FormatError.
    """
    pixels, full = _read_pixels(Path(path))
    if full != 255:
        pixels = np.minimum((pixels.astype(np.uint32) * 255 + full // 2) // full, 255)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def read_mask(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask image as uint8 [H, W], the values as stored; of a colour image, the largest channel.

    Raises: FormatError.
    """
    pixels, _ = _read_pixels(Path(path))
    if pixels.ndim == 3:
        pixels = pixels.max(axis=2)
    return np.minimum(pixels, 255).astype(np.uint8)


def write_image(path: str | Path, rgb: Image) -> None:
    """Write RGB uint8 [H, W, 3]; the suffix chooses PNG, PPM or WebP (all lossless) or JPEG (quality 95).

    Raises: OutputError if the suffix is another or the file cannot be written; ValueError for another array.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    parameters = {
        ".png": [],
        ".ppm": [],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101],  # above 100: lossless
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    }
    if suffix not in parameters:
        raise OutputError(
            f"{path}: cannot be written: the suffix is '{path.suffix}'; use one of {', '.join(parameters)}"
        )
    rgb = np.asarray(rgb)
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"write_image takes RGB uint8 [H, W, 3], got {rgb.dtype} {list(rgb.shape)}")
    _write_encoded(path, suffix, rgb[:, :, ::-1], parameters[suffix])


# -------------------------------------------------------------------------------------------------- disparity


def read_disparity(path: str | Path, scale: float | None = None) -> tuple[Map, Mask]:
    """Read a disparity map in the encoding that its suffix and depth name.

    Args:
        path: .pfm and .npy (unknown: not finite), or .png and .pgm with one channel of whole numbers
            (unknown: 0).
        scale: What the stored values are divided by to give px. Default: 1 for PFM and NPY, 256 for 16 bit.
            An 8-bit file has no default: it depends on the data set.

    Returns: disparity, float32 [H, W] in px, 0 where unknown; valid, bool [H, W].
    Raises: FormatError.
    """
    path = Path(path)
    if scale is not None:
        _check_scale(path, scale)
    suffix = path.suffix.lower()
    if suffix == ".pfm":
        return _from_float(read_pfm(path), scale or 1.0)
    if suffix == ".npy":
        return _from_float(_read_npy(path), scale or 1.0)
    if suffix not in DISPARITY_SUFFIXES:
        raise FormatError(
            f"{path}: the suffix '{path.suffix}' names no known disparity encoding; expected one of "
            f"{', '.join(DISPARITY_SUFFIXES)}"
        )
    stored = _read_whole_numbers(path)
    if scale is None and stored.dtype == np.uint8:
        raise FormatError(
            f"{path}: is an 8-bit disparity map, whose scale depends on the data set; say how many grey "
            "levels make one px (`scale`; a column `scale` in a pair list), or use 16-bit PNG (× 256), PFM "
            "or NPY"
        )
    return _from_whole_numbers(stored, scale or PNG16_SCALE)


def read_disparity_pfm(path: str | Path) -> tuple[Map, Mask]:
    """Read disparity from PFM, values and sign as stored; not finite: unknown. Raises: FormatError."""
    return _from_float(read_pfm(path), 1.0)


def read_disparity_npy(path: str | Path) -> tuple[Map, Mask]:
    """Read disparity from NPY, a float array [H, W] in px; not finite: unknown. Raises: FormatError."""
    return _from_float(_read_npy(Path(path)), 1.0)


def read_disparity_png16(path: str | Path) -> tuple[Map, Mask]:
    """Read disparity from a KITTI 16-bit PNG: value / 256 px; 0: unknown. Raises: FormatError."""
    path = Path(path)
    stored = _read_whole_numbers(path)
    if stored.dtype != np.uint16:
        raise FormatError(
            f"{path}: has 8 bits a pixel; expected a disparity map of 16 (KITTI, disparity × 256); an image "
            "or a colour preview is not one"
        )
    return _from_whole_numbers(stored, PNG16_SCALE)


def read_disparity_png8(path: str | Path, scale: float) -> tuple[Map, Mask]:
    """Read disparity from an 8-bit PNG or PGM (Middlebury 2001 to 2006): value / scale px; 0: unknown.

    Raises: FormatError.
    """
    path = Path(path)
    _check_scale(path, scale)
    stored = _read_whole_numbers(path)
    if stored.dtype != np.uint8:
        raise FormatError(f"{path}: has 16 bits a pixel; expected a disparity map of 8 (Middlebury 2001 to 2006)")
    return _from_whole_numbers(stored, scale)


def write_disparity_png16(path: str | Path, disparity: Map, valid: Mask | None = None) -> None:
    """Write disparity as a KITTI 16-bit PNG: the value × 256, rounded; 0 where unknown.

    A known value that would round to 0 is stored as 1, which is 1/256 px, since 0 means unknown.

    Args:
        path: The file, usually .png.
        disparity: float [H, W] in px, 0 … 255.99 where known.
        valid: bool [H, W], known here. None: known wherever finite, zeros included.

    Raises: OutputError if a known value does not fit 16 bits or the file cannot be written; ValueError for
        arrays of another shape.
    """
    path = Path(path)
    disparity = _check_map(disparity)
    known = np.isfinite(disparity)
    if valid is not None:
        if valid.shape != disparity.shape or valid.dtype != np.bool_:
            raise ValueError(f"valid is {valid.dtype} {list(valid.shape)}, expected bool {list(disparity.shape)}")
        known &= valid
    stored = np.rint(np.where(known, disparity, 0).astype(np.float64) * PNG16_SCALE)
    for extreme in (stored.min(), stored.max()):
        if not 0 <= extreme <= 65535:
            raise OutputError(
                f"{path}: cannot be written: a disparity of {extreme / PNG16_SCALE:.2f} px does not fit a "
                "16-bit PNG, which holds 0 to 255.99 px; write PFM or NPY instead"
            )
    stored = np.where(known, np.maximum(stored, 1), 0).astype(np.uint16)
    _write_encoded(path, ".png", stored, [])


def write_disparity_npy(path: str | Path, disparity: Map) -> None:
    """Write disparity, float [H, W] in px, as a float32 NPY file; put NaN or infinity where unknown.

    Raises: OutputError if the file cannot be written; ValueError for another array.
    """
    array = _check_map(disparity).astype(np.float32)
    _write(Path(path), lambda file: np.save(file, array, allow_pickle=False))


# -------------------------------------------------------------------------------------------------------- PFM


def read_pfm(path: str | Path) -> Map:
    """Read a one-channel PFM file as float32 [H, W], top row first; infinities and NaN stay as stored.

    Of the header's scale only the sign counts, which gives the byte order: its magnitude means something else
    in each data set (Middlebury writes −0.0039), and OpenCV's multiplying by it is why OpenCV does not read
    these here.

    Raises: FormatError.
    """
    path = Path(path)
    data = _read_bytes(path)
    # The Scene Flow files have blanks before the line ends.
    match = re.match(rb"(P[Ff])\s+(\d{1,9})\s+(\d{1,9})\s+(\S{1,64})[ \t\r]*\n", data[:1024])
    if match is None:
        raise FormatError(
            f"{path}: does not begin with the header of a PFM file ('Pf', width and height, scale, each on "
            f"a line); check that it is one, or {_AGAIN}"
        )
    kind, width, height = match[1], int(match[2]), int(match[3])
    try:
        scale = float(match[4])
    except ValueError:
        scale = math.nan
    if not math.isfinite(scale) or scale == 0:
        raise FormatError(
            f"{path}: the scale in the PFM header is {_quote(match[4])}; expected a number that is not 0 "
            f"(negative: little-endian); {_AGAIN}"
        )
    if kind == b"PF":
        raise FormatError(
            f"{path}: is a PFM file of three channels ('PF'); expected one ('Pf'), a disparity in each "
            "pixel; check that it is a disparity map"
        )
    expected = width * height * 4
    found = len(data) - match.end()
    if expected == 0 or found != expected:
        raise FormatError(
            f"{path}: the header says {width}×{height} (width × height), which takes {expected} bytes, but "
            f"{found} bytes follow it; the file is {'truncated' if 0 < found < expected else 'damaged'}: "
            f"{_AGAIN}"
        )
    values = np.frombuffer(data, dtype="<f4" if scale < 0 else ">f4", offset=match.end())
    return values.reshape(height, width)[::-1].astype(np.float32, order="C")  # stored bottom row first


def write_pfm(path: str | Path, array: Map) -> None:
    """Write float [H, W] as a one-channel little-endian PFM file; infinities and NaN are kept.

    Raises: OutputError if the file cannot be written; ValueError for another array.
    """
    array = _check_map(array)
    height, width = array.shape
    content = f"Pf\n{width} {height}\n-1.0\n".encode() + array[::-1].astype("<f4").tobytes()
    _write(Path(path), lambda file: file.write(content))


# ------------------------------------------------------------------------------------------------ calibration


def read_calibration(path: str | Path) -> Calibration:
    """Read the calib.txt of Middlebury 2014 and ETH3D: cam0, baseline in mm, doffs in px (0 if absent).

    Raises: FormatError that names the file and the line.
    """
    path = Path(path)
    try:
        text = _read_bytes(path).decode("ascii")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not a text file; expected lines such as 'baseline=193.001'; {_AGAIN}") from None
    found: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise FormatError(f"{path}:{number}: {_quote(line)} is not of the form key=value; {_AGAIN}")
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
                raise FormatError(f"{path}:{number}: {key} is {_quote(value)}; expected {expected}; {_AGAIN}")
            found[key] = parsed
    for key in ("cam0", "baseline"):
        if key not in found:
            raise FormatError(f"{path}: has no line '{key}='; expected cam0, baseline and doffs; {_AGAIN}")
    return Calibration(
        focal_length=found["cam0"],
        baseline=found["baseline"] / 1000,
        disparity_offset=found.get("doffs", 0.0),
    )


# ----------------------------------------------------------------------------------- disparity, the encodings


def _from_float(stored: NDArray[Any], scale: float) -> tuple[Map, Mask]:
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows float32 becomes infinite: unknown
        disparity = (stored / scale).astype(np.float32, order="C")
    valid = np.isfinite(disparity)
    disparity[~valid] = 0
    return disparity, valid


def _from_whole_numbers(stored: NDArray[Any], scale: float) -> tuple[Map, Mask]:
    return (stored.astype(np.float64) / scale).astype(np.float32), stored != 0


def _check_scale(path: Path, scale: float) -> None:
    # Outside these bounds a disparity would leave the range of float32.
    if not 1e-6 <= scale <= 1e6:
        raise FormatError(f"{path}: the scale is {scale}; expected a number above 0: stored units in one px")


def _check_map(array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array)
    if array.dtype.kind != "f" or array.ndim != 2 or array.size == 0:
        raise ValueError(f"expected a float array [H, W], got {array.dtype} {list(array.shape)}")
    return array


def _read_whole_numbers(path: Path) -> NDArray[Any]:
    """uint8 or uint16 [H, W] as stored."""
    pixels, _ = _read_pixels(path)
    if pixels.ndim != 2:
        raise FormatError(
            f"{path}: is a colour image; expected a disparity map of one channel; a colour preview of "
            "disparity cannot be read back"
        )
    return pixels


def _read_npy(path: Path) -> NDArray[Any]:
    data = _read_bytes(path)
    stream = io.BytesIO(data)
    header_readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, fortran_order, dtype = header_readers[np.lib.format.read_magic(stream)](stream)
        shape = tuple(int(length) for length in shape)
    except Exception:  # numpy parses the header as Python source: what a damaged one raises is not listed anywhere
        raise FormatError(
            f"{path}: does not begin with the header of a NPY file; expected what numpy.save writes; {_AGAIN}"
        ) from None
    if dtype.kind != "f" or len(shape) != 2 or min(shape) <= 0:
        raise FormatError(
            f"{path}: holds {dtype} {list(shape)}; expected a float array [H, W] of disparity in px, not "
            "finite where unknown"
        )
    count = shape[0] * shape[1]
    found = len(data) - stream.tell()
    if found != count * dtype.itemsize:
        raise FormatError(
            f"{path}: the header says {dtype} {list(shape)}, which takes {count * dtype.itemsize} bytes, "
            f"but {found} bytes follow it; the file is truncated or damaged: {_AGAIN}"
        )
    values = np.frombuffer(data, dtype=dtype, offset=stream.tell())
    return values.reshape(shape, order="F" if fortran_order else "C")


# -------------------------------------------------------------------------------------- images, the encodings


def _read_pixels(path: Path) -> tuple[NDArray[Any], int]:
    """Pixels as stored, uint8 or uint16, [H, W] or RGB [H, W, 3]; and the value of full intensity."""
    data = _read_bytes(path)
    if re.match(rb"P[2356]\s", data):
        return _decode_pnm(path, data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        _check_png(path, data)
    elif data.startswith(b"\xff\xd8\xff"):
        _check_jpeg(path, data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        _check_webp(path, data)
    else:
        raise FormatError(
            f"{path}: is not an image that can be read: it begins with {_quote(data[:8])}; expected PNG, "
            "JPEG, WebP, PPM or PGM; convert it to PNG if it is an image of another type"
        )
    pixels = _decode(data)
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise FormatError(f"{path}: cannot be decoded, the file is damaged; {_AGAIN}")
    if pixels.ndim == 3:  # BGR or BGRA
        pixels = pixels[:, :, 2::-1]
    return pixels, 65535 if pixels.dtype == np.uint16 else 255


def _decode(data: bytes) -> NDArray[Any] | None:
    # OpenCV prints what it finds wrong; the user is to see our one line instead.
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(level)


def _check_png(path: Path, data: bytes) -> None:
    """Every chunk whole and its checksum right, up to IEND."""
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
            raise FormatError(f"{path}: a checksum in the PNG file is wrong ({_quote(kind)} chunk); {_AGAIN}")
        if first:
            if kind != b"IHDR" or length != 13:
                raise _damaged_header(path, "PNG")
            width, height, depth, color = struct.unpack_from(">IIBB", data, position + 8)
            channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(color, 0)
            unpacked = height * ((width * channels * depth + 7) // 8)
            _check_size(path, "PNG", width, height)
            if channels == 0 or depth not in (1, 2, 4, 8, 16) or unpacked > _PNG_MAX_RATIO * len(data):
                raise _damaged_header(path, "PNG")
            first = False
        if kind == b"IEND":
            return
        position = end


def _check_jpeg(path: Path, data: bytes) -> None:
    """A frame header of a sane size, and an end marker behind the beginning of the scan."""
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
    _check_size(path, "JPEG", *size)
    if size[0] * size[1] > _JPEG_MAX_PIXELS_PER_BYTE * len(data):
        raise _damaged_header(path, "JPEG")
    # The decoder would fill what is missing with grey. Within a scan, 0xFF is never followed by 0xD9.
    if data.rfind(b"\xff\xd9", position) < 0:
        raise _truncated(path, "JPEG")


def _check_webp(path: Path, data: bytes) -> None:
    if len(data) < 25 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise _truncated(path, "WebP")
    kind = data[12:16]
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
    _check_size(path, "WebP", width, height)


def _decode_pnm(path: Path, data: bytes) -> tuple[NDArray[Any], int]:
    """PGM and PPM, binary (P5, P6) or as text (P2, P3), of any depth to 16 bits."""
    gap = rb"(?:\s|#[^\n]*\n)+"
    match = re.match(rb"P([2356])" + gap + rb"(\d{1,9})" + gap + rb"(\d{1,9})" + gap + rb"(\d{1,5})\s", data[:4096])
    if match is None or not 0 < int(match[4]) <= 65535:
        raise _damaged_header(path, "PGM or PPM")
    kind, width, height, full = (int(field) for field in match.groups())
    _check_size(path, "PGM or PPM", width, height)
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
            raise FormatError(f"{path}: the PGM or PPM file has a value that is no number 0…{full}; {_AGAIN}") from None
        if len(pixels) < count:
            raise _truncated(path, "PGM or PPM")
    return pixels.reshape(shape).astype(dtype.newbyteorder("=")), full


def _check_size(path: Path, kind: str, width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise _damaged_header(path, kind)
    if width * height > _MAX_PIXELS:
        raise FormatError(
            f"{path}: the {kind} header says {width}×{height} (width × height); expected "
            f"{_MAX_PIXELS // 10**6} million pixels at most; make the image smaller, or {_AGAIN} if it is "
            "damaged"
        )


def _truncated(path: Path, kind: str) -> FormatError:
    return FormatError(f"{path}: the {kind} file is truncated or damaged: its end is missing; {_AGAIN}")


def _damaged_header(path: Path, kind: str) -> FormatError:
    return FormatError(f"{path}: the header of the {kind} file is damaged, or does not fit its content; {_AGAIN}")


# ------------------------------------------------------------------------------------------ files and folders


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise FormatError(f"{path}: is a folder; expected a file")
        if not path.exists():
            raise FormatError(f"{path}: no such file; check the path")
        if not path.is_file():
            raise FormatError(f"{path}: is not an ordinary file")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"{path}: cannot be read: {reason}; check the path and that you may read it") from None
    if not data:
        raise FormatError(f"{path}: is empty (0 bytes); {_AGAIN}")
    return data


def _write_encoded(path: Path, suffix: str, pixels: NDArray[Any], parameters: list[int]) -> None:
    try:
        done, encoded = cv2.imencode(suffix, np.ascontiguousarray(pixels), parameters)
    except cv2.error:
        done = False
    if not done:
        raise OutputError(
            f"{path}: an image of {pixels.shape[1]}×{pixels.shape[0]} (width × height) cannot be encoded as "
            f"{suffix}; use .png"
        )
    _write(path, lambda file: file.write(encoded.tobytes()))


def _write(path: Path, write: Callable[[BinaryIO], object]) -> None:
    # In the same folder, since a rename is atomic only within one file system.
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        try:
            with open(temporary, "xb") as file:
                write(file)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"{path}: cannot be written: {reason}; check that its folder exists and that you may write there"
        ) from None


def _quote(text: bytes | str) -> str:
    """At most 40 characters on one line, whatever they are."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return ascii(text[:40])
