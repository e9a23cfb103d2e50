"""TIFF files, made by hand."""

import struct
from collections.abc import Mapping, Sequence


def tiff_file(parts: Sequence[bytes], width: int, height: int, **others: Sequence[int]) -> bytes:
    """A little-endian TIFF of one gray channel of 8 bits, in these strips of `rows` rows.

    Args:
        others: Fields of other values than that: bits, compression, rows, samples …
    """
    offsets = [8 + sum(map(len, parts[:number])) for number in range(len(parts))]
    fields: dict[str, Sequence[int]] = {
        "width": [width],
        "height": [height],
        "bits": [8],
        "compression": [1],
        "color": [1],  # black is 0
        "offsets": offsets,
        "samples": [1],
        "rows": [height],
        "lengths": [len(part) for part in parts],
    } | dict(others)
    begin = 8 + sum(map(len, parts))
    return b"II*\0" + struct.pack("<I", begin) + b"".join(parts) + _directory(fields, begin)


_TAGS = {
    "width": 256,
    "height": 257,
    "bits": 258,
    "compression": 259,
    "color": 262,
    "offsets": 273,
    "samples": 277,
    "rows": 278,
    "lengths": 279,
    "tile_width": 322,
    "tile_height": 323,
    "tile_offsets": 324,
    "tile_lengths": 325,
    "kind": 339,  # of a sample: 3 is a float
}


def _directory(fields: Mapping[str, Sequence[int]], begin: int) -> bytes:
    fields = {name: values for name, values in fields.items() if values}
    entries, more = b"", b""
    for name in sorted(fields, key=_TAGS.__getitem__):
        values = fields[name]
        content = struct.pack(f"<{len(values)}I", *values)
        if len(content) > 4:
            content, more = struct.pack("<I", begin + 6 + 12 * len(fields) + len(more)), more + content
        entries += struct.pack("<HHI", _TAGS[name], 4, len(values)) + content
    return struct.pack("<H", len(fields)) + entries + bytes(4) + more
