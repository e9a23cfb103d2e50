"""Read files that may be missing, unreadable, endless, or larger than any of their kind is.

`Path.exists`, `is_file` and `is_dir` raise for a name that is too long and in a folder without rights. In this project
`os.path.exists`, `isfile` and `isdir` stand in their place, for which such a file is not there.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from stereo.errors import FormatError

# Where Windows has no such flag, it has no such pipes in its folders either.
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# What each entry in the directory of a zip archive begins with.
_RECORD = b"PK\x01\x02"


def refusal(path: str | Path) -> str | None:
    """Return why the system does not say whether there is such a file, as for want of rights; None where it does."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL character in the path
        return None
    except OSError as error:
        return error.strerror
    return None


def is_closed(folder: str | Path) -> bool:
    """Return whether a folder is there, and you may not list it, or not open what it holds."""
    return os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)


def check_records(archive: BinaryIO, most: int) -> None:
    """Raise ValueError where a zip archive lists more than `most` records: each takes some 600 bytes of memory."""
    count, end = 0, b""
    while piece := archive.read(1 << 20):
        count += (end + piece).count(_RECORD)
        end = piece[1 - len(_RECORD) :]
    if count > most:
        raise ValueError(f"it lists {count:,} records; expected {most:,} at most")


def read_file(path: str | Path, most: int) -> bytes:
    """Return the content of an ordinary file of at most `most` bytes; memory is taken only for one that fits.

    Raises: FormatError, for a pipe or a device as well, at once.
    """
    try:
        handle = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)  # a pipe would let us wait for ever
        try:
            status = os.fstat(handle)
            if stat.S_ISDIR(status.st_mode):
                raise FormatError(f"{path}: is a folder; expected a file")
            if not stat.S_ISREG(status.st_mode):
                raise FormatError(f"{path}: is not an ordinary file")
            if status.st_size > most:
                raise FormatError(f"{path}: has {status.st_size:,} bytes; expected {most:,} at most for such a file")
            with open(handle, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"{path}: cannot be read: {reason}; check the path and that you may read it") from None
