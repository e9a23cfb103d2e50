"""What a stranger may send: images, calibration files and options that are broken, or meant to break something."""

import io
import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from helpers.calibrations import EXAMPLES

Rng = np.random.Generator
# Names that are a trick somewhere: paths, shells, formats, terminals, texts that turn around.
NAMES = ["..", "a b", "$(id)", ";id", "%s%n", "-o", "é", "🙂", "\u202egnp", "<b>", "a\nb", "\x1b[2J", "x" * 120]
_SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "ppm": ".ppm"}


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file, its checksum right."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(header: bytes, *chunks: bytes) -> bytes:
    """Return a PNG file of a header's 13 bytes and further chunks."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def header(width: int, height: int, depth: int = 8, kind: int = 0, interlaced: int = 0) -> bytes:
    """Return the content of a PNG's header."""
    return struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)


def hostile_images(image: NDArray[np.uint8], count: int, seed: int = 0) -> Iterator[tuple[str, bytes, str]]:
    """Yield kinds of harm, files, and suffixes: `count` of them, first those made by hand, then mutilated ones.

    Args:
        image: RGB [H, W, 3], what they are made of.
    """
    encoded = {name: _encoded(image, suffix) for name, suffix in _SUFFIXES.items()}
    rng = np.random.default_rng(seed)
    made = list(_made_by_hand(encoded))
    yield from made[:count]
    mutilations = list(MUTILATIONS.items())
    for number in range(count - len(made)):
        kind, mutilate = mutilations[number % len(mutilations)]
        name = list(encoded)[number // len(mutilations) % len(encoded)]
        yield f"{name}, {kind}", mutilate(rng, encoded[name]), _SUFFIXES[name]


def hostile_calibrations(count: int, seed: int = 0) -> Iterator[tuple[str, list[bytes]]]:
    """Yield kinds of harm, and one file or two each: mutilated ones of every form."""
    rng = np.random.default_rng(seed)
    forms = list(EXAMPLES.items())
    for number in range(count):
        name, (_, files) = forms[number % len(forms)]
        kind, mutilate = list(TEXT_MUTILATIONS.items())[number // len(forms) % len(TEXT_MUTILATIONS)]
        yield f"{name}, {kind}", [mutilate(rng, text.encode()) for text in files.values()][:2]


def _encoded(image: NDArray[np.uint8], suffix: str) -> bytes:
    return cv2.imencode(suffix, image[..., ::-1])[1].tobytes()


def _saved(image: PilImage.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _truncate(rng: Rng, data: bytes) -> bytes:
    return data[: int(rng.integers(len(data)))]


def _flip(rng: Rng, data: bytes, first: int, count: int) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, min(first, len(changed)), count):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _splice(rng: Rng, data: bytes) -> bytes:
    """Put a part of the file into another place."""
    start, stop, place = sorted(rng.integers(0, len(data), 3).tolist())
    return data[:start] + data[stop:place] + data[start:stop] + data[place:]


MUTILATIONS = {
    "truncated": _truncate,
    "bits flipped": lambda rng, data: _flip(rng, data, len(data), 8),
    "head flipped": lambda rng, data: _flip(rng, data, 60, 4),
    "spliced": _splice,
    "noise after": lambda rng, data: data + rng.bytes(500),
    "markup before": lambda rng, data: b"<?xml version='1.0'?><svg onload='alert(1)'/>" + data,
    "noise": lambda rng, data: rng.bytes(int(rng.integers(1, 3000))),
    "a part is noise": lambda rng, data: data[: len(data) // 2] + rng.bytes(len(data) // 2),
}
_NUMBERS = [*b"nan inf -1 0 1e308 1e-308 null [] {} *a !!python/object:os.system".split(), b"9" * 400]


def _replace_number(rng: Rng, data: bytes) -> bytes:
    """Put something else in the place of a number."""
    words = data.split(b" ")
    places = [place for place, word in enumerate(words) if word[:1].isdigit()] or [0]
    words[int(rng.choice(places))] = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
    return b" ".join(words)


TEXT_MUTILATIONS = {
    "truncated": _truncate,
    "bits flipped": lambda rng, data: _flip(rng, data, len(data), 3),
    "a number replaced": _replace_number,
    "numbers replaced": lambda rng, data: _replace_number(rng, _replace_number(rng, data)),
    "lines repeated": lambda rng, data: data * int(rng.integers(2, 40)),
    "NUL within": lambda rng, data: data[: len(data) // 2] + b"\0" * 100 + data[len(data) // 2 :],
    "two bytes a letter": lambda rng, data: data.decode().encode("utf-16"),
    "spliced": _splice,
}


def _made_by_hand(encoded: dict[str, bytes]) -> Iterator[tuple[str, bytes, str]]:
    png, jpeg, webp = encoded["png"], encoded["jpeg"], encoded["webp"]
    gray = PilImage.new("L", (70, 40), 9)
    flat = zlib.compress(bytes(9000 * 9001), 9)
    text_bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9))
    profile_bomb = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(50_000_000), 9))
    data = chunk(b"IDAT", zlib.compress(bytes(40 * 71)))
    yield "nothing", b"", ".png"
    yield "a NUL", b"\0", ".png"
    yield "a signature alone", png[:8], ".png"
    yield "a bomb of pixels", png_of(header(9000, 9000), chunk(b"IDAT", flat)), ".png"
    yield "a head of 2^31 px", png_of(header(2**31 - 1, 2**31 - 1), data), ".png"
    yield "a head of 0 px", png_of(header(0, 40), data), ".png"
    yield "a wide head", png_of(header(10_000_000, 1), data), ".png"
    yield "a palette without one", png_of(header(70, 40, 8, 3), data), ".png"
    yield "an unknown depth", png_of(header(70, 40, 7), data), ".png"
    yield "an unknown color", png_of(header(70, 40, 8, 5), data), ".png"
    yield "interlaced, too little", png_of(header(70, 40, 8, 2, 1), data), ".png"
    yield "no pixels", png_of(header(70, 40)), ".png"
    yield "pixels twice", png_of(header(70, 40), data, data), ".png"
    yield "a bomb of text", png_of(header(70, 40), text_bomb, data), ".png"
    yield "a bomb of a profile", png_of(header(70, 40), profile_bomb, data), ".png"
    yield "many chunks", png_of(header(70, 40), *[chunk(b"tEXt", b"a\0b")] * 20_000, data), ".png"
    yield "a chunk of 4 GB", png[:33] + struct.pack(">I", 2**32 - 1) + b"IDAT" + png[41:], ".png"
    yield "moving", png_of(header(70, 40), chunk(b"acTL", struct.pack(">II", 2**31, 0)), data), ".png"
    yield "a JPEG of 65,535 px", jpeg.replace(struct.pack(">HH", 40, 70), b"\xff\xff\xff\xff", 1), ".jpg"
    yield "a JPEG of 0 rows", jpeg.replace(struct.pack(">HH", 40, 70), b"\0\0\0F", 1), ".jpg"
    yield "a JPEG of markers", b"\xff\xd8" + b"\xff\xe0\0\2" * 50_000 + b"\xff\xd9", ".jpg"
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01"  # one entry, and where the next ones begin
    yield "a loop of EXIF", _saved(gray, "JPEG", exif=exif + b"\xff" * 12 + b"\0\0\0\x08"), ".jpg"
    yield "CMYK", _saved(gray.convert("CMYK"), "JPEG"), ".jpg"
    yield "turned", _saved(gray, "JPEG", exif=exif + b"\x01\x12\0\x03\0\0\0\x01\0\x09" + bytes(6)), ".jpg"
    yield "a WebP of 16,383 px", webp[:24] + b"\xff\xff\xff\xff" + webp[28:], ".webp"
    yield "a RIFF of sound", b"RIFF\x24\0\0\0WAVEfmt " + bytes(64), ".webp"
    yield "a PPM of 10^9 px", b"P6 1000000000 1000000000 255\n" + bytes(100), ".ppm"
    yield "a PPM of many digits", b"P6 " + b"9" * 100_000 + b" 1 255\n", ".ppm"
    yield "a PPM of comments", b"P6\n" + b"#\n" * 100_000 + b"70 40 255\n", ".ppm"
    yield "a negative PPM", b"P6 -70 -40 255\n" + bytes(8400), ".ppm"
    yield "a PPM whose most is 0", b"P6 70 40 0\n" + bytes(8400), ".ppm"
    yield "a PPM in letters", b"P3 70 40 255\n" + b"999 " * 8400, ".ppm"
    for kind in ("GIF", "BMP", "TIFF", "ICO", "TGA", "PCX"):
        yield kind, _saved(gray, kind), ".png"
    yield "a TIFF of many pages", _saved(gray, "TIFF", save_all=True, append_images=[gray] * 50), ".png"
    yield "depths", _saved(PilImage.new("I;16", (70, 40), 500), "PNG"), ".png"
    yield "real numbers", _saved(PilImage.new("F", (70, 40), 0.5), "TIFF"), ".png"
    for kind, start in MAGIC.items():
        yield kind, start + bytes(200), ".png"
        yield f"{kind}, then a picture", start + png, ".png"
        yield f"a picture, then {kind}", png + start, ".png"


# What other files begin with.
MAGIC = {
    "a PDF": b"%PDF-1.7\n",
    "a ZIP": b"PK\3\4\x14\0\0\0\x08\0",
    "a program": b"\x7fELF\2\1\1\0",
    "a script": b"#!/bin/sh\nid\n",
    "HTML": b"<html><script>alert(1)</script>",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "PostScript": b"%!PS-Adobe-3.0\n",
    "a pickle": b"\x80\4\x95\x1f\0\0\0\0\0\0\0\x8c\5posix\x8c\6system\x93\x8c\2id\x85R.",
    "XML": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3",
    "EXR": b"v/1\1\2\0\0\0",
    "HDF5": b"\x89HDF\r\n\x1a\n",
}
