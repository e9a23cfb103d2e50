"""Pairs of any origin, named one a line in a list file.

    left,right,disparity,mask        optional; then the columns may come in any order, and `scale` is one more
    scene1/left.png,scene1/right.png,scene1/disparity.pfm

Cells are separated by commas (and quoted as in CSV where needed) or by blanks. Paths are relative to the list file, or
to a folder that is given. Backslashes, as Windows has them, count as slashes where there is no file of such a name.
"""

import os
from dataclasses import replace
from pathlib import Path

from stereo.data.families.folders import require_folder
from stereo.data.families.list_rows import EXAMPLE, read_rows
from stereo.data.formats.faults import quote
from stereo.data.formats.text import is_other_encoding
from stereo.data.pairs import PairDataset, PairFiles
from stereo.errors import DataError


class PairList(PairDataset):
    """The pairs of a list file, in its order.

    Columns: left and right, images; disparity, of the left view (empty: no ground truth); mask, an image that
    is not 0 where the disparity may be used; scale, stored units in one px, which an 8-bit disparity map
    needs. Blank lines and lines that begin with # are skipped.

    Args:
        path: The list file, UTF-8, or in the encoding that the files' names have on the disk.
        check_views: See :class:`PairDataset`.
        root: The folder that paths are relative to. None: that of the list file.

    A pair of which a file does not exist is incomplete: see :class:`PairDataset`.

    Raises: DataError that names the file and the line if a line is not understood.
    """

    def __init__(self, path: str | Path, check_views: bool = True, root: str | Path | None = None) -> None:
        path = Path(path)
        folder = path.parent if root is None else require_folder(root, "pairs (root)")
        pairs: list[PairFiles] = []
        names: set[str] = set()
        for number, row in read_rows(path):
            pair = _pair(row, folder, f"{path}:{number}")
            if pair.name in names:
                pair = replace(pair, name=f"{pair.name}#{number}")
            names.add(pair.name)
            pairs.append(pair)
        if not pairs:
            raise DataError(f"{path}: names no pair; {EXAMPLE} on each line, paths relative to the list file")
        wrong = next((pair for pair in pairs if pair.problem is not None and is_other_encoding(str(pair.left))), None)
        if wrong is not None:
            raise DataError(
                f"{path}: is not a text file in UTF-8, and there is no file of the name that it gives as "
                f"{quote(wrong.left.name)}; save the list as UTF-8"
            )
        super().__init__(pairs, check_views)


def _pair(row: dict[str, str], folder: Path, where: str) -> PairFiles:
    files: dict[str, Path] = {}
    problem: str | None = None
    for column in ("left", "right", "disparity", "mask"):
        if row[column]:
            path = _find(folder, row[column])
            files[column] = Path(path)
            problem = problem or _problem(path, column, where)
    parts = os.path.splitext(row["left"].replace("\\", "/"))[0].split("/")
    return PairFiles(
        "/".join(["pairs", *(part for part in parts if part not in ("", "..", "."))]),
        files["left"],
        files["right"],
        files.get("disparity"),
        mask=files.get("mask"),
        disparity_scale=_scale(row["scale"], where) if row["scale"] else None,
        problem=problem,
    )


def _scale(text: str, where: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 1e-6 <= scale <= 1e6:
        raise DataError(f"{where}: the scale is '{text}'; expected a number above 0: stored units in one px")
    return scale


def _find(folder: Path, text: str) -> str:
    path = os.path.join(folder, os.path.expanduser(text))
    if "\\" in text and not os.path.exists(path):
        return os.path.join(folder, os.path.expanduser(text.replace("\\", "/")))
    return path


def _problem(path: str, column: str, where: str) -> str | None:
    """Return what is wrong with a file of a line; None if it is there."""
    if os.path.isfile(path):
        return None
    try:
        os.stat(path)
        found = "is not a file"
    except (FileNotFoundError, NotADirectoryError):
        found = "does not exist"
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        found = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return (
        f"{where}: the {column} file {Path(path)} {found}; check the line (paths are relative to the list file; "
        "root=FOLDER names another folder)"
    )
