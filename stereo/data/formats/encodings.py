"""Ground truth in the encodings of single data sets: depth, codes of three colors, float images, HDF5 and EXR.

Every reader returns what :func:`stereo.data.formats.read_disparity` does: disparity, float32 [H, W] in px, 0 where
unknown; and valid, bool [H, W]. Unknown is what is not finite or not above 0. All raise FormatError.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.formats.containers import read_bytes, read_pixels, read_stored, row_bands
from stereo.data.formats.disparity import LARGEST, read_disparity
from stereo.data.formats.faults import AGAIN
from stereo.data.sample import Map, Mask
from stereo.errors import FormatError

# As for images (containers.py): a header may not ask for any amount of memory.
_MAX_PIXELS = 100_000_000


def known(disparity: NDArray[Any]) -> tuple[Map, Mask]:
    """Return a map in px as float32 with 0 where it is not above 0 or beyond any image, and where it is known."""
    with np.errstate(over="ignore", invalid="ignore"):  # of NaN, and of what overflows float32
        valid = (disparity > 0) & (disparity <= LARGEST)
        values = disparity.astype(np.float32)
    values[~valid] = 0
    return values, valid


def from_depth(depth: NDArray[Any], focal_length: float, baseline: float) -> tuple[Map, Mask]:
    """Return disparity, focal_length · baseline / depth, and where it is known.

    Args:
        depth: [H, W] along the optical axis; unknown where not finite or not above 0.
        focal_length: px.
        baseline: In the depth's unit.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return known(focal_length * baseline / depth.astype(np.float64))


def read_above_zero(path: Path, scale: float | None = None) -> tuple[Map, Mask]:
    """Read a disparity map of any common encoding; 0 and below are unknown in float files too."""
    return known(read_disparity(path, scale)[0])


def read_whole_numbers(path: Path) -> NDArray[np.uint16]:
    """Read a 16-bit image of one channel as stored, uint16 [H, W]."""
    pixels, _ = read_pixels(path)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise FormatError(f"{path}: is {pixels.dtype} {list(pixels.shape)}; expected one channel of 16 bits; {AGAIN}")
    return pixels


def read_color_code(path: Path, weights: tuple[float, float, float]) -> tuple[Map, Mask]:
    """Read an 8-bit color image whose channels are the digits of a disparity: the weights are px in one level."""
    pixels, _ = read_pixels(path)
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise FormatError(
            f"{path}: is {pixels.dtype} {list(pixels.shape)}; expected disparity in the three channels of an 8-bit "
            f"color image; {AGAIN}"
        )
    disparity = np.empty(pixels.shape[:2], np.float32)
    for band in row_bands(pixels):
        disparity[band] = pixels[band].astype(np.float64) @ np.asarray(weights)
    return known(disparity)


def read_float_tiff(path: Path) -> tuple[Map, Mask]:
    """Read a TIFF of one float32 channel, in px."""
    pixels, _ = read_stored(path)
    if pixels.dtype != np.float32 or pixels.ndim != 2:
        raise FormatError(
            f"{path}: is {pixels.dtype} {list(pixels.shape)}; expected one channel of 32-bit floats; {AGAIN}"
        )
    return known(pixels)


def read_hdf5(path: Path, key: str, step: int = 1) -> tuple[Map, Mask]:
    """Read a map in an HDF5 file, every `step`-th of its rows and columns, in px as stored. It needs h5py."""
    h5py = _optional("h5py", "spring", path)
    read_bytes(path)  # says what is wrong with a file that cannot be read at all
    try:
        with h5py.File(path, "r") as file:
            if isinstance(file.get(key, getlink=True), h5py.ExternalLink) or file[key].external or file[key].is_virtual:
                raise KeyError(key)  # it would be read from another file, of any kind
            array = file[key]
            shape = tuple(array.shape)
            is_map = len(shape) == 2 and 0 < shape[0] * shape[1] <= _MAX_PIXELS and array.dtype.kind == "f"
            values = array[()] if is_map else None
    except (OSError, KeyError, AttributeError, RuntimeError, ValueError, TypeError):
        raise FormatError(f"{path}: is no HDF5 file with an array '{key}'; {AGAIN}") from None
    if values is None:
        raise FormatError(f"{path}: '{key}' is {list(shape)}; expected a float map [H, W]; {AGAIN}")
    return known(values[::step, ::step])


def read_exr(path: Path) -> tuple[Map, Mask]:
    """Read the first channel of an EXR image, in px. It needs OpenEXR.

    OpenCV reads EXR too, and only where an environment variable was set before its import.
    """
    openexr = _optional("OpenEXR", "irs", path)
    read_bytes(path)  # says what is wrong with a file that cannot be read at all
    try:
        pixels = 0  # of all parts and channels, since all of them are read
        for part in openexr.File(str(path), header_only=True).parts:
            (left, top), (right, bottom) = part.header["dataWindow"]
            size = (int(right) - int(left) + 1) * (int(bottom) - int(top) + 1)
            pixels += size * len(part.header["channels"])
        small = pixels <= _MAX_PIXELS
        channels = openexr.File(str(path), separate_channels=True).parts[0].channels if small else {}
        values = next((channels[name].pixels for name in ("R", "Y", "Z", *sorted(channels)) if name in channels), None)
    except Exception as error:  # a wrapper of C++ that raises what it likes
        raise FormatError(f"{path}: cannot be decoded as EXR ({type(error).__name__}); {AGAIN}") from None
    if values is None or values.ndim != 2 or values.dtype.kind != "f":
        raise FormatError(
            f"{path}: has no channel of floats, of {_MAX_PIXELS // 10**6} million pixels at most; {AGAIN}"
        )
    return known(values)


def _optional(name: str, extra: str, path: Path) -> ModuleType:
    """Return a library that only some data sets need. Raises: FormatError if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise FormatError(
            f"{path}: needs {name}, which is not installed; install it: pip install {name}, or '.[{extra}]' in the "
            "repository"
        ) from None
