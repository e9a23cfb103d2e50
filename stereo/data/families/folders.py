"""Finding what a data set's folders hold, and saying what they lack."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

from stereo.data.formats import IMAGE_SUFFIXES
from stereo.data.hidden import is_hidden
from stereo.data.missing import Missing
from stereo.data.pairs import PairFiles
from stereo.errors import DataError

# What collects folders that cannot be listed, and why; None where each of them is an error.
_closed: ContextVar[dict[Path, str] | None] = ContextVar("closed", default=None)


class NothingFound(DataError):
    """A folder does not hold a single pair of the data set."""


def folder_name(folder: Path) -> str:
    """Return the folder's own name, for `.` and `..` too."""
    return os.path.basename(os.path.abspath(folder))


def require_folder(path: str | Path, family: str) -> Path:
    """Return the folder of a data set. Raises: DataError if there is none."""
    path = Path(path)
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            return path
        found = "it is a file"
    except FileNotFoundError:
        found = "there is nothing there"
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        found = str(getattr(error, "strerror", None) or error)
    raise DataError(
        f"{path}: expected the folder of the data set {family}, but {found}; check the path (data/README.md "
        "shows the layout)"
    )


def with_problem(pair: PairFiles) -> PairFiles:
    """Return the pair; where a file of it does not exist, with that as its `problem`.

    The left view is there: it is what pairs are found by.
    """
    files = {
        "the right view": pair.right,
        "the disparity": pair.disparity,
        "the disparity of unoccluded pixels": pair.visible_disparity,
        "the map of moving objects": pair.object_map,
    }
    for what, path in files.items():
        if path is not None and not os.path.isfile(path):
            return replace(pair, problem=Missing(path, pair.left, what))
    return pair


def no_partner(path: Path, of: Path, what: str) -> str:
    """Return the message for a file `path` that should belong to `of` and does not exist. what: it, in words."""
    return str(Missing(path, of, what))


def nothing_found(folder: Path, family: str, expected: str, found: Sequence[str] = ()) -> NothingFound:
    """Return the error for a folder without a single pair.

    Args:
        expected: What was looked for.
        found: What is there instead. Empty: the folder's entries.
    """
    names = list(found) or [name + "/" * os.path.isdir(folder / name) for name in _visible_names(folder)]
    shown = ", ".join(names[:8]) + (f" … ({len(names)} entries)" if len(names) > 8 else "")
    return NothingFound(
        f"{folder}: no pair of {family} found; looked for {expected}; found {shown or 'an empty folder'}; "
        "check the path (data/README.md shows the layout)"
    )


def other_names(folder: Path, family: str, example: str) -> DataError | None:
    """Return the error for a folder of images of which none is named like `example`; None where there is no image."""
    images = [name for name in _visible_names(folder) if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        return None
    return DataError(
        f"{folder}: no pair of {family} found: it holds {len(images):,} image{'s' * (len(images) > 1)}, "
        f"such as {images[0]}, and none has a name of the form {example}; for files of "
        "other names write a list of left,right,disparity, a pair on each line, and give pairs:LIST"
    )


def truth_is_withheld(folder: Path, family: str) -> DataError:
    """Return the error for the folder of a test half where one with ground truth is expected."""
    return DataError(
        f"{folder}: is the test half of {family}, whose ground truth is withheld; scripts/submit.py predicts its pairs "
        "for the benchmark's server, and scripts/show_dataset.py with half=testing shows them"
    )


def first_file(folder: Path, names: Sequence[str]) -> Path | None:
    """Return the first of the names that is a file in the folder; None if none is."""
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def names_in(folder: str | Path) -> list[str]:
    """Return the names of what lies in a folder, in no order; nothing where there is no folder.

    Raises: DataError if it cannot be listed.
    """
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        _refuse_or_pass_over(folder, error)
        return []


def _visible_names(folder: Path) -> list[str]:
    return sorted(name for name in names_in(folder) if not is_hidden(name))


def walk_folders(root: Path, depth: int) -> Iterator[Path]:
    """Yield the folder and all folders down to `depth` below it, through links too, each after its parent, by name.

    Raises: DataError for a folder that cannot be listed.
    """
    yield root
    if depth > 0:
        for name in subfolders(root):
            yield from walk_folders(root / name, depth - 1)


def subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, and of links to folders, sorted, without hidden ones.

    Raises: DataError if it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not is_hidden(entry.name) and entry.is_dir())
    except OSError as error:
        _refuse_or_pass_over(folder, error)
        return []


@contextmanager
def closed_folders_passed_over() -> Iterator[dict[Path, str]]:
    """Take folders that cannot be listed for empty ones, and collect them in what is yielded, with what is wrong."""
    closed: dict[Path, str] = {}
    token = _closed.set(closed)
    try:
        yield closed
    finally:
        _closed.reset(token)


def _refuse_or_pass_over(folder: str | Path, error: OSError) -> None:
    message = f"{folder}: cannot be listed: {error.strerror}; check that you may read it"
    closed = _closed.get()
    if closed is None:
        raise DataError(message) from None
    closed[Path(folder)] = message
