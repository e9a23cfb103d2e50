"""Pairs of any origin, named one a line in a list file.

    left,right,disparity,mask        optional; then the columns may come in any order, and `scale` is one more
    scene1/left.png,scene1/right.png,scene1/disparity.pfm

Cells are separated by commas (and quoted as in CSV where needed) or by blanks. Paths are relative to the list
file.
"""

import csv
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from stereo.data.pairs import PairDataset, PairFiles
from stereo.errors import DataError

COLUMNS = ("left", "right", "disparity", "mask", "scale")
# The order without a header; a bare number at the end would be too easily misread, so `scale` takes a header.
_WITHOUT_HEADER = COLUMNS[:4]
_EXAMPLE = "expected left, right[, disparity[, mask]]"
# Characters of a list file: some 500,000 pairs.
_LONGEST = 100_000_000


class PairList(PairDataset):
    """The pairs of a list file, in its order.

    Columns: left and right, images; disparity, of the left view (empty: no ground truth); mask, an image that
    is not 0 where the disparity may be used; scale, stored units in one px, which an 8-bit disparity map
    needs. Blank lines and lines that begin with # are skipped.

    Args:
        path: The list file, UTF-8.
        check_views: See :class:`PairDataset`.

    A pair of which a file does not exist is incomplete: see :class:`PairDataset`.

    Raises: DataError that names the file and the line if a line is not understood.
    """

    def __init__(self, path: str | Path, check_views: bool = True) -> None:
        path = Path(path)
        pairs: list[PairFiles] = []
        columns: tuple[str, ...] | None = None
        names: set[str] = set()
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
            pair = _parse(cells, columns, path.parent, where)
            if pair.name in names:
                pair = replace(pair, name=f"{pair.name}#{number}")
            names.add(pair.name)
            pairs.append(pair)
        if not pairs:
            raise DataError(f"{path}: names no pair; {_EXAMPLE} on each line, paths relative to the list file")
        super().__init__(pairs, check_views)


def _read_lines(path: Path) -> list[str]:
    try:
        if path.is_dir():
            raise DataError(f"{path}: is a folder; expected a list file that names a pair on each line")
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LONGEST + 1)  # a device may be endless
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not a text file in UTF-8; {_EXAMPLE} on each line") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: the list file cannot be read: {reason}; check the path") from None
    if len(text) > _LONGEST:
        raise DataError(f"{path}: is longer than {_LONGEST:,} characters; divide the list")
    # Not splitlines, which also breaks at characters that a file name may hold.
    return text.split("\n")


def _split(line: str, where: str) -> list[str]:
    if "," not in line:
        return line.split()
    try:
        (cells,) = csv.reader([line.strip()], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise DataError(f"{where}: is not a line of CSV ({error}); {_EXAMPLE}") from None
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


def _parse(cells: list[str], columns: tuple[str, ...], folder: Path, where: str) -> PairFiles:
    if len(cells) > len(columns):
        raise DataError(
            f"{where}: has {len(cells)} cells, expected {len(columns)} at most ({', '.join(columns)}); put a"
            " path with a comma or blank in quotes and separate by commas; further columns take a header "
            "line"
        )
    row = dict.fromkeys(COLUMNS, "") | dict(zip(columns, cells, strict=False))
    for column in ("left", "right"):
        if not row[column]:
            raise DataError(f"{where}: has no {column} image; {_EXAMPLE}")
    for column in ("mask", "scale"):
        if row[column] and not row["disparity"]:
            raise DataError(f"{where}: has a {column} but no disparity that it belongs to; give both or neither")
    files: dict[str, Path | None] = {}
    problems: list[str] = []
    for column in ("left", "right", "disparity", "mask"):
        path = folder / os.path.expanduser(row[column])
        files[column] = path if row[column] else None
        problems += _problem(path, column, where) if row[column] else []
    scale = None
    if row["scale"]:
        try:
            scale = float(row["scale"])
        except ValueError:
            scale = 0.0
        if not 1e-6 <= scale <= 1e6:
            raise DataError(
                f"{where}: the scale is '{row['scale']}'; expected a number above 0: stored units in one px"
            )
    left, right = files["left"], files["right"]
    assert left is not None
    assert right is not None
    parts = PurePosixPath(row["left"].replace("\\", "/")).with_suffix("").parts
    name = "/".join(["pairs", *(part for part in parts if part not in ("/", "..", "."))])
    return PairFiles(
        name,
        left,
        right,
        files["disparity"],
        mask=files["mask"],
        disparity_scale=scale,
        problem=problems[0] if problems else None,
    )


def _problem(path: Path, column: str, where: str) -> list[str]:
    """Return what is wrong with a file of a line; nothing if it is there."""
    try:
        if path.is_file():
            return []
        found = "is not a file" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        found = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return [f"{where}: the {column} file {path} {found}; check the line (paths are relative to the list file)"]
