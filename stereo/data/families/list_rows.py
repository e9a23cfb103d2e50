"""The rows of a list file: what its lines say, column by column."""

import csv
from collections.abc import Iterator
from pathlib import Path

from stereo.data.formats.text import MAX_LIST_BYTES, decode_list
from stereo.errors import DataError
from stereo.files import read_file

COLUMNS = ("left", "right", "disparity", "mask", "scale")
# The order without a header; a bare number at the end would be too easily misread, so `scale` takes a header.
_WITHOUT_HEADER = COLUMNS[:4]
EXAMPLE = "expected left, right[, disparity[, mask]]"


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line that names a pair, from 1 on, and its cells by column, "" where it has none.

    Raises: DataError that names the file and the line if a line is not understood.
    """
    columns: tuple[str, ...] | None = None
    for number, line in enumerate(_read_lines(path), start=1):
        where = f"{path}:{number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = _split(line, where)
        if columns is None:
            columns = _header(cells, where)
            if columns is not None:
                continue
            columns = _WITHOUT_HEADER
        yield number, _row(cells, columns, where)


def _read_lines(path: Path) -> list[str]:
    data = read_file(path, MAX_LIST_BYTES)
    try:
        text = decode_list(data).replace("\r\n", "\n").replace("\r", "\n")
    except ValueError:
        raise DataError(f"{path}: is not a text file; {EXAMPLE} on each line") from None
    # Not splitlines, which also breaks at characters that a file name may hold.
    return text.split("\n")


def _split(line: str, where: str) -> list[str]:
    if "," not in line:
        return line.split()
    try:
        (cells,) = csv.reader([line.strip()], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise DataError(f"{where}: is not a line of CSV ({error}); {EXAMPLE}") from None
    return [cell.strip() for cell in cells]


def _header(cells: list[str], where: str) -> tuple[str, ...] | None:
    """Return the columns that the first line names; None if it is a pair."""
    columns = tuple(cell.lower() for cell in cells)
    if not {"left", "right"} & set(columns):
        return None
    if not {"left", "right"} <= set(columns) <= set(COLUMNS) or len(set(columns)) < len(columns):
        raise DataError(
            f"{where}: the header names the columns {', '.join(cells)}; expected left and right, and of "
            "disparity, mask and scale what there is, each once"
        )
    return columns


def _row(cells: list[str], columns: tuple[str, ...], where: str) -> dict[str, str]:
    if len(cells) > len(columns):
        raise DataError(
            f"{where}: has {len(cells)} cells, expected {len(columns)} at most ({', '.join(columns)}); put a"
            " path with a comma or blank in quotes and separate by commas; further columns take a header "
            "line"
        )
    row = dict.fromkeys(COLUMNS, "") | dict(zip(columns, cells, strict=False))
    for column in ("left", "right"):
        if not row[column]:
            raise DataError(f"{where}: has no {column} image; {EXAMPLE}")
    for column in ("mask", "scale"):
        if row[column] and not row["disparity"]:
            raise DataError(f"{where}: has a {column} but no disparity that it belongs to; give both or neither")
    return row
