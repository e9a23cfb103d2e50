"""infer_video: from the frames of a video to previews and files, and what an interruption leaves."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.videos import FRAMES, HEIGHT, RATE, WIDTH, pan, read_video, write_images, write_video

from stereo.camera.rig import RectifiedViews
from stereo.data.formats import read_pfm, write_image
from stereo.data.sample import StereoSample
from stereo.errors import DataError
from stereo.methods.method import Prediction
from stereo.methods.result import StereoResult
from stereo.video import PreviewVideo, StereoFrames, TemporalSmoothing, infer_video, open_frames


class Counting:
    """A method that gives 1 px for its first pair, 2 px for the second, …, and has an accident where it is told so."""

    name = "counting"
    settings: dict[str, Any] = {}  # noqa: RUF012
    device: torch.device | None = None
    max_disparity = 4

    def __init__(self, accident_at: int = 0, accident: int | Exception = 0) -> None:
        self.accident_at, self.accident = accident_at, accident
        self.samples: list[StereoSample] = []

    def predict_sample(self, sample: StereoSample) -> Prediction:
        self.samples.append(sample)
        if len(self.samples) == self.accident_at:
            if isinstance(self.accident, Exception):
                raise self.accident
            signal.raise_signal(self.accident)
        return Prediction(np.full((sample.height, sample.width), len(self.samples), np.float32))


@pytest.fixture
def frames(tmp_path: Path) -> StereoFrames:
    """The pan, in two videos."""
    lefts, rights = pan()
    return open_frames(write_video(tmp_path / "left.mkv", lefts), write_video(tmp_path / "right.mkv", rights))


def test_a_video_becomes_a_preview_and_files_for_each_frame(tmp_path: Path, frames: StereoFrames) -> None:
    def write_frame(name: str, views: RectifiedViews, prediction: Prediction) -> None:
        (tmp_path / name).mkdir()
        StereoResult(views.left, prediction.disparity).save(tmp_path / name)

    method = Counting()
    preview = PreviewVideo(tmp_path / "preview.mp4", frames.frame_rate, span=(0, 8))
    done = infer_video(method, frames, preview, write_frame=write_frame)
    assert (done.frames, done.problems, done.stopped_by) == (FRAMES, [], None)
    assert (done.height, done.width, done.lowest, done.highest) == (HEIGHT, WIDTH, 1, FRAMES)
    assert done.wider_range == 8  # beyond the method's range of 4 px
    for number, (left, right) in enumerate(zip(*pan(), strict=True)):
        np.testing.assert_array_equal(method.samples[number].left, left)
        np.testing.assert_array_equal(method.samples[number].right, right)
        np.testing.assert_array_equal(read_pfm(tmp_path / f"{number:06d}/disparity.pfm"), np.float32(number + 1))
    shown, rate = read_video(tmp_path / "preview.mp4")
    assert (len(shown), rate) == (FRAMES, RATE)
    assert shown[0].shape[0] > HEIGHT
    assert shown[0].shape[1] > 2 * WIDTH


def test_views_are_prepared_and_disparities_smoothed(frames: StereoFrames) -> None:
    method, found = Counting(), []
    infer_video(
        method,
        frames,
        prepare=lambda left, right: RectifiedViews(left[:32], right[:32]),
        smoothing=TemporalSmoothing(0.5),
        write_frame=lambda name, views, prediction: found.append((views.left.shape, float(prediction.disparity[0, 0]))),
    )
    assert {sample.left.shape for sample in method.samples} == {(32, WIDTH, 3)}
    # 2 follows 1 by the threshold of 1 px; then each is beyond it: 3 follows 1.5, and 4 follows 3 by it again.
    assert found == [((32, WIDTH, 3), value) for value in (1, 1.5, 3, 3.5, 5, 5.5)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_frame_be_finished(tmp_path: Path, frames: StereoFrames, number: signal.Signals) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    done = infer_video(Counting(3, number), frames, PreviewVideo(tmp_path / "preview.mp4"))
    assert (done.frames, done.stopped_by) == (3, number)
    assert len(read_video(tmp_path / "preview.mp4")[0]) == 3
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_an_error_leaves_the_frames_so_far(tmp_path: Path, frames: StereoFrames) -> None:
    with pytest.raises(DataError, match="does not fit into the memory"):
        infer_video(
            Counting(3, DataError("does not fit into the memory")), frames, PreviewVideo(tmp_path / "preview.mp4")
        )
    assert len(read_video(tmp_path / "preview.mp4")[0]) == 2


def test_what_is_broken_is_left_out_and_said(tmp_path: Path) -> None:
    lefts, rights = pan()
    patterns = write_images(tmp_path / "left", lefts), write_images(tmp_path / "right", rights)
    (tmp_path / "left/0000.png").write_text("no image")
    for side, views in (("left", lefts), ("right", rights)):
        write_image(tmp_path / side / "0004.png", views[4][:40])
    done = infer_video(Counting(), open_frames(*patterns), PreviewVideo(tmp_path / "preview.mp4"))
    assert done.frames == FRAMES - 2
    broken, smaller = done.problems
    assert "left/0000.png" in broken
    assert smaller == "frame 0004: is 64×40, but the first one is 64×48 (width × height)"
    assert len(read_video(tmp_path / "preview.mp4")[0]) == FRAMES - 2


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    pattern = write_images(tmp_path / "both", [np.zeros((32, 65, 3), np.uint8)])
    with pytest.raises(DataError, match=r"no frame of the video could be processed: .*is 65×32"):
        infer_video(Counting(), open_frames(pattern, layout="side-by-side"), PreviewVideo(tmp_path / "preview.mp4"))
    assert not (tmp_path / "preview.mp4").exists()
