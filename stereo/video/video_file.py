"""VideoFile: an MP4 that is written frame by frame, and is whole whenever the writing ends."""

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stereo.config.checks import choose
from stereo.data.sample import Image
from stereo.errors import ConfigError, OutputError
from stereo.output import atomic_output
from stereo.quiet import quiet_opencv

# In the order in which they are tried. MPEG-4 part 2 is written fastest, and played by players but not by browsers; it
# has no frames above 8191 px. VP9 is played by both and smaller, and takes some 20 times as long to write. OpenCV's own
# wheels have both, but not H.264, which other builds of it may have.
CODECS = ("mp4v", "vp09", "avc1")
# Frames a second where nothing says how many.
_USUAL_RATE, _LEAST_RATE, _MOST_RATE = 30.0, 0.01, 600.0


class VideoFile:
    """A context in which an MP4 is written. Whatever ends it, the frames so far are a whole file; without any, none.

    Args:
        path: Its name, which ends in .mp4; a file of that name is replaced.
        frame_rate: frames a second, 0.01 … 600. None: 30.
        codec: One of `CODECS`. None: the first that can be opened.

    Raises: ConfigError for another ending, frame rate or codec; OutputError where it cannot be written.
    """

    def __init__(self, path: str | Path, frame_rate: float | None = None, codec: str | None = None) -> None:
        frame_rate = _USUAL_RATE if frame_rate is None else frame_rate
        self.path = Path(path)
        if self.path.suffix.lower() != ".mp4":
            raise ConfigError(f"{path}: has the ending '{self.path.suffix}', expected a video's: .mp4")
        if not (math.isfinite(frame_rate) and _LEAST_RATE <= frame_rate <= _MOST_RATE):
            raise ConfigError(
                f"the frame rate is {frame_rate:g} a second, expected {_LEAST_RATE:g} … {_MOST_RATE:g}; give another"
            )
        # OpenCV makes it a fraction, of which MPEG-4 part 2 takes no number above 65535: 333.333 would be 333333/1000.
        self.frame_rate = round(frame_rate, 3 if frame_rate < 65 else 2)
        self.count = 0
        self._codecs = CODECS if codec is None else (choose(codec, CODECS, "codec"),)
        self._shape: tuple[int, ...] = ()
        self._stack = ExitStack()  # what becomes of the temporary file
        self._temporary = Path()
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, *error: Any) -> None:
        with self._stack:
            if self._writer is not None:
                self._writer.release()
                self._check()

    def write(self, picture: Image) -> None:
        """Add a frame, RGB uint8 [H, W, 3] of one size; an odd side becomes even by a black row or column.

        Raises: OutputError where the first cannot be written; ValueError for another size than the first had.
        """
        if self._writer is None:
            self._shape = picture.shape
            self._open()
        if picture.shape != self._shape:
            raise ValueError(f"a frame of {list(picture.shape)} in a video of {list(self._shape)} [H, W, 3]")
        rows, columns = self._even_size()
        even = np.zeros((rows, columns, 3), np.uint8)
        even[: picture.shape[0], : picture.shape[1]] = picture[..., ::-1]
        assert self._writer is not None
        with quiet_opencv():
            self._writer.write(even)
        self.count += 1

    def _even_size(self) -> tuple[int, int]:
        return self._shape[0] + self._shape[0] % 2, self._shape[1] + self._shape[1] % 2

    def _open(self) -> None:
        rows, columns = self._even_size()
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_output(self.path))
            for codec in self._codecs:
                fourcc = cv2.VideoWriter.fourcc(*codec)
                with quiet_opencv():
                    writer = cv2.VideoWriter(str(temporary), cv2.CAP_FFMPEG, fourcc, self.frame_rate, (columns, rows))
                if writer.isOpened():
                    self._temporary, self._writer = temporary, writer
                    self._stack = stack.pop_all()  # it ends with the video
                    return
            raise OutputError(
                f"{self.path}: this OpenCV cannot write an MP4 of {columns}×{rows} (width × height) with the codec "
                f"{' or '.join(self._codecs)}; try another of {', '.join(CODECS)}, or write files for each frame"
            )

    def _check(self) -> None:
        """Raise OutputError unless the file holds what was written: OpenCV does not say where a disk was full."""
        with quiet_opencv():
            written = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        count = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if count < self.count:  # one more where an interruption came between the frame and its count
            raise OutputError(
                f"{self.path}: cannot be written: {count} of {self.count} frames arrived; check that the disk is not "
                "full"
            )
