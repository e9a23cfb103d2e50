"""PreviewVideo: the left view beside its disparity, in colors that mean the same in every frame."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from stereo.config.checks import choose, require
from stereo.data.sample import Image, Map
from stereo.video.video_file import VideoFile
from stereo.visualize import COLOR_MAPS, color_limit, preview_picture


class PreviewVideo:
    """A context in which an MP4 of previews is written. What ends it, and `codec`, as of :class:`VideoFile`.

    Args:
        path, frame_rate, codec: As for :class:`VideoFile`.
        span: px, the ends of the color scale. None: from 0 to what is found from the first frames, and then kept.
        range_frames: so many frames it is found from; they wait in memory until then.
        color_map: One of :data:`stereo.visualize.COLOR_MAPS`.

    Raises: ConfigError; OutputError where it cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        frame_rate: float | None = None,
        *,
        span: tuple[float, float] | None = None,
        range_frames: int = 10,
        color_map: str = "turbo",
        codec: str | None = None,
    ) -> None:
        require(
            span is None or (all(map(math.isfinite, span)) and span[0] < span[1]),
            f"the color scale is {span} px, expected the lower end first",
        )
        require(range_frames >= 1, f"the color scale is found from {range_frames} frames, expected 1 or more")
        self.span = span
        self.range_frames = range_frames
        self.color_map = choose(color_map, tuple(COLOR_MAPS), "color map")
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
        if self.span is not None or len(self._waiting) >= self.range_frames:
            self._draw_waiting()

    def _draw_waiting(self) -> None:
        if self.span is None and self._waiting:
            self.span = (0.0, color_limit(np.concatenate([disparity.ravel() for _, disparity in self._waiting])))
        while self._waiting:
            self._file.write(preview_picture(*self._waiting.pop(0), self.span, self.color_map))
