"""PNG files, made by hand, and damaged ones whose checksums are right."""

import struct
import zlib
from random import Random

import cv2
import numpy as np

IHDR = struct.Struct(">IIBBBBB")


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its length and its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_file(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def stored_rows(pixels: np.ndarray) -> bytes:
    """What IDAT holds of 8-bit pixels, without filters."""
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))


def encode_png(pixels: np.ndarray) -> bytes:
    """RGB or gray pixels as a PNG file with filters, as OpenCV writes it."""
    return bytes(cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1].tobytes())


def damaged(png: bytes, kind: str, random: Random) -> bytes:
    """The file of :func:`encode_png` after a mishap of the kind, which came before its checksums were made."""
    header, stream, position = list(IHDR.unpack_from(png, 16)), bytearray(), 8
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        if png[position + 4 : position + 8] == b"IDAT":
            stream += png[position + 8 : position + 8 + length]
        position += 12 + length
    at = random.randrange(len(stream))
    match kind:
        case "bit":
            stream[at] ^= 1 << random.randrange(8)
        case "bit at the end":
            stream[-1 - at % 60] ^= 1 << random.randrange(8)
        case "byte":
            stream[at] = random.randrange(256)
        case "zeros":
            stream[at : at + 50] = bytes(len(stream[at : at + 50]))
        case "bytes gone":
            del stream[at : at + random.choice((1, 4, 50))]
        case "bytes twice":
            stream[at:at] = stream[at : at + random.choice((1, 4, 50))]
        case "cut":
            del stream[at:]
        case "checksum":
            stream[-1 - at % 4] ^= 1 << random.randrange(8)
        case "no checksum":
            del stream[-4:]
        case "interlacing":
            header[6] ^= 1
        case "width" | "height":
            header[kind == "height"] += random.choice((-1, 1))
        case _:
            rows = bytearray(zlib.decompress(stream))
            row = len(rows) // header[1]
            match kind:
                case "filter":
                    rows[row * random.randrange(header[1])] = random.randrange(5, 256)
                case "rows short":
                    del rows[-random.randrange(1, 2 * row) :]
                case "rows long":
                    rows += bytes(random.choice((1, row, 10 * row)))
                case _:
                    raise ValueError(kind)
            stream = bytearray(zlib.compress(rows))
    size = random.choice((100, 1024, 1 << 20))
    pieces = [chunk(b"IDAT", bytes(stream[first : first + size])) for first in range(0, len(stream), size)]
    return png_file(chunk(b"IHDR", IHDR.pack(*header)), *pieces, chunk(b"IEND", b""))
