"""StereoFrames: the frames of a stereo video as pairs, from one stream that holds both views, or from two."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from stereo.config.checks import choose, require
from stereo.data.sample import Image
from stereo.errors import ConfigError, DataError

# How one picture holds both views: the axis that they share out, and whether the left view comes first.
LAYOUTS = {"side-by-side": (1, True), "right-left": (1, False), "top-bottom": (0, True), "bottom-top": (0, False)}
# Two videos whose rates differ by more than this are not of one rig.
_RATE_TOLERANCE = 0.01


class Frame(NamedTuple):
    """One pair of a video. left, right: RGB uint8 [H, W, 3]. name: that of one file or folder."""

    name: str
    left: Image
    right: Image


@dataclass(frozen=True)
class FrameRange:
    """Which frames of a video: from `first` to `last`, both included and counted from 0, every `every`-th.

    last: None for the end.
    """

    first: int = 0
    last: int | None = None
    every: int = 1

    def __post_init__(self) -> None:
        require(self.first >= 0, f"the first frame is {self.first}, expected 0 or more")
        require(self.every >= 1, f"every {self.every}-th frame is asked for, expected 1 or more")
        require(
            self.last is None or self.last >= self.first,
            f"the last frame is {self.last}, expected {self.first}, the first one, or more",
        )

    def __contains__(self, number: int) -> bool:
        return (
            number >= self.first
            and (self.last is None or number <= self.last)
            and (number - self.first) % self.every == 0
        )

    def count(self, frames: int) -> int:
        """Return how many of so many frames it takes."""
        end = frames if self.last is None else min(frames, self.last + 1)
        return len(range(self.first, end, self.every))


class Stream(Protocol):
    """What frames come from. See :class:`stereo.video.capture.Capture`, which says what each is."""

    name: str
    number: int

    @property
    def is_camera(self) -> bool: ...
    @property
    def count(self) -> int | None: ...
    @property
    def frame_rate(self) -> float | None: ...
    @property
    def size(self) -> tuple[int, int] | None: ...
    @property
    def frame_name(self) -> str: ...
    @property
    def seconds(self) -> float | None: ...
    def grab(self) -> bool: ...
    def read(self) -> Image: ...
    def close(self) -> None: ...


class StereoFrames:
    """The pairs of a stereo video, which can be walked through once.

    A frame that is broken is left out, and so is one without a partner: the frames of two videos belong together when
    they are shown at the same time, as near as half a frame. What was left out is said in `problems`.

    count: how many pairs are expected; None where it is not known, as of a camera.
    frame_rate: pairs a second, of every n-th frame an n-th; None where it is not known.
    problems: one line for each thing that was amiss so far.

    Args:
        left: The stream of the left view, or of both.
        right: The stream of the right view. None: the left one holds both.
        layout: How one stream holds both views, one of `LAYOUTS`; of two streams None.
        chosen: Which of the frames.
        problems: What was amiss before.

    Raises: ConfigError for a layout that is unknown, missing or one too many, or a first frame beyond the end;
        DataError where two streams do not belong together.
    """

    def __init__(
        self,
        left: Stream,
        right: Stream | None = None,
        layout: str | None = None,
        chosen: FrameRange | None = None,
        problems: Iterable[str] = (),
    ) -> None:
        self._left, self._right = left, right
        self._streams = [left] if right is None else [left, right]
        self._layout = _check_layout(left, right, layout)
        self._chosen = chosen or FrameRange()
        self.problems = list(problems)
        if right is not None:
            _check_together(left, right)
        counts = [stream.count for stream in self._streams if stream.count is not None]
        if counts and self._chosen.first >= min(counts):
            raise ConfigError(
                f"the first frame is {self._chosen.first}, but {left.name} has {min(counts)}, counted from 0"
            )
        self.count = self._chosen.count(min(counts)) if counts else None
        if self.count is None and self._chosen.last is not None:
            self.count = self._chosen.count(self._chosen.last + 1)
        rate = left.frame_rate
        self.frame_rate = None if rate is None or left.is_camera else rate / self._chosen.every

    def __enter__(self) -> "StereoFrames":
        return self

    def __exit__(self, *error: Any) -> None:
        for stream in self._streams:
            stream.close()

    def __iter__(self) -> Iterator[Frame]:
        last = self._chosen.last
        for number, _ in enumerate(self._grabbed() if self._right is None else self._grabbed_together(self._right)):
            if number in self._chosen:
                try:
                    frame = self._read()
                except DataError as error:
                    self.problems.append(str(error))
                else:
                    yield frame
            if number == last:
                return

    def _grabbed(self) -> Iterator[None]:
        """Grab one frame after the other, up to the end."""
        while self._left.grab():
            yield
        self._note_missing(self._left)

    def _grabbed_together(self, right: Stream) -> Iterator[None]:
        """Grab one frame of both streams after the other, up to the end of one."""
        left = self._left
        alone = {left: 0, right: 0}
        grabbed = {left: left.grab(), right: right.grab()}
        while all(grabbed.values()):
            behind = _behind(left, right)
            if behind is None:
                yield
            else:
                alone[behind] += 1
            for stream in self._streams if behind is None else [behind]:
                grabbed[stream] = stream.grab()
        for stream, count in alone.items():
            if count:
                self.problems.append(
                    f"{stream.name}: of its frames {count} are left out, since the other video has none at their time"
                )
        ended = [stream for stream in self._streams if not grabbed[stream]]
        missing = [self._note_missing(stream) for stream in ended]
        if len(ended) == 1 and not any(missing):
            other = right if ended[0] is left else left
            self.problems.append(
                f"{ended[0].name} ends after {ended[0].number + 1} frames, before {other.name}: the rest of that is "
                "left out"
            )

    def _note_missing(self, stream: Stream) -> bool:
        """Note and return whether a stream has ended before its time; by one frame headers may be wrong."""
        read = stream.number + 1
        if stream.count is None or read >= stream.count - 1:
            return False
        self.problems.append(
            f"{stream.name}: {read} of the {stream.count} frames that it promises could be read; it is damaged or "
            "incomplete: copy it again"
        )
        return True

    def _read(self) -> Frame:
        left = self._left.read()
        if self._right is None:
            return Frame(self._left.frame_name, *split_views(left, self._layout, self._left.name))
        right = self._right.read()
        if left.shape != right.shape:
            raise DataError(
                f"frame {self._left.frame_name}: the left view is {_size(left.shape)} but the right one is "
                f"{_size(right.shape)} (width × height); a rectified pair has one size"
            )
        return Frame(self._left.frame_name, left, right)


def split_views(picture: Image, layout: str, name: str = "the picture") -> tuple[Image, Image]:
    """Return the left and the right view of a picture that holds both.

    Args:
        picture: RGB uint8 [H, W, 3].
        layout: One of `LAYOUTS`.
        name: what the picture is called in messages.

    Raises: DataError where it cannot be halved.
    """
    axis, left_first = LAYOUTS[layout]
    if picture.shape[axis] % 2:
        raise DataError(
            f"{name}: is {_size(picture.shape)} (width × height), expected an even {('height', 'width')[axis]} for "
            f"two views {layout}"
        )
    first, second = (np.ascontiguousarray(half) for half in np.split(picture, 2, axis))
    return (first, second) if left_first else (second, first)


def _behind(left: Stream, right: Stream) -> Stream | None:
    """Return the stream whose frame is shown before the other's by more than half a frame, if any."""
    if left.seconds is None or right.seconds is None or left.frame_rate is None:
        return None
    ahead = (left.seconds - right.seconds) * left.frame_rate
    if abs(ahead) <= 0.5:
        return None
    return right if ahead > 0 else left


def _check_layout(left: Stream, right: Stream | None, layout: str | None) -> str:
    if right is not None:
        require(layout is None, f"the layout {layout} is of one video with both views, but there are two videos")
        return ""
    require(
        layout is not None,
        f"{left.name}: one video holds both views; say how by its layout, one of {', '.join(LAYOUTS)}, or name the "
        "right view's video too",
    )
    return choose(str(layout), tuple(LAYOUTS), "layout")


def _check_together(left: Stream, right: Stream) -> None:
    """Raise DataError where two streams differ in what all their frames share."""
    if left.size is not None and right.size is not None and left.size != right.size:
        raise DataError(
            f"{left.name} is {_size(left.size)} but {right.name} is {_size(right.size)} (width × height); the videos "
            "of a rectified pair have one size"
        )
    rates = left.frame_rate, right.frame_rate
    if rates[0] is None or rates[1] is None:
        return
    if abs(rates[0] - rates[1]) > _RATE_TOLERANCE * rates[0]:
        raise DataError(
            f"{left.name} has {rates[0]:g} frames a second but {right.name} has {rates[1]:g}: their frames do not "
            "belong together; convert one to the rate of the other, as by ffmpeg -r"
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
