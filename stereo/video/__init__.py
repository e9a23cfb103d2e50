"""Stereo video: frames from files, cameras and image sequences; an MP4 of their disparities.

`opening` makes frames of words; `frames` are the pairs, which come from a `capture` or a `sequence`; `inference`
predicts them, with `smoothing`, into a `preview`, which is a `video_file`; `command` is infer.py on videos.
"""

from stereo.video.frames import LAYOUTS, Frame, FrameRange, StereoFrames
from stereo.video.inference import InferredVideo, infer_video
from stereo.video.opening import is_video, open_frames
from stereo.video.preview import PreviewVideo
from stereo.video.smoothing import TemporalSmoothing
from stereo.video.video_file import CODECS

__all__ = [
    "CODECS",
    "LAYOUTS",
    "Frame",
    "FrameRange",
    "InferredVideo",
    "PreviewVideo",
    "StereoFrames",
    "TemporalSmoothing",
    "infer_video",
    "is_video",
    "open_frames",
]
