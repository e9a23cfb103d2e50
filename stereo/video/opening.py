"""From the words of a command line to the frames that they stand for."""

import os
from contextlib import ExitStack
from pathlib import Path

from stereo.errors import DataError
from stereo.video.capture import VIDEO_SUFFIXES, Capture
from stereo.video.frames import FrameRange, StereoFrames, Stream
from stereo.video.sequence import is_pattern, open_sequence, open_sequences


def is_video(word: str) -> bool:
    """Return whether a word names a video file or a camera; patterns may also stand for images that are no video."""
    return _is_camera(word) or Path(word).suffix.lower() in VIDEO_SUFFIXES


def open_frames(
    left: str, right: str | None = None, layout: str | None = None, chosen: FrameRange | None = None
) -> StereoFrames:
    """Return the pairs of a stereo video.

    Args:
        left, right: The left and the right view, or one that holds both: the path of a video; the number of a camera;
            or image files by a pattern with one %d, %04d or * in the name, such as left/%06d.png.
        layout: How one video holds both views: side-by-side (the left view at the left), right-left, top-bottom or
            bottom-top. None: there are two.
        chosen: Which of the frames. None: all.

    Raises: FormatError, DataError where something cannot be opened or does not belong together; ConfigError.
    """
    if right is not None and is_pattern(left) != is_pattern(right):
        raise DataError(f"{left} and {right}: expected two videos, two cameras or two patterns, got one of each")
    if right is not None and is_pattern(left):
        lefts, rights, alone = open_sequences(left, right)
        return StereoFrames(lefts, rights, layout, chosen, alone)
    with ExitStack() as opened:
        streams = []
        for word in (left,) if right is None else (left, right):
            stream = _open(word)
            opened.callback(stream.close)
            streams.append(stream)
        frames = StereoFrames(streams[0], streams[1] if right is not None else None, layout, chosen)
        opened.pop_all()  # they stay open, for the frames to be read
    return frames


def _open(word: str) -> Stream:
    if _is_camera(word):
        return Capture(int(word))
    return open_sequence(word) if is_pattern(word) else Capture(Path(os.path.expanduser(word)))


def _is_camera(word: str) -> bool:
    return word.isdecimal() and not os.path.exists(word)
