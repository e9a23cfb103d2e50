"""The frames of a stereo video, whatever it lies in, and what is said of one that is wrong."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.videos import FRAMES, HEIGHT, RATE, WIDTH, pan, write_images, write_video

from stereo.data.formats import write_image
from stereo.data.sample import Image
from stereo.errors import ConfigError, DataError, FormatError, StereoError
from stereo.video import LAYOUTS, FrameRange, is_video, open_frames


def _check(frames: Any, numbers: list[int]) -> None:
    """The frames are those of these numbers of the pan, to the last bit."""
    lefts, rights = pan()
    found = list(frames)
    assert len(found) == len(numbers)
    for frame, number in zip(found, numbers, strict=True):
        np.testing.assert_array_equal(frame.left, lefts[number])
        np.testing.assert_array_equal(frame.right, rights[number])


def _joined(layout: str) -> list[Image]:
    """The pan as pictures that hold both views."""
    lefts, rights = pan()
    stack = np.hstack if layout in ("side-by-side", "right-left") else np.vstack
    order = (lefts, rights) if layout in ("side-by-side", "top-bottom") else (rights, lefts)
    return [np.asarray(stack(views)) for views in zip(*order, strict=True)]


@pytest.fixture
def two_videos(tmp_path: Path) -> tuple[str, str]:
    """The left and the right views of the pan."""
    lefts, rights = pan()
    return write_video(tmp_path / "left.mkv", lefts), write_video(tmp_path / "right.mkv", rights)


# ---------------------------------------------------------------------------------------------------------- layouts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_one_video_gives_the_frames(tmp_path: Path, layout: str) -> None:
    with open_frames(write_video(tmp_path / "both.mkv", _joined(layout)), layout=layout) as frames:
        assert (frames.count, frames.frame_rate) == (FRAMES, RATE)
        _check(frames, list(range(FRAMES)))
        assert frames.problems == []


def test_two_videos_give_the_frames(two_videos: tuple[str, str]) -> None:
    with open_frames(*two_videos) as frames:
        assert (frames.count, frames.frame_rate) == (FRAMES, RATE)
        assert [frame.name for frame in frames] == [f"{number:06d}" for number in range(FRAMES)]
    with open_frames(*two_videos) as frames:
        _check(frames, list(range(FRAMES)))
        assert frames.problems == []


def test_images_by_a_pattern_give_the_frames(tmp_path: Path) -> None:
    lefts, rights = pan()
    write_images(tmp_path / "left", lefts, first=8)  # 0008 … 0013
    write_images(tmp_path / "right", rights, first=8)
    for name in ("%04d.png", "%d.png", "*.png", "00*.png"):
        with open_frames(str(tmp_path / "left" / name), str(tmp_path / "right" / name)) as frames:
            assert (frames.count, frames.frame_rate) == (FRAMES, None)
            _check(frames, list(range(FRAMES)))
    pattern = write_images(tmp_path / "both", _joined("side-by-side"))
    with open_frames(pattern, layout="side-by-side") as frames:
        _check(frames, list(range(FRAMES)))


def test_images_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    lefts, rights = pan()
    for number, place in enumerate((9, 10, 100)):
        write_image(tmp_path / f"left_{place}.png", lefts[number])
        write_image(tmp_path / f"right_{place:05d}.png", rights[number])
    for wildcard in ("%d", "*"):
        with open_frames(str(tmp_path / f"left_{wildcard}.png"), str(tmp_path / "right_%05d.png")) as frames:
            assert [frame.name for frame in frames] == ["left_9", "left_10", "left_100"]
    with open_frames(str(tmp_path / "left_%d.png"), str(tmp_path / "right_%05d.png")) as frames:
        _check(frames, [0, 1, 2])


@pytest.mark.parametrize(
    ("chosen", "numbers", "rate"),
    [
        (FrameRange(2), [2, 3, 4, 5], RATE),
        (FrameRange(1, 3), [1, 2, 3], RATE),
        (FrameRange(every=2), [0, 2, 4], RATE / 2),
        (FrameRange(1, 4, 3), [1, 4], RATE / 3),
        (FrameRange(4, 99, 1), [4, 5], RATE),
    ],
)
def test_a_range_and_every_nth_frame(
    two_videos: tuple[str, str], chosen: FrameRange, numbers: list[int], rate: float
) -> None:
    with open_frames(*two_videos, chosen=chosen) as frames:
        assert (frames.count, frames.frame_rate) == (len(numbers), rate)
        _check(frames, numbers)
        assert frames.problems == []


# ---------------------------------------------------------------------------------------------------------- cameras


class FakeCamera:
    """A camera that shows both views of the pan, side by side, and then is pulled out; the others are not there."""

    def __init__(self, number: int, *_: int) -> None:
        self.there = number == 0
        self.pictures = _joined("side-by-side")[::-1]

    def isOpened(self) -> bool:
        return self.there

    def get(self, key: int) -> float:
        return {cv2.CAP_PROP_FPS: 60.0, cv2.CAP_PROP_FRAME_WIDTH: 2 * WIDTH, cv2.CAP_PROP_FRAME_HEIGHT: HEIGHT}.get(
            key, -1.0
        )

    def set(self, key: int, value: float) -> bool:
        return False

    def grab(self) -> bool:
        if self.pictures:
            self.picture = self.pictures.pop()
            return True
        return False

    def retrieve(self) -> tuple[bool, Image]:
        return True, self.picture[..., ::-1]

    def release(self) -> None:
        self.there = False


def test_a_camera_gives_frames_whose_number_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    with open_frames("0", layout="side-by-side") as frames:
        # It gives more frames a second than will be taken: they make no rate of what is written.
        assert (frames.count, frames.frame_rate) == (None, None)
        _check(frames, list(range(FRAMES)))
    with open_frames("0", layout="side-by-side", chosen=FrameRange(0, 3)) as frames:
        assert frames.count == 4
        _check(frames, [0, 1, 2, 3])
    with pytest.raises(FormatError, match="camera 1: cannot be opened; check that it is connected"):
        open_frames("0", "1")


# ------------------------------------------------------------------------------------------- what is left out, and said


def test_of_videos_of_two_lengths_the_common_part_is_taken(tmp_path: Path) -> None:
    lefts, rights = pan()
    left, right = write_video(tmp_path / "left.mkv", lefts), write_video(tmp_path / "right.mkv", rights[:4])
    with open_frames(left, right) as frames:
        assert frames.count == 4
        _check(frames, [0, 1, 2, 3])
        assert frames.problems == [f"{right} ends after 4 frames, before {left}: the rest of that is left out"]


def test_a_video_that_breaks_off_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "both.mkv"
    write_video(path, _joined("top-bottom"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with open_frames(str(path), layout="top-bottom") as frames:
        count = len(list(frames))
        assert 0 < count < FRAMES
        assert f"both.mkv: {count} of the {FRAMES} frames that it promises could be read" in frames.problems[0]


def test_images_that_are_broken_or_alone_are_left_out(tmp_path: Path) -> None:
    lefts, rights = pan()
    left, right = write_images(tmp_path / "left", lefts), write_images(tmp_path / "right", rights)
    (tmp_path / "left/0001.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "right/0002.png").unlink()
    write_image(tmp_path / "right/0004.png", rights[4][:32])
    with open_frames(left, right) as frames:
        assert frames.count == FRAMES - 1
        _check(frames, [0, 3, 5])
        alone, broken, smaller = frames.problems
    assert alone == f"{tmp_path}/left/0002.png: has no partner among {right}"
    assert broken.startswith(f"{tmp_path}/left/0001.png: ")
    assert smaller.startswith("frame 0004: the left view is 64×48 but the right one is 64×32")


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.mp4", None, "gone.mp4: no such video"),
        (".", None, "is no ordinary file"),
        ("notes.txt", b"hello", "notes.txt: is no video by its ending '.txt'; expected one of .mp4, "),
        ("empty.mp4", b"", "empty.mp4: cannot be opened as a video"),
        ("text.mp4", b"hello\n" * 99, "text.mp4: cannot be opened as a video"),
    ],
)
def test_a_video_that_does_not_open_is_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        open_frames(str(tmp_path / name), layout="side-by-side")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_videos_of_other_rates_or_sizes_are_refused(two_videos: tuple[str, str], tmp_path: Path) -> None:
    rights = pan()[1]
    faster = write_video(tmp_path / "faster.mkv", rights, 2 * RATE)
    with pytest.raises(DataError, match=r"left.mkv has 12.5 frames a second but .*faster.mkv has 25"):
        open_frames(two_videos[0], faster)
    lower = write_video(tmp_path / "lower.mkv", [view[:32] for view in rights])
    with pytest.raises(DataError, match=r"left.mkv is 64×48 but .*lower.mkv is 64×32"):
        open_frames(two_videos[0], lower)


@pytest.mark.parametrize(
    ("left", "right", "layout", "error", "message"),
    [
        ("left.mkv", None, None, ConfigError, "left.mkv: one video holds both views; say how by its layout"),
        ("left.mkv", None, "side-by-sid", ConfigError, "unknown layout 'side-by-sid'.*did you mean 'side-by-side'"),
        ("left.mkv", "right.mkv", "top-bottom", ConfigError, "but there are two videos"),
        ("left.mkv", "%04d.png", None, DataError, "got one of each"),
        ("%04d.png", "*.png", None, DataError, "%04d.png: no such image"),
        ("a*b*.png", None, "top-bottom", DataError, "expected one %d, %04d or \\* in the name"),
        ("*/a%d.png", None, "top-bottom", DataError, "and none in its folder"),
        ("%d.mp4", None, "top-bottom", DataError, "has the ending '.mp4', expected one of .png"),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    two_videos: tuple[str, str],
    tmp_path: Path,
    left: str,
    right: str | None,
    layout: str | None,
    error: type[StereoError],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        open_frames(str(tmp_path / left), None if right is None else str(tmp_path / right), layout)


def test_ranges_that_hold_no_frame_are_refused(two_videos: tuple[str, str]) -> None:
    for numbers, message in (((-1,), "is -1"), ((5, 4), "is 4, expected 5"), ((0, None, 0), "every 0-th")):
        with pytest.raises(ConfigError, match=message):
            FrameRange(*numbers)
    with pytest.raises(ConfigError, match=r"the first frame is 6, but .*left.mkv has 6, counted from 0"):
        open_frames(*two_videos, chosen=FrameRange(6))


def test_an_odd_size_has_no_halves(tmp_path: Path) -> None:
    pattern = write_images(tmp_path / "odd", [picture[:, 1:] for picture in _joined("side-by-side")])
    with open_frames(pattern, layout="side-by-side") as frames:
        assert list(frames) == []
        assert "is 127×48 (width × height), expected an even width for two views side-by-side" in frames.problems[0]


def test_words_that_name_videos() -> None:
    assert [is_video(word) for word in ("a/b.mp4", "b.MOV", "0", "a.png", "folder", "left/%d.png")] == (
        [True, True, True, False, False, False]
    )
