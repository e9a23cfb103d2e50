"""Whether a zlib stream, as PNG and TIFF pack their pixels in, is whole.

It ends with a checksum of what it unpacks to, and its decoders stop before that, where the last row is full.
"""

import zlib
from collections.abc import Iterable

_BYTES_AT_A_TIME = 1 << 20


def fault_of_stream(pieces: Iterable[memoryview], least: int, most: int) -> str | None:
    """Return what is wrong with a zlib stream, None if nothing is. It takes about half as long as decoding an image.

    Args:
        pieces: The stream, in pieces of any length. What follows its end is passed over.
        least, most: The bytes that it may unpack to.
    """
    stream, length = zlib.decompressobj(), 0
    try:
        for piece in pieces:
            rest: memoryview | bytes = piece
            while rest and not stream.eof and length <= most:
                length += len(stream.decompress(rest, _BYTES_AT_A_TIME))
                rest = stream.unconsumed_tail
    except zlib.error as error:
        return str(error).rpartition(": ")[2]  # without its number
    if length > most:
        return f"more than the {most} bytes of the header's size"
    if length < least:
        return f"{length} instead of the {least} bytes of the header's size"
    return None if stream.eof else "its checksum is missing"
