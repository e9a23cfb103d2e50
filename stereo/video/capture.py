"""Capture: the frames of one video file or of one camera, one after another, through OpenCV."""

import math
import os
from pathlib import Path

import cv2
import numpy as np

from stereo.data.sample import Image
from stereo.errors import FormatError
from stereo.files import refusal
from stereo.quiet import quiet_opencv

# FFmpeg opens other things too: it would show a text file as white letters.
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".ogv")
# A header that says more says nothing: what has no rate of its own is given one of 1000 or more.
_MOST_FRAMES_A_SECOND = 1000


class Capture:
    """An open video file or camera.

    name: what it is called in messages.
    count: how many frames its header promises; None for a camera, or where it does not say.
    frame_rate: frames a second, the mean where they come unevenly; None where it does not say.
    size: rows and columns; None where it does not say.
    number: of the frame that was grabbed last, from 0; -1 before the first.

    Args:
        source: The path of a video, or the number of a camera.

    Raises: FormatError where it cannot be opened.
    """

    def __init__(self, source: Path | int) -> None:
        self.is_camera = isinstance(source, int)
        self.name = f"camera {source}" if self.is_camera else str(source)
        self._capture = _open_camera(source) if isinstance(source, int) else _open_file(source)
        self.number = -1
        frames = self._property(cv2.CAP_PROP_FRAME_COUNT)
        self.count = None if self.is_camera or frames is None or frames > 2**31 else int(frames)
        rate = self._property(cv2.CAP_PROP_FPS)
        self.frame_rate = None if rate is None or rate >= _MOST_FRAMES_A_SECOND else rate
        rows, columns = self._property(cv2.CAP_PROP_FRAME_HEIGHT), self._property(cv2.CAP_PROP_FRAME_WIDTH)
        self.size = None if rows is None or columns is None else (int(rows), int(columns))

    @property
    def frame_name(self) -> str:
        """Return the name of the frame that was grabbed last: its number."""
        return f"{self.number:06d}"

    @property
    def seconds(self) -> float | None:
        """Return when the frame that was grabbed last is shown, from the beginning; None where it is not known."""
        if self.is_camera or self.frame_rate is None:
            return None
        shown = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        return shown if math.isfinite(shown) and shown > 0 else self.number / self.frame_rate

    def grab(self) -> bool:
        """Go on to the next frame; return whether there is one. Frames that cannot be found are passed over."""
        if not self._capture.grab():
            return False
        self.number += 1
        return True

    def read(self) -> Image:
        """Return the frame that was grabbed last, RGB uint8 [H, W, 3]. Raises: FormatError where it is broken."""
        try:
            with quiet_opencv():
                done, pixels = self._capture.retrieve()
        except cv2.error:
            done, pixels = False, None
        if not done or pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise FormatError(f"{self.name}: frame {self.number} cannot be decoded, it is damaged")
        return np.ascontiguousarray(pixels[..., ::-1])

    def close(self) -> None:
        """Give the file or the camera back."""
        self._capture.release()

    def _property(self, key: int) -> float | None:
        """Return one of OpenCV's properties where it says something: a finite number above 0."""
        value = float(self._capture.get(key))
        return value if math.isfinite(value) and value > 0 else None


def _open_file(path: Path) -> cv2.VideoCapture:
    if not os.path.isfile(path):
        what = "is no ordinary file" if os.path.exists(path) else refusal(path) or "no such video"
        raise FormatError(f"{path}: {what}; check the path")
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise FormatError(
            f"{path}: is no video by its ending '{path.suffix}'; expected one of {', '.join(VIDEO_SUFFIXES)}: convert "
            "another video to .mp4"
        )
    with quiet_opencv():
        # The whole path, so that no name is taken for an address; of FFmpeg alone, so that a % stays one.
        capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise FormatError(
            f"{path}: cannot be opened as a video; it is damaged or incomplete, or of a codec that OpenCV lacks: copy "
            f"it again, or convert it, as by ffmpeg -i {path.name} -c:v libx264 -crf 10 new.mp4"
        )
    return capture


def _open_camera(number: int) -> cv2.VideoCapture:
    with quiet_opencv():
        capture = cv2.VideoCapture(number)
        # The newest frame is wanted, not one that has waited for the ones before it.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if not capture.isOpened():
        raise FormatError(
            f"camera {number}: cannot be opened; check that it is connected, that no other program has it, and that "
            "you may use it (on Linux: /dev/video*)"
        )
    return capture
