"""Write files whole or not at all, below names that lead nowhere else."""

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stereo.errors import ForbiddenError, OutputError
from stereo.locks import hold_lock, release_lock, try_lock

# How `atomic_output` names a temporary file.
_TEMPORARY = re.compile(r"\.\w{8}\.part(\.\w+)?")
_YOUNG_SECONDS = 1


@contextmanager
def atomic_output(path: str | Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; it replaces `path` only when the block has succeeded.

    The temporary name keeps the suffix, since some writers choose the format by it. Nothing is left behind on failure;
    what a killed process leaves, `sweep_temporary_files` removes.

    Args:
        durable: Wait until the disk has the file, so that not even a power failure leaves half of it.

    Raises: OutputError for any OSError of the block or of the replacement, and for a NUL in the path, naming `path`.
    """
    path = Path(path)
    handle: int | None = None
    temporary: Path | None = None
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r}: cannot be written: no path holds a NUL character")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f".part{path.suffix}")
        hold_lock(handle)  # says that the file has an owner, as long as this process lives
        temporary = Path(name)
        yield temporary
        if durable:
            _to_disk(temporary)
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes files private; the result is an ordinary file
        temporary.replace(path)
        if durable:
            _to_disk(path.parent)
    except OSError as error:
        raise _kind(error)(
            f"{path}: cannot be written: {error.strerror or error}; check that its folder exists and that you may "
            "write there"
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if handle is not None:
            release_lock(handle)


def sweep_temporary_files(folder: Path) -> list[Path]:
    """Remove the temporary files of `atomic_output` whose process has ended, and return their paths."""
    swept = []
    for path in sorted(folder.glob(".*.part*")):
        if not _TEMPORARY.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError), path.open("rb") as file:
            status = os.fstat(file.fileno())
            # One that is empty and young may be of a process that is about to lock it.
            if (status.st_size or time.time() - status.st_mtime > _YOUNG_SECONDS) and try_lock(file.fileno()):
                path.unlink()
                swept.append(path)
    return swept


def _kind(error: Exception) -> type[OutputError]:
    return ForbiddenError if isinstance(error, PermissionError) else OutputError


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_output_folder(path: str | Path) -> Path:
    """Create a folder for results, prove that it can be written to, and return its path.

    What killed processes left half written in it is removed. A shell leaves the ~ of `--output=~/results` as it is, so
    it is expanded here.

    Raises: OutputError if it exists as a file, cannot be created or cannot be written to.
    """
    path = Path(os.path.expanduser(path))
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
        sweep_temporary_files(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error  # ValueError: a NUL character in the path
        if isinstance(error, FileExistsError):
            what = "a link to what is not there" if os.path.islink(error.filename) else "a file"
            reason = f"{error.filename} is {what}"
        raise _kind(error)(
            f"{path}: cannot be used as an output folder: {reason}; name a folder you may write to"
        ) from None
    return path


# What no name may hold: separators, what Windows refuses, what commands a terminal, and halves of characters.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udc7f\udd00-\udfff/\\:*?"<>|]+')
# Devices of Windows, whatever ending follows.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
# Bytes. Endings follow, and file systems take 255.
_LONGEST_NAME = 200


def safe_name(name: str) -> str:
    """Return a name as that of one file or folder: never a path, `.` or `..`; most names stay as they are.

    Where it is too long for a file, its beginning is left, with a mark of the whole.
    """
    name = _UNSAFE.sub("_", name)
    if not name.strip("."):
        name = "_" * max(len(name), 1)
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    encoded = os.fsencode(name)
    if len(encoded) > _LONGEST_NAME:
        beginning = encoded[: _LONGEST_NAME - 9].decode("utf-8", "ignore").rstrip()
        name = f"{beginning}_{hashlib.sha256(encoded).hexdigest()[:8]}"
    return name
