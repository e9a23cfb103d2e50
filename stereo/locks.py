"""Locks on files, which end with the process that has them, however it ends."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from stereo.errors import OutputError

# Descriptors whose locks end with this process. A child would keep them, as loader processes outlive a killed parent
# for some seconds.
_held: set[int] = set()


def lock_file(path: Path) -> Callable[[], None] | None:
    """Take the lock that a file stands for, and return what gives it back; None where another process has it.

    Where the file system has no locks, it is taken in any case.

    Raises: OutputError where the file cannot be written.
    """
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}; name a folder you may write to") from None
        if not hold_lock(handle):
            os.close(handle)
            return None
        # The one that had it may have removed the file after it was opened here: then this is the lock of no name.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                break
        release_lock(handle)

    def release() -> None:
        path.unlink(missing_ok=True)
        release_lock(handle)

    return release


def hold_lock(handle: int) -> bool:
    """Lock an open file until this process ends or `release_lock` is called; return False where another process has it.

    Where the file system has no locks, nothing is locked, and the answer is True.
    """
    if try_lock(handle) is False:
        return False
    _held.add(handle)
    return True


def release_lock(handle: int) -> None:
    """Close a file that `hold_lock` may have locked."""
    _held.discard(handle)
    os.close(handle)


def try_lock(handle: int) -> bool | None:
    """Lock an open file until it is closed; return False if another process has it, None if there are no locks."""
    try:
        import fcntl  # not on Windows

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # some network file systems have none
        return None
    return True


def _leave_locks_to_the_parent() -> None:
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_leave_locks_to_the_parent)
