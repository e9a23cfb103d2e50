"""Write files whole or not at all, and folders by one process at a time."""

import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stereo.errors import OutputError

# How `atomic_output` names a temporary file.
_TEMPORARY = re.compile(r"\.\w{8}\.part(\.\w+)?")
# Descriptors whose locks end with this process. A child would keep them, as loader processes outlive a killed parent
# for some seconds.
_locked: set[int] = set()


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
        _lock(handle)  # says that the file has an owner, as long as this process lives
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
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}; check that its folder exists and that you may "
            "write there"
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if handle is not None:
            _unlock(handle)


def sweep_temporary_files(folder: Path) -> list[Path]:
    """Remove the temporary files of `atomic_output` whose process has ended, and return their paths."""
    swept = []
    for path in sorted(folder.glob(".*.part*")):
        if not _TEMPORARY.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            swept.append(path)
    return swept


def lock_file(path: Path) -> Callable[[], None] | None:
    """Take the lock that a file stands for, and return what gives it back; None where another process has it.

    The lock ends with this process, however that ends. Where the file system has no locks, it is taken in any case.

    Raises: OutputError where the file cannot be written.
    """
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}; name a folder you may write to") from None
        if not _lock(handle):
            os.close(handle)
            return None
        # The one that had it may have removed the file after it was opened here: then this is the lock of no name.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                break
        _unlock(handle)

    def release() -> None:
        path.unlink(missing_ok=True)
        _unlock(handle)

    return release


def _lock(handle: int) -> bool:
    """Return False where another process has the lock."""
    _locked.add(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _locked.discard(handle)
        return False
    except OSError:  # some network file systems have no locks
        pass
    return True


def _unlock(handle: int) -> None:
    _locked.discard(handle)
    os.close(handle)


def _leave_locks_to_the_parent() -> None:
    while _locked:
        os.close(_locked.pop())


os.register_at_fork(after_in_child=_leave_locks_to_the_parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_output_folder(path: str | Path) -> Path:
    """Create a folder for results, prove that it can be written to, and return its path.

    A shell leaves the ~ of `--output=~/results` as it is, so it is expanded here.

    Raises: OutputError if it exists as a file, cannot be created or cannot be written to.
    """
    path = Path(os.path.expanduser(path))
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be used as an output folder: {error.strerror}; name a folder you may write to"
        ) from None
    return path


def safe_name(name: str) -> str:
    """Return a name as that of one file or folder: never a path, `.` or `..`; most names stay as they are."""
    name = re.sub(r'[\x00-\x1f/\\:*?"<>|]+', "_", name)
    return name if name.strip(".") else "_" * max(len(name), 1)
