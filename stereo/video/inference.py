"""From the frames of a stereo video to a video of their disparities, and to files for each frame."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from tqdm import tqdm

from stereo.camera.rig import RectifiedViews
from stereo.data.sample import Image, StereoSample
from stereo.errors import DataError
from stereo.methods.labels import wider_range
from stereo.methods.method import Method, Prediction
from stereo.signals import noticed_signals
from stereo.video.frames import StereoFrames
from stereo.video.preview import PreviewVideo
from stereo.video.smoothing import TemporalSmoothing


@dataclass
class InferredVideo:
    """What came of a video.

    frames: how many were done. problems: one line for each thing that was left out.
    height, width: of a view, px. lowest, highest: of the disparities, px. seconds: what the predictions took, together.
    wider_range: px, the range to try where the method's seems too small; None where it suffices.
    stopped_by: the number of the signal that ended it early; None: it went to its end.
    """

    frames: int = 0
    problems: list[str] = field(default_factory=list)
    height: int = 0
    width: int = 0
    lowest: float = float("inf")
    highest: float = float("-inf")
    seconds: float = 0.0
    wider_range: int | None = None
    stopped_by: int | None = None


def infer_video(
    method: Method,
    frames: StereoFrames,
    preview: PreviewVideo | None = None,
    *,
    prepare: Callable[[Image, Image], RectifiedViews] | None = None,
    smoothing: TemporalSmoothing | None = None,
    write_frame: Callable[[str, RectifiedViews, Prediction], object] | None = None,
) -> InferredVideo:
    """Predict the frames of a video, and write a preview of them, files for each, or both.

    The first signal that asks to stop (Ctrl-C, SIGTERM, a closed terminal) lets it finish its frame and return; the
    files hold the frames so far.

    Args:
        method: What predicts.
        frames: What :func:`stereo.video.opening.open_frames` returns; closed at the end.
        preview: The video to write, not entered yet. None: none.
        prepare: What makes rectified views of the left and the right image. None: they are.
        smoothing: What is done to the disparities. None: nothing.
        write_frame: Called with the name, the views and the prediction of each frame.

    Raises: DataError where no frame could be read, or the method takes none of this kind; OutputError. What was
        written before stays.
    """
    done = InferredVideo(problems=frames.problems)  # one list: those of the frames, and those found here
    with noticed_signals() as signals, frames, preview or nullcontext():
        for frame in tqdm(frames, total=frames.count, unit="frame", disable=None):
            if signals:
                done.stopped_by = signals[0]
                break
            views = (RectifiedViews if prepare is None else prepare)(frame.left, frame.right)
            left = views.left
            if done.frames and left.shape[:2] != (done.height, done.width):
                done.problems.append(
                    f"frame {frame.name}: is {left.shape[1]}×{left.shape[0]}, but the first one is "
                    f"{done.width}×{done.height} (width × height)"
                )
                continue
            start = time.perf_counter()
            prediction = method.predict_sample(StereoSample(left, views.right, name=frame.name))
            done.seconds += time.perf_counter() - start
            _note(done, method, prediction)
            if smoothing is not None:
                prediction = replace(prediction, disparity=smoothing(prediction.disparity))
            if write_frame is not None:
                write_frame(frame.name, views, prediction)
            if preview is not None:
                preview.add(left, prediction.disparity)
    if not done.frames and done.stopped_by is None:
        reason = f": {done.problems[0]}" if done.problems else "; there is none to read"
        raise DataError(f"no frame of the video could be processed{reason}")
    return done


def _note(done: InferredVideo, method: Method, prediction: Prediction) -> None:
    disparity = prediction.disparity
    done.frames += 1
    done.height, done.width = disparity.shape
    done.lowest = min(done.lowest, float(disparity.min()))
    done.highest = max(done.highest, float(disparity.max()))
    wider = None if method.max_disparity is None else wider_range(disparity, method.max_disparity)
    if wider is not None:
        done.wider_range = max(wider, done.wider_range or 0)
