"""Depth maps: 16-bit PNG in millimeters, and NPY in meters."""

from pathlib import Path

import numpy as np

from stereo.data.formats.containers import read_pixels, write_encoded
from stereo.data.sample import Map
from stereo.errors import FormatError
from stereo.output import atomic_output

_MM = 1000.0
# m: what 16 bits hold of millimeters.
DEPTH_PNG_LIMIT = 65.535


def write_depth_png16(path: str | Path, depth: Map) -> int:
    """Write depth as a 16-bit PNG of whole millimeters, 0 where unknown; return how many pixels were clipped.

    A depth beyond 65.535 m is stored as 65535, and one under half a millimeter as 1, since 0 means unknown.

    Args:
        path: The file, usually .png.
        depth: float [H, W], m; unknown where not finite.

    Raises: OutputError; ValueError for an array of another shape.
    """
    if depth.ndim != 2 or depth.size == 0 or depth.dtype.kind != "f":
        raise ValueError(f"expected a float array [H, W], got {depth.dtype} {list(depth.shape)}")
    known = np.isfinite(depth)
    millimeters = np.rint(np.where(known, depth, 0).astype(np.float64) * _MM)
    stored = np.where(known, millimeters.clip(1, 65535), 0).astype(np.uint16)
    write_encoded(Path(path), ".png", stored, [])
    return int((millimeters > 65535).sum())


def read_depth_png16(path: str | Path) -> Map:
    """Read a 16-bit PNG of millimeters as depth, float32 [H, W], m, NaN where unknown. Raises: FormatError."""
    path = Path(path)
    pixels, _ = read_pixels(path)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise FormatError(f"{path}: is {pixels.dtype} {list(pixels.shape)}; expected a depth map, 16 bit, one channel")
    return np.where(pixels == 0, np.float32(np.nan), pixels / np.float32(_MM))


def write_depth_npy(path: str | Path, depth: Map) -> None:
    """Write depth as float32 [H, W] in meters, as `numpy.load` reads it; what is not finite stays so.

    Raises: OutputError.
    """
    with atomic_output(path) as temporary, temporary.open("wb") as file:
        np.save(file, depth.astype(np.float32, copy=False))
