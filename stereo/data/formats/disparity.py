"""Disparity maps: PFM, NPY and NPZ, TIFF of floats, and whole numbers of 8 or 16 bits in PNG, PGM, BMP or TIFF.

Reading a map gives two arrays: disparity, float32 [H, W] in px, finite, 0 where unknown; and valid, bool [H, W], True
where known.
"""

import logging
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.containers import read_bytes, read_stored, row_bands, write_encoded
from stereo.data.formats.faults import AGAIN, quote
from stereo.data.formats.numpy_files import read_numpy
from stereo.data.sample import Map, Mask
from stereo.errors import FormatError, OutputError
from stereo.output import atomic_output

DISPARITY_SUFFIXES = (".pfm", ".npy", ".npz", ".png", ".pgm", ".tif", ".tiff", ".bmp")

# What a KITTI disparity map multiplies each value by.
_PNG16_SCALE = 256.0
# px. No image is wider, so that a value beyond it is damage: it counts as unknown.
LARGEST = 65_536

_log = logging.getLogger(__name__)
_warned = False


# -------------------------------------------------------------------------------------------------- disparity


def read_disparity(path: str | Path, scale: float | None = None) -> tuple[Map, Mask]:
    """Read a disparity map in the encoding that its suffix and depth name.

    Args:
        path: A map of floats, unknown where not finite (.pfm, .npy, .npz, .tif), or of whole numbers of one channel,
            unknown where 0 (.png, .pgm, .bmp, .tif, .npy, .npz).
        scale: What the stored values are divided by to give px. Default: 1 for floats, 256 for 16-bit images. An
            8-bit image and whole numbers in NPY or NPZ have no default: it depends on the data set.

    Returns: disparity, float32 [H, W] in px, 0 where unknown; valid, bool [H, W].
    Raises: FormatError.
    """
    path = Path(path)
    if scale is not None:
        _check_scale(path, scale)
    suffix = path.suffix.lower()
    if suffix == ".pfm":
        return _from_float(path, read_pfm(path), scale or 1.0)
    if suffix in (".npy", ".npz"):
        return _from_array(path, read_numpy(path), scale)
    if suffix not in DISPARITY_SUFFIXES:
        raise FormatError(
            f"{path}: the suffix '{path.suffix}' names no known disparity encoding; expected one of "
            f"{', '.join(DISPARITY_SUFFIXES)}"
        )
    stored = _read_one_channel(path)
    if stored.dtype.kind == "f":
        return _from_float(path, stored, scale or 1.0)
    if scale is None and stored.dtype == np.uint8:
        raise FormatError(
            f"{path}: is an 8-bit disparity map, whose scale depends on the data set; say how many gray "
            "levels make one px (`scale`; a column `scale` in a pair list), or use 16-bit PNG (× 256), PFM "
            "or NPY"
        )
    return _from_whole_numbers(path, stored, scale or _PNG16_SCALE)


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
    stored = np.rint(np.where(known, disparity, 0).astype(np.float64) * _PNG16_SCALE)
    for extreme in (stored.min(), stored.max()):
        if not 0 <= extreme <= 65535:
            raise OutputError(
                f"{path}: cannot be written: a disparity of {extreme / _PNG16_SCALE:.2f} px does not fit a "
                "16-bit PNG, which holds 0 to 255.99 px; write PFM or NPY instead"
            )
    stored = np.where(known, np.maximum(stored, 1), 0).astype(np.uint16)
    write_encoded(path, ".png", stored, [])


# -------------------------------------------------------------------------------------------------------- PFM


def read_pfm(path: str | Path) -> Map:
    """Read a one-channel PFM file as float32 [H, W], top row first; infinities and NaN stay as stored.

    Only the sign of the header's scale counts, which gives the byte order. Its magnitude means something else in each
    data set (Middlebury writes −0.0039). OpenCV multiplies by it, so OpenCV does not read these files here.

    Raises: FormatError.
    """
    path = Path(path)
    data = read_bytes(path)
    # The Scene Flow files have blanks before the line ends.
    match = re.match(rb"(P[Ff])\s+(\d{1,9})\s+(\d{1,9})\s+(\S{1,64})[ \t\r]*\n", data[:1024])
    if match is None:
        raise FormatError(
            f"{path}: does not begin with the header of a PFM file ('Pf', width and height, scale, each on "
            f"a line); check that it is one, or {AGAIN}"
        )
    kind, width, height = match[1], int(match[2]), int(match[3])
    try:
        scale = float(match[4])
    except ValueError:
        scale = math.nan
    if not math.isfinite(scale) or scale == 0:
        raise FormatError(
            f"{path}: the scale in the PFM header is {quote(match[4])}; expected a number that is not 0 "
            f"(negative: little-endian); {AGAIN}"
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
            f"{AGAIN}"
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
    with atomic_output(path) as temporary:
        temporary.write_bytes(content)


def write_npy(path: str | Path, array: Map) -> None:
    """Write float [H, W] as NPY, float32; infinities and NaN are kept.

    Raises: OutputError if the file cannot be written; ValueError for another array.
    """
    array = _check_map(array).astype(np.float32)
    with atomic_output(path) as temporary:
        np.save(temporary, array, allow_pickle=False)


# ----------------------------------------------------------------------------------- disparity, the encodings


def _from_float(path: Path, stored: NDArray[Any], scale: float) -> tuple[Map, Mask]:
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows float32 becomes infinite: unknown
        scaled = stored if scale == 1 else stored / scale
        # Nobody else has this array, so it is not copied, unless it is a read-only view of the file's bytes.
        disparity = np.require(scaled.astype(np.float32, order="C", copy=False), requirements=["W"])
    valid = np.abs(disparity) <= LARGEST  # which is False for NaN too
    if not valid.all():
        _warn_of_damage(path, int(np.count_nonzero(np.isfinite(disparity) & ~valid)))
        disparity[~valid] = 0
    return disparity, valid


def _from_whole_numbers(path: Path, stored: NDArray[Any], scale: float) -> tuple[Map, Mask]:
    scaled = np.empty(stored.shape, np.float32)
    for band in row_bands(stored):  # in float64, which takes four times the memory of 16 bits
        scaled[band] = np.divide(stored[band], scale, dtype=np.float64)
    disparity, valid = _from_float(path, scaled, 1.0)
    return disparity, valid & (stored != 0)


def _warn_of_damage(path: Path, count: int) -> None:
    global _warned
    if _warned or count == 0:
        return
    _warned = True
    _log.warning(
        "%s: %d of its values are beyond %d px, wider than any image; they count as unknown: check that these are "
        "disparities in px, or copy the file again (further files are not named)",
        path,
        count,
        LARGEST,
    )


def _check_scale(path: Path, scale: float) -> None:
    # Outside these bounds a disparity would leave the range of float32.
    if not 1e-6 <= scale <= 1e6:
        raise FormatError(f"{path}: the scale is {scale}; expected a number above 0: stored units in one px")


def _check_map(array: NDArray[Any]) -> NDArray[Any]:
    array = np.asarray(array)
    if array.dtype.kind != "f" or array.ndim != 2 or array.size == 0:
        raise ValueError(f"expected a float array [H, W], got {array.dtype} {list(array.shape)}")
    return array


def _from_array(path: Path, stored: NDArray[Any], scale: float | None) -> tuple[Map, Mask]:
    if stored.dtype.kind == "f":
        return _from_float(path, stored, scale or 1.0)
    if scale is None:
        raise FormatError(
            f"{path}: holds whole numbers ({stored.dtype}), whose scale depends on the data set; say how many make one "
            "px (`scale`; a column `scale` in a pair list), or use floats"
        )
    return _from_whole_numbers(path, stored, scale)


def _read_one_channel(path: Path) -> NDArray[Any]:
    """Read uint8, uint16 or floats [H, W] as stored. Raises: FormatError."""
    pixels, _ = read_stored(path)
    if pixels.ndim != 2:
        raise FormatError(
            f"{path}: is a color image; expected a disparity map of one channel; a color preview of "
            "disparity cannot be read back"
        )
    if pixels.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise FormatError(f"{path}: holds {pixels.dtype}; expected floats, or whole numbers of 8 or 16 bits")
    return pixels
