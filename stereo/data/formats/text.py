"""Text files of strangers: bounded, decoded whatever the editor that wrote them, and the numbers in them."""

import codecs
import math
import re
from pathlib import Path

from stereo.data.formats.containers import read_bytes
from stereo.data.formats.faults import AGAIN
from stereo.errors import FormatError

# A calibration has a few kB; with all corners of all its photographs some 100 kB.
MAX_TEXT_BYTES = 512 * 1024
# A list of a million pairs has some 200 MB.
MAX_LIST_BYTES = 256 << 20
# Letters of no text: all control characters but tab, line feed, form feed, carriage return and the like.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# What stands for bytes that are not UTF-8 in a text that was decoded with surrogateescape.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


def read_text(path: Path, example: str) -> str:
    """Return the text of a file of at most 512 kB: UTF-8, UTF-16 with its mark, or Latin-1; lines end with \\n.

    Raises: FormatError, which gives `example` as what was expected.
    """
    data = read_bytes(path, MAX_TEXT_BYTES)
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if _CONTROL.search(text):
        raise FormatError(f"{path}: is not a text file; expected lines such as '{example}'; {AGAIN}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode_list(data: bytes) -> str:
    """Return the text of a list of file names. Names need not be UTF-8: their other bytes stay as Python has them in
    paths, so that files of such names are found. Raises: ValueError for what is no text."""
    text = data.decode("utf-8-sig", "surrogateescape")
    if is_other_encoding(text) and _CONTROL.search(text):
        raise ValueError("control characters")
    return text


def is_other_encoding(text: str) -> bool:
    """Return whether a text of :func:`decode_list` has bytes that are not UTF-8."""
    return _NOT_UTF8.search(text) is not None


def parse_number(word: str) -> float:
    """Return the number that a word stands for, with a decimal point or comma; NaN for what is none."""
    word = word.strip()
    if _DECIMAL_COMMA.fullmatch(word):
        word = word.replace(",", ".")
    try:
        return float(word)
    except ValueError:
        return math.nan


def parse_numbers(text: str) -> list[float]:
    """Return the numbers that blanks or commas separate; NaN for what is none.

    Between digits, a comma is the decimal sign unless there are decimal points: 1,5 2,5 are two numbers, and so are
    1.5,2.5.
    """
    if "." in text:
        text = text.replace(",", " ")
    return [parse_number(word.rstrip(",")) for word in text.split()]
