"""Damage as it comes about, and as an attacker would do it: from the bytes of one good file those of a bad one."""

import contextlib
import copy
import json
import struct
import zlib
from collections.abc import Sequence
from random import Random
from typing import Any

# What parsers stumble over, put in at random places.
TOKENS = [
    b"NaN",
    b"Infinity",
    b"-1",
    b"1e400",
    b"9" * 5000,
    b"null",
    b"${",
    b"${oc.env:HOME}",
    b"[" * 2000,
    b"{a: " * 2000,
    b"- " * 20_000,
    b"\0",
    b"\x1b[2J",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"../" * 8,
    b"/dev/zero",
    b"a" * 300,
    b"%n%s",
    b"!!python/object/apply:os.system",
    b"&a [*a, *a]",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
]


# What stands in the place of a value that a program wrote.
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    2**63,
    10**400,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../..",
    "a\0b",
    "\x1b[2J",
    "${oc.env:HOME}",
    "\ud800",
    "9" * 5000,
    [],
    {},
    [[]],
    [1] * 1000,
    {"a": {"b": None}},
]


def mutate(content: bytes, random: Random) -> bytes:
    """The content after one to four mishaps, of its bytes or, if it is JSON, of its values."""
    if random.random() < 0.5:
        with contextlib.suppress(ValueError):
            values = json.loads(content)
            for _ in range(random.choice((1, 1, 2))):
                values = mutate_values(values, random, VALUES)
            return json.dumps(values).encode()
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        # Most of what can go wrong lies at the beginning.
        end = len(data) if random.random() < 0.5 else min(len(data), 80)
        at = random.randrange(end + 1)
        match random.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << random.randrange(8)
            case 1 if at < len(data):
                data[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
            case 2:
                del data[at : at + random.choice((1, 4, 50, 5000))]
            case 3:
                data[at:at] = data[at : at + random.choice((1, 4, 50, 500))]
            case 4:
                data[at:at] = random.choice(TOKENS)
            case 5:
                del data[at:]
            case 6:
                token = random.choice(TOKENS)
                data[at : at + len(token)] = token
    if data.startswith(b"\x89PNG") and random.random() < 0.7:
        _set_checksums(data)
    return bytes(data)


def mutate_line(content: bytes, random: Random) -> bytes:
    """The content after mishaps to one of its lines."""
    lines = content.splitlines(keepends=True)
    place = random.randrange(len(lines))
    lines[place] = mutate(lines[place], random) + b"\n"
    return b"".join(lines)


def mutate_values(values: Any, random: Random, others: Sequence[Any]) -> Any:
    """Nested values of which one, somewhere, is another, gone, there twice or under another key."""
    if not isinstance(values, dict | list) or not values or random.random() < 0.15:
        return random.choice(others)
    values = copy.copy(values)
    key = random.choice(list(values) if isinstance(values, dict) else range(len(values)))
    match random.randrange(8):
        case 0:
            del values[key]
        case 1 if isinstance(values, dict):
            values[random.choice(["", "x", "model", "9" * 30])] = values.pop(key)
        case 2 if isinstance(values, list):
            values.append(values[key])
        case _:
            values[key] = mutate_values(values[key], random, others)
    return values


def _set_checksums(png: bytearray) -> None:
    """Let the checksums of a PNG file be right, so that more than these is tried."""
    position = 8
    while position + 12 <= len(png):
        end = position + 12 + struct.unpack_from(">I", png, position)[0]
        if end > len(png):
            return
        struct.pack_into(">I", png, end - 4, zlib.crc32(png[position + 4 : end - 4]))
        position = end
