"""Which damage each format shows: a file that is cut is refused, and where there is a checksum any other damage is too.

SECURITY.md says which formats have none.
"""

import io
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest

from stereo.data.formats import read_disparity, read_image, read_ply, write_ply
from stereo.errors import FormatError

SMOOTH = cv2.resize(np.random.default_rng(0).integers(0, 256, (9, 16, 3), dtype=np.uint8), (80, 45))
GRAY, DEEP = SMOOTH[:, :, 1].copy(), SMOOTH.astype(np.uint16) * 257 + 3
MAP = GRAY.astype(np.float32) / 3
DEFLATE, LZW, PACKED_BITS, NONE = 8, 5, 32773, 1


def tiff(pixels: np.ndarray, compression: int) -> bytes:
    return encoded(".tiff", pixels, [cv2.IMWRITE_TIFF_COMPRESSION, compression])


def encoded(suffix: str, pixels: np.ndarray, parameters: Any = ()) -> bytes:
    return bytes(cv2.imencode(suffix, pixels, list(parameters))[1].tobytes())


def npy(save: Callable[..., None]) -> bytes:
    stream = io.BytesIO()
    save(stream, MAP)
    return stream.getvalue()


def pfm() -> bytes:
    return b"Pf\n80 45\n-1.0\n" + MAP.astype("<f4").tobytes()


def ply() -> bytes:
    path = Path("points.ply")
    write_ply(path, SMOOTH.reshape(-1, 3).astype(np.float32))
    return path.read_bytes()


def webp(quality: int) -> bytes:
    return encoded(".webp", SMOOTH, [cv2.IMWRITE_WEBP_QUALITY, quality])


# Name: the content, its reader, whether every change of the values is noticed.
FORMATS: dict[str, tuple[Callable[[], bytes], Callable[[Path], Any], bool]] = {
    "PNG": (lambda: encoded(".png", SMOOTH), read_image, True),
    "PNG of 16 bits": (lambda: encoded(".png", DEEP), read_image, True),
    "TIFF, Deflate": (lambda: tiff(SMOOTH, DEFLATE), read_image, True),
    "TIFF of 16 bits, Deflate": (lambda: tiff(DEEP, DEFLATE), read_image, True),
    "TIFF of floats, Deflate": (lambda: tiff(MAP, DEFLATE), read_disparity, True),
    "NPZ": (lambda: npy(np.savez), read_disparity, True),
    "NPZ, compressed": (lambda: npy(np.savez_compressed), read_disparity, True),
    "TIFF": (lambda: tiff(SMOOTH, NONE), read_image, False),
    "TIFF, LZW": (lambda: tiff(SMOOTH, LZW), read_image, False),
    "TIFF, PackBits": (lambda: tiff(SMOOTH, PACKED_BITS), read_image, False),
    "TIFF of 16 bits, LZW": (lambda: tiff(DEEP, LZW), read_image, False),
    "TIFF of floats, LZW": (lambda: tiff(MAP, LZW), read_disparity, False),
    "JPEG": (lambda: encoded(".jpg", SMOOTH), read_image, False),
    "WebP": (lambda: webp(80), read_image, False),
    "WebP, lossless": (lambda: webp(101), read_image, False),
    "BMP": (lambda: encoded(".bmp", SMOOTH), read_image, False),
    "PPM": (lambda: encoded(".ppm", SMOOTH), read_image, False),
    "PGM": (lambda: encoded(".pgm", GRAY), read_image, False),
    "PFM": (pfm, read_disparity, False),
    "NPY": (lambda: npy(np.save), read_disparity, False),
    "PLY": (ply, read_ply, False),
}


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(request.param)


def outcome(name: str, content: bytes) -> str:
    """`refused`, or the values that are read, as text."""
    suffix = {"NPZ": ".npz", "PFM": ".pfm", "NPY": ".npy"}.get(name.partition(",")[0], ".tiff")
    path = Path(f"file{suffix}")
    path.write_bytes(content)
    try:
        values = FORMATS[name][1](path)
    except FormatError:
        return "refused"
    arrays = values if isinstance(values, tuple) else (values,)
    return repr([None if array is None else array.tobytes() for array in arrays])


def test_a_file_that_is_cut_is_refused(name: str) -> None:
    content = FORMATS[name][0]()
    assert outcome(name, content) != "refused"
    lengths = [len(content) * part // 12 for part in range(12)] + [len(content) - 3]
    read = {length for length in lengths if outcome(name, content[:length]) != "refused"}
    assert not read


def test_damage_is_refused_or_changes_nothing_where_there_is_a_checksum(name: str) -> None:
    content = FORMATS[name][0]()
    good, other = outcome(name, content), 0
    for number in range(40):
        random, damaged = Random(number), bytearray(content)
        at = random.randrange(len(content) // 4, len(content) * 3 // 4)  # not in the headers
        match number % 4:
            case 0:
                damaged[at] ^= 1 << random.randrange(8)
            case 1:
                damaged[at : at + 20] = bytes(20)
            case 2:
                damaged[at : at + 20] = b"\xff" * 20
            case 3:
                damaged[at : at + 40] = random.randbytes(40)
        other += outcome(name, bytes(damaged)) not in ("refused", good)
    # The other formats show it, if at all, only where decoding breaks.
    assert (other == 0) == FORMATS[name][2]
