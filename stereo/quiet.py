"""Libraries of C kept quiet: they print what they find wrong, and the user is to see our one line instead.

OpenCV has a level for what it logs itself. The decoders within it and within Pillow (libpng, libjpeg, libtiff) know
nothing of that: they print to C's variable `stderr`. For as long as one of them decodes, this variable is another
stream. The process's standard error, file descriptor 2, stays where it is, so that nothing is lost that Python, another
thread or a child process prints.
"""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

# OpenCV moved it in 4.13.
_set_log_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
_SILENT = 0

_counting = threading.Lock()
_blocks, _level = 0, 0


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing within the block, and FFmpeg within it for good."""
    global _blocks, _level
    # OpenCV looks at it when it opens its first video, and never again: -8 is FFmpeg's number for silence.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with _counting:  # the last of the threads in such a block restores what the first found
        if _blocks == 0:
            _level = _set_log_level(_SILENT)
        _blocks += 1
    try:
        yield
    finally:
        with _counting:
            _blocks -= 1
            if _blocks == 0:
                _set_log_level(_level)


class _Ear:
    """What C libraries print to `stderr`, in memory, with glibc. Elsewhere the variable is a constant or hidden."""

    def __init__(self) -> None:
        """Raises: TypeError, AttributeError or ValueError where there is no glibc."""
        self._libc = ctypes.CDLL(None)
        _ = self._libc.gnu_get_libc_version
        self._stderr = ctypes.c_void_p.in_dll(self._libc, "stderr")
        self._text, self._size = ctypes.c_void_p(), ctypes.c_size_t()
        self._libc.open_memstream.restype = ctypes.c_void_p
        # Never closed: another thread may be about to print to it.
        self._stream = ctypes.c_void_p(self._libc.open_memstream(ctypes.byref(self._text), ctypes.byref(self._size)))

    @contextmanager
    def listen(self, heard: list[str]) -> Iterator[None]:
        """Add to a list, when the block ends, the lines that are printed within it."""
        before = self._stderr.value
        self._stderr.value = self._stream.value
        try:
            yield
        finally:
            self._stderr.value = before
            self._libc.fflush(self._stream)
            if self._size.value:
                heard += (
                    ctypes.string_at(self._text.value or 0, self._size.value).decode("utf-8", "replace").splitlines()
                )
                self._libc.rewind(self._stream)


try:
    _ear: _Ear | None = _Ear()
except (TypeError, AttributeError, ValueError):
    _ear = None

# One decoder at a time: what is heard is of its file.
_listening = threading.RLock()
if hasattr(os, "register_at_fork"):  # a worker process must neither wait for such a block nor begin within one
    os.register_at_fork(
        before=_listening.acquire, after_in_parent=_listening.release, after_in_child=_listening.release
    )


def can_hear() -> bool:
    """Return whether :func:`heard` hears anything on this system; where it does not, the libraries print."""
    return _ear is not None


@contextmanager
def heard() -> Iterator[list[str]]:
    """Keep OpenCV, and the decoders within it and within Pillow, from printing within the block.

    Yields: a list which has, after the block, the lines that the decoders would have printed.
    """
    lines: list[str] = []
    with _listening, quiet_opencv():
        if _ear is None:
            yield lines
        else:
            with _ear.listen(lines):
                yield lines
