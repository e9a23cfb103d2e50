"""Libraries of C kept quiet: they print what they find wrong, and the user is to see our one line instead.

OpenCV has a level for what it logs itself. The decoders within it and within Pillow (libpng, libjpeg, libtiff) know
nothing of that: they print to C's variable `stderr`. For as long as one of them decodes, this variable is another
stream. The process's standard error, file descriptor 2, stays where it is, so that nothing is lost that Python, another
thread or a child process prints.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import cv2

# OpenCV moved it in 4.13.
_set_log_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
_SILENT = 0

T = TypeVar("T")

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

    def begin(self) -> int:
        """Let the libraries print here, and return a handle for `end`."""
        before = self._stderr.value or 0
        self._stderr.value = self._stream.value
        return before

    def end(self, before: int) -> None:
        """Let the libraries print where they did before, and forget what was heard."""
        self._stderr.value = before
        self._libc.rewind(self._stream)

    def count(self) -> int:
        """Return how many bytes were heard since it began."""
        self._libc.fflush(self._stream)
        return int(self._size.value)

    def lines(self) -> list[str]:
        """Return the lines that were heard since it began."""
        size = self.count()
        return ctypes.string_at(self._text.value or 0, size).decode("utf-8", "replace").splitlines() if size else []


try:
    _ear: _Ear | None = _Ear()
except (TypeError, AttributeError, ValueError):
    _ear = None

# Held by a decoder that runs alone, and for moments by those that run together; they are counted.
_turns = threading.Condition(threading.RLock())
_together, _stderr = 0, 0


def _wait_alone() -> None:
    _turns.acquire()
    _turns.wait_for(lambda: _together == 0)


if hasattr(os, "register_at_fork"):  # a worker process must neither wait for such a block nor begin within one
    os.register_at_fork(before=_wait_alone, after_in_parent=_turns.release, after_in_child=_turns.release)


def can_hear() -> bool:
    """Return whether :func:`heard` hears anything on this system; where it does not, the libraries print."""
    return _ear is not None


def hear(decode: Callable[[], T]) -> tuple[T, list[str]]:
    """Return what a decoder returns, and the lines that OpenCV and the decoders within it would have printed.

    Threads decode together. Where anything is printed meanwhile, by whichever of them, each decodes once more alone.
    """
    if _ear is None:
        with quiet_opencv():
            return decode(), []
    with _listened(_ear) as printed, quiet_opencv():  # in this order: no worker is forked while quiet_opencv counts
        result = decode()
    if not printed:
        return result, []
    with heard() as lines:
        result = decode()
    return result, lines


@contextmanager
def heard() -> Iterator[list[str]]:
    """Keep OpenCV, and the decoders within it and within Pillow, from printing within the block, which runs alone.

    Yields: a list which has, after the block, the lines that the decoders would have printed.
    """
    lines: list[str] = []
    _wait_alone()
    try:
        with quiet_opencv():
            if _ear is None:
                yield lines
                return
            before = _ear.begin()
            try:
                yield lines
            finally:
                lines += _ear.lines()
                _ear.end(before)
    finally:
        _turns.release()


@contextmanager
def _listened(ear: _Ear) -> Iterator[list[bool]]:
    """Yield a list that holds something, after the block, if anything was printed within it, in any thread."""
    global _together, _stderr
    printed: list[bool] = []
    with _turns:
        if _together == 0:
            _stderr = ear.begin()
        _together += 1
        start = ear.count()
    try:
        yield printed
    finally:
        with _turns:
            _together -= 1
            if ear.count() > start:
                printed.append(True)
            if _together == 0:
                ear.end(_stderr)
                _turns.notify_all()
