"""The frames of two streams that are shown at other times, as where a damaged video has lost some."""

import numpy as np

from stereo.data.sample import Image
from stereo.video import StereoFrames


class Stream:
    """A stream at 10 frames a second, of frames that are shown at these tenths of a second; their pixels say when."""

    is_camera = False
    count = None
    frame_rate = 10.0
    size = None

    def __init__(self, name: str, *tenths: float) -> None:
        self.name = name
        self.tenths = tenths
        self.number = -1

    @property
    def frame_name(self) -> str:
        return str(self.number)

    @property
    def seconds(self) -> float:
        return self.tenths[self.number] / 10

    def grab(self) -> bool:
        self.number += 1
        return self.number < len(self.tenths)

    def read(self) -> Image:
        return np.full((2, 2, 3), round(self.tenths[self.number] * 10), np.uint8)

    def close(self) -> None: ...


def _paired(frames: StereoFrames) -> list[tuple[int, int]]:
    """The times of each pair, in hundredths of a second."""
    return [(int(frame.left[0, 0, 0]), int(frame.right[0, 0, 0])) for frame in frames]


def test_frames_that_one_video_has_lost_do_not_shift_the_rest() -> None:
    frames = StereoFrames(Stream("left", 0, 1, 2, 3, 4, 5), Stream("right", 0, 3, 4, 5))
    assert _paired(frames) == [(0, 0), (30, 30), (40, 40), (50, 50)]
    assert frames.problems == ["left: of its frames 2 are left out, since the other video has none at their time"]


def test_both_videos_may_have_lost_frames() -> None:
    frames = StereoFrames(Stream("left", 0, 1, 4, 5), Stream("right", 0, 3, 4, 5, 6))
    assert _paired(frames) == [(0, 0), (40, 40), (50, 50)]
    assert [problem.partition(":")[0] for problem in frames.problems] == [
        "left",
        "right",
        "left ends after 5 frames, before right",
    ]


def test_times_that_differ_by_less_than_half_a_frame_belong_together() -> None:
    frames = StereoFrames(Stream("left", 0, 1, 2), Stream("right", 0.4, 1.4, 1.6))
    assert _paired(frames) == [(0, 4), (10, 14), (20, 16)]
    assert frames.problems == []
