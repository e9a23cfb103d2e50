"""Maps in files of NumPy: NPY, and NPZ with one map in it."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.containers import read_bytes
from stereo.data.formats.faults import AGAIN
from stereo.errors import FormatError
from stereo.files import ArchiveReader

# The most that a map may take, bytes: 100 million pixels of 8 bytes.
_MAX_BYTES = 800_000_000
_BYTES_AT_A_TIME = 1 << 20
# NumPy itself refuses a header of over 10,000.
_LONGEST_HEADER = 16_384
# Of several arrays in a NPZ, these are the disparity, the first of them that is there.
_NAMES = ("disparity", "disp", "disparity_left", "arr_0", "data")


def read_numpy(path: Path) -> NDArray[Any]:
    """Return the map in a NPY or NPZ file, floats or whole numbers [H, W]. Raises: FormatError."""
    data = read_bytes(path)
    return _parse_npy(path, _unpack(path, data) if data.startswith(b"PK") else data)


def _unpack(path: Path, data: bytes) -> bytearray:
    """Return the NPY file in a NPZ file that holds the disparity."""
    try:
        with zipfile.ZipFile(ArchiveReader(io.BytesIO(data))) as archive:
            arrays = {
                record.filename.removesuffix(".npy"): record
                for record in archive.infolist()
                if record.filename.endswith(".npy")
            }
            name = next(iter(arrays)) if len(arrays) == 1 else next((name for name in _NAMES if name in arrays), None)
            if name is None:
                held = ", ".join(sorted(arrays)[:8]) or "no array"
                raise FormatError(f"{path}: holds {held}; expected one array, or one of the name {_NAMES[0]}")
            if arrays[name].file_size > _MAX_BYTES:
                raise FormatError(
                    f"{path}: its array {name} takes {arrays[name].file_size:,} bytes; expected {_MAX_BYTES:,} at most"
                )
            content, length = bytearray(arrays[name].file_size), 0
            with archive.open(arrays[name]) as file:
                while piece := file.read(_BYTES_AT_A_TIME):
                    content[length : length + len(piece)] = piece
                    length += len(piece)
            if length != arrays[name].file_size:
                raise ValueError("its length is not what the archive says")
            return content
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError):
        raise FormatError(f"{path}: the NPZ file is truncated or damaged; {AGAIN}") from None


def _parse_npy(path: Path, data: bytes | bytearray) -> NDArray[Any]:
    stream = io.BytesIO(data[:_LONGEST_HEADER])
    header_readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, fortran_order, dtype = header_readers[np.lib.format.read_magic(stream)](stream)
        shape = tuple(int(length) for length in shape)
    except Exception:  # numpy parses the header as Python source: what a damaged one raises is not listed anywhere
        raise FormatError(
            f"{path}: does not begin with the header of a NPY file; expected what numpy.save writes; {AGAIN}"
        ) from None
    if dtype.kind not in "fiu" or len(shape) != 2 or min(shape) <= 0:
        raise FormatError(
            f"{path}: holds {dtype} {list(shape)}; expected an array [H, W] of disparity: floats in px, not finite "
            "where unknown, or whole numbers, 0 where unknown"
        )
    count = shape[0] * shape[1]
    found = len(data) - stream.tell()
    if found != count * dtype.itemsize:
        raise FormatError(
            f"{path}: the header says {dtype} {list(shape)}, which takes {count * dtype.itemsize} bytes, "
            f"but {found} bytes follow it; the file is truncated or damaged: {AGAIN}"
        )
    values = np.frombuffer(data, dtype=dtype, offset=stream.tell())
    return values.reshape(shape, order="F" if fortran_order else "C")
