"""PreviewVideo: the left view beside its disparity, in colors that mean the same in every frame."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from stereo.config.checks import require
from stereo.data.sample import Image, Map
from stereo.video.video_file import VideoFile
from stereo.visualize import color_limit, preview_panel


class PreviewVideo:
    """A context in which an MP4 of previews is written. What ends it, and `codec`, as of :class:`VideoFile`.

    Args:
        path, frame_rate, codec: As for :class:`VideoFile`.
        maximum: px, the end of the color scale. None: it is found from the first frames, and then kept.
        range_frames: so many frames it is found from; they wait in memory until then.

    Raises: ConfigError; OutputError where it cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        frame_rate: float | None = None,
        *,
        maximum: float | None = None,
        range_frames: int = 10,
        codec: str | None = None,
    ) -> None:
        require(
            maximum is None or (math.isfinite(maximum) and maximum > 0),
            f"the end of the color scale is {maximum} px, expected above 0",
        )
        require(range_frames >= 1, f"the color scale is found from {range_frames} frames, expected 1 or more")
        self.maximum = maximum
        self.range_frames = range_frames
        self._waiting: list[tuple[Image, Map]] = []
        self._file = VideoFile(path, frame_rate, codec)

    def __enter__(self) -> "PreviewVideo":
        return self

    def __exit__(self, *error: Any) -> None:
        with self._file:
            self._draw_waiting()

    def add(self, left: Image, disparity: Map) -> None:
        """Add a frame: RGB uint8 [H, W, 3] and float32 [H, W] px, of one size. Raises: OutputError."""
        self._waiting.append((left, disparity))
        if self.maximum is not None or len(self._waiting) >= self.range_frames:
            self._draw_waiting()

    def _draw_waiting(self) -> None:
        if self.maximum is None and self._waiting:
            self.maximum = color_limit(np.concatenate([disparity.ravel() for _, disparity in self._waiting]))
        while self._waiting:
            self._file.write(preview_panel(*self._waiting.pop(0), self.maximum))
