"""OpenCV kept quiet: it prints what it finds wrong, and the user is to see our one line instead."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

# OpenCV moved it in 4.13.
_set_log_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
_SILENT = 0


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing within the block, and FFmpeg within it for good."""
    # OpenCV looks at it when it opens its first video, and never again: -8 is FFmpeg's number for silence.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    level = _set_log_level(_SILENT)
    try:
        yield
    finally:
        _set_log_level(level)
