"""Read files that may be missing, unreadable, endless, or larger than any of their kind is.

`Path.exists`, `is_file` and `is_dir` raise for a name that is too long and in a folder without rights. In this project
`os.path.exists`, `isfile` and `isdir` stand in their place, for which such a file is not there.
"""

import io
import os
import stat
from pathlib import Path

from stereo.errors import FormatError

# Where Windows has no such flag, it has no such pipes in its folders either.
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Some 200,000 records, for which zipfile takes 100 MB.
_MOST_AT_ONCE = 16 << 20
# What zipfile searches for the place of the directory: a comment of 64 kB, and 22 bytes.
_LONGEST_END = (1 << 16) + 22


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


class ArchiveReader(io.BufferedReader):
    """A zip archive for zipfile, which reads the directory of an archive at once, however large it says that it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as files do. Raises: ValueError where more is asked for than the directory of an honest archive has."""
        if size is not None and size > _MOST_AT_ONCE:
            raise ValueError(f"its directory has {size:,} bytes; expected {_MOST_AT_ONCE:,} at most")
        return super().read(_LONGEST_END if size is None or size < 0 else size)


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
