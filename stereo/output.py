"""Write files whole or not at all."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stereo.errors import OutputError


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; it replaces `path` only when the block has succeeded.

    The temporary name keeps the suffix, since some writers choose the format by it. Nothing is left behind on failure.

    Raises: OutputError for any OSError of the block or of the replacement, and for a NUL in the path, naming `path`.
    """
    path = Path(path)
    temporary: Path | None = None
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r}: cannot be written: no path holds a NUL character")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f".part{path.suffix}")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes files private; the result is an ordinary file
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}; check that its folder exists and that you may "
            "write there"
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


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
