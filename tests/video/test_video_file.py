"""VideoFile and PreviewVideo: what is written is read back; whatever happens, the file is whole or not there."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.videos import HEIGHT, RATE, WIDTH, pan, read_video

from stereo.data.sample import Map
from stereo.errors import ConfigError, OutputError
from stereo.video import PreviewVideo
from stereo.video.video_file import VideoFile
from stereo.visualize import color_limit, preview_picture


def _plane(disparity: float) -> Map:
    return np.full((HEIGHT, WIDTH), disparity, np.float32)


@pytest.mark.parametrize("codec", ["mp4v", "vp09"])
def test_what_is_written_is_read_back(tmp_path: Path, codec: str) -> None:
    lefts, _ = pan()
    with VideoFile(tmp_path / "video.mp4", RATE, codec) as video:
        for left in lefts:
            video.write(left)
    frames, rate = read_video(tmp_path / "video.mp4")
    assert (len(frames), rate) == (len(lefts), RATE)
    for frame, left in zip(frames, lefts, strict=True):
        assert np.abs(frame.astype(int) - left).mean() < 8
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]


def test_an_odd_size_is_made_even_by_black(tmp_path: Path) -> None:
    with VideoFile(tmp_path / "video.mp4") as video:
        video.write(np.full((33, 47, 3), 255, np.uint8))
    (frame,), rate = read_video(tmp_path / "video.mp4")
    assert (frame.shape, rate) == ((34, 48, 3), 30)
    assert frame[:32, :46].min() > 200
    assert max(frame[33].max(), frame[:, 47].max()) < 60


@pytest.mark.parametrize("rate", [0.01, 23.976, 24000 / 1001, 333.333, 600])
def test_frame_rates_that_are_no_whole_numbers(tmp_path: Path, rate: float) -> None:
    with VideoFile(tmp_path / "video.mp4", rate) as video:
        for left in pan()[0][:3]:
            video.write(left)
    frames, found = read_video(tmp_path / "video.mp4")
    assert len(frames) == 3
    assert found == pytest.approx(rate, rel=1e-4)


def test_an_error_leaves_the_frames_so_far(tmp_path: Path) -> None:
    for error in (KeyboardInterrupt, SystemExit, ValueError):
        path = tmp_path / f"{error.__name__}.mp4"
        with pytest.raises(error), VideoFile(path) as video:  # noqa: PT012
            video.write(pan()[0][0])
            video.write(pan()[0][1])
            raise error
        assert len(read_video(path)[0]) == 2


def test_without_a_frame_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "video.mp4").write_text("the last run's")
    with VideoFile(tmp_path / "video.mp4"):
        pass
    assert (tmp_path / "video.mp4").read_text() == "the last run's"
    assert len(list(tmp_path.iterdir())) == 1


def test_frames_of_two_sizes_are_a_mistake_of_ours(tmp_path: Path) -> None:
    left = pan()[0][0]
    with VideoFile(tmp_path / "video.mp4") as video:
        video.write(left)
        with pytest.raises(ValueError, match=r"\[32, 64, 3\] in a video of \[48, 64, 3\]"):
            video.write(left[:32])


def test_requests_that_make_no_sense_are_refused_at_once(tmp_path: Path) -> None:
    for name, rate, codec, message in (
        ("video.avi", RATE, None, "has the ending '.avi', expected a video's: .mp4"),
        ("video.mp4", 0, None, "the frame rate is 0 a second"),
        ("video.mp4", float("nan"), None, "the frame rate is nan a second"),
        ("video.mp4", RATE, "h264", "unknown codec 'h264', expected one of mp4v, vp09, avc1"),
    ):
        with pytest.raises(ConfigError, match=message):
            VideoFile(tmp_path / name, rate, codec)


class LostFrames:
    """A writer whose disk is full: it does not say so, and nothing arrives."""

    opens = True
    fourcc = cv2.VideoWriter.fourcc

    def __init__(self, *_: object) -> None: ...

    def isOpened(self) -> bool:
        return self.opens

    def write(self, picture: object) -> None: ...
    def release(self) -> None: ...


class NoCodec(LostFrames):
    """A writer that has no codec."""

    opens = False


@pytest.mark.parametrize(
    ("writer", "message"),
    [
        (LostFrames, "video.mp4: cannot be written: 0 of 1 frames arrived; check that the disk is not full"),
        (NoCodec, "an MP4 of 64×48 .* with the codec mp4v or vp09 or avc1; try another of mp4v"),
    ],
)
def test_a_video_that_cannot_be_written_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: type, message: str
) -> None:
    monkeypatch.setattr(cv2, "VideoWriter", writer)
    with pytest.raises(OutputError, match=message), VideoFile(tmp_path / "video.mp4") as video:
        video.write(pan()[0][0])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    video = VideoFile(tmp_path / "gone/video.mp4")
    with pytest.raises(OutputError, match=r"gone/video\.mp4: cannot be written"), video:
        video.write(pan()[0][0])


# ---------------------------------------------------------------------------------------------------------- previews


def test_the_color_scale_is_found_from_the_first_frames_and_kept(tmp_path: Path) -> None:
    left = pan()[0][0]
    disparities = [_plane(disparity) for disparity in (4, 10, 40, 10)]
    with PreviewVideo(tmp_path / "preview.mp4", RATE, range_frames=2) as preview:
        for disparity in disparities:
            preview.add(left, disparity)
    assert preview.span == (0, color_limit(np.concatenate(disparities[:2]))) == (0, 10)
    frames, _ = read_video(tmp_path / "preview.mp4")
    for frame, disparity in zip(frames, disparities, strict=True):
        expected = preview_picture(left, disparity, (0, 10))
        shown = frame[: expected.shape[0], : expected.shape[1]]
        assert np.abs(shown.astype(int) - expected).mean() < 10


def test_fewer_frames_than_the_scale_is_found_from_are_written(tmp_path: Path) -> None:
    with PreviewVideo(tmp_path / "preview.mp4") as preview:
        preview.add(pan()[0][0], _plane(7))
    assert preview.span == (0, 7)
    assert len(read_video(tmp_path / "preview.mp4")[0]) == 1


def test_the_color_scale_and_map_may_be_given(tmp_path: Path) -> None:
    left, disparity = pan()[0][0], _plane(7)
    with PreviewVideo(tmp_path / "preview.mp4", span=(5, 9), color_map="magma") as preview:
        preview.add(left, disparity)
    (frame,), _ = read_video(tmp_path / "preview.mp4")
    expected = preview_picture(left, disparity, (5, 9), "magma")
    assert np.abs(frame[: expected.shape[0], : expected.shape[1]].astype(int) - expected).mean() < 10


def test_a_color_scale_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    for span in ((0, 0), (5, 4), (0, float("nan")), (0, float("inf"))):
        with pytest.raises(ConfigError, match="expected the lower end first"):
            PreviewVideo(tmp_path / "preview.mp4", span=span)
    with pytest.raises(ConfigError, match="found from 0 frames"):
        PreviewVideo(tmp_path / "preview.mp4", range_frames=0)
    with pytest.raises(ConfigError, match="unknown color map 'jet'"):
        PreviewVideo(tmp_path / "preview.mp4", color_map="jet")
