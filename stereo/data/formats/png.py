"""The chunks of a PNG file, and whether the pixels that it stores are whole.

Each chunk has a checksum, which does not help where the damage came first. But the pixels are one zlib stream with a
checksum of its own and a length that follows from the header. libpng, within OpenCV, stops where the last row is full:
it warns of what is wrong behind that, and the picture stands.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from stereo.data.formats.deflate import fault_of_stream

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Deflate's densest code stands for 258 bytes in 2 bits, so a PNG cannot unpack to more than 1032 times its size.
PNG_MAX_RATIO = 1032
# The largest file has no more where each holds 4 kB.
_MOST_CHUNKS = 200_000
# What the decoder gets: the pixels, what they mean, and the EXIF orientation. The rest does not change them, and libpng
# prints what it thinks of color profiles; and of an animation OpenCV would give the first frame.
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row of each pass of an interlaced image, and the steps between them.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class Chunk(NamedTuple):
    """kind: four letters. begin, end: where it lies in the file: 4 bytes of length, kind, content, 4 of checksum."""

    kind: bytes
    begin: int
    end: int


class PngHeader(NamedTuple):
    """width, height: px. depth: bits of a sample. color: the kind. interlaced: in seven passes."""

    width: int
    height: int
    depth: int
    color: int
    interlaced: bool

    @property
    def unpacked(self) -> int:
        """The bytes of the rows, each with one that names its filter."""
        if not self.interlaced:
            return self._bytes(self.width, self.height)
        return sum(
            self._bytes(-(-(self.width - column) // across), -(-(self.height - row) // down))
            for column, row, across, down in _PASSES
        )

    def _bytes(self, width: int, height: int) -> int:
        return height * (1 + (width * _CHANNELS[self.color] * self.depth + 7) // 8) if width > 0 and height > 0 else 0


def read_chunks(data: bytes) -> list[Chunk]:
    """Return the chunks of a PNG file up to IEND, whose checksums are right.

    Raises: EOFError where the file ends before IEND; ValueError, the kind of the chunk, where its checksum is wrong.
    """
    view, position, chunks = memoryview(data), len(PNG_SIGNATURE), list[Chunk]()
    while not chunks or chunks[-1].kind != b"IEND":
        if position + 12 > len(data) or len(chunks) == _MOST_CHUNKS:
            raise EOFError
        end = position + 12 + int(struct.unpack_from(">I", data, position)[0])
        if end > len(data):
            raise EOFError
        kind = data[position + 4 : position + 8]
        if zlib.crc32(view[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise ValueError(kind)
        chunks.append(Chunk(kind, position, end))
        position = end
    return chunks


def read_png_header(data: bytes) -> PngHeader:
    """Return what the first chunk of a PNG file says. Raises: ValueError, struct.error where it is no header."""
    length, kind, width, height, depth, color, compression, filtering, interlacing = struct.unpack_from(
        ">I4sIIBBBBB", data, len(PNG_SIGNATURE)
    )
    known = depth in (1, 2, 4, 8, 16) and color in _CHANNELS and compression == filtering == 0 and interlacing <= 1
    if length != 13 or kind != b"IHDR" or not known:
        raise ValueError(kind)
    return PngHeader(width, height, depth, color, interlacing == 1)


def without_notes(data: bytes, chunks: Sequence[Chunk]) -> bytes:
    """Return a PNG file that has the pixels and what they mean alone."""
    if all(chunk.kind in _NEEDED for chunk in chunks):
        return data
    view = memoryview(data)
    return b"".join([PNG_SIGNATURE, *(view[chunk.begin : chunk.end] for chunk in chunks if chunk.kind in _NEEDED)])


def fault_of_pixels(data: bytes, chunks: Sequence[Chunk], expected: int) -> str | None:
    """Return what is wrong with the stored pixels, None if nothing is.

    Args:
        expected: The bytes that the header promises.
    """
    view = memoryview(data)
    pieces = (view[chunk.begin + 8 : chunk.end - 4] for chunk in chunks if chunk.kind == b"IDAT")
    return fault_of_stream(pieces, expected, expected)
