"""The command infer.py on videos: its options, and what it says."""

import argparse
import sys

from stereo.camera.rig import RectifiedViews, Rig
from stereo.config.checks import require
from stereo.data.sample import Image, check_pair
from stereo.methods.inference import Inference
from stereo.video.frames import FrameRange
from stereo.video.inference import InferredVideo, infer_video
from stereo.video.opening import open_frames
from stereo.video.preview import PreviewVideo
from stereo.video.smoothing import TemporalSmoothing
from stereo.video.video_file import CODECS

FILE_NAME = "disparity.mp4"


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that concern videos alone."""
    group = parser.add_argument_group(
        f"videos: {FILE_NAME} is written, and with --frame-files what is written of images"
    )
    group.add_argument("--video", action="store_true", help="take images by a pattern (left/%%04d.png) as a video")
    group.add_argument("--frame-files", action="store_true", help="and for each frame what is written of images")
    group.add_argument("--first", type=int, default=0, metavar="N", help="the first frame, counted from 0")
    group.add_argument("--last", type=int, metavar="N", help="the last frame (default: to the end)")
    group.add_argument("--every", type=int, default=1, metavar="N", help="every N-th frame")
    group.add_argument(
        "--smooth", type=float, metavar="W", help="weight of a new frame, 0 … 1: less flicker, and motion seen late"
    )
    group.add_argument(
        "--frame-rate",
        type=float,
        metavar="R",
        help="frames a second of it (default: the video's; 30 of cameras, images)",
    )
    group.add_argument("--codec", choices=CODECS, help="of the MP4 (default: the first that can be written)")


def infer_videos(args: argparse.Namespace, inference: Inference) -> int:
    """Predict the frames of the videos or cameras that `args.images` names; return the exit code.

    Raises: ConfigError for options that do not go together; what :func:`stereo.video.opening.open_frames` and
        :func:`stereo.video.inference.infer_video` raise.
    """
    require(bool(args.images), "--video: expected a video, a camera or images by a pattern, not a list")
    require(not args.vertical, "--vertical: is for images alone; turn the videos by 90° first")
    smoothing = None if args.smooth is None else TemporalSmoothing(args.smooth)
    left, right = args.images if len(args.images) == 2 else (args.images[0], None)
    frames = open_frames(left, right, args.layout, FrameRange(args.first, args.last, args.every))
    preview = PreviewVideo(
        inference.folder / FILE_NAME,
        frames.frame_rate if args.frame_rate is None else args.frame_rate,
        span=None if args.preview_range is None else (args.preview_range[0], args.preview_range[1]),
        color_map=args.colormap,
        codec=args.codec,
    )
    done = infer_video(
        inference.method,
        frames,
        preview,
        prepare=None if inference.rig is None else _Prepare(inference.rig),
        smoothing=smoothing,
        write_frame=inference.write if args.frame_files else None,
    )
    return _report(done, inference)


class _Prepare:
    """The views of a rig, of pairs that fit together."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def __call__(self, left: Image, right: Image) -> RectifiedViews:
        check_pair(left, right)
        return self.rig.views(left, right)


def _report(done: InferredVideo, inference: Inference) -> int:
    for problem in done.problems:
        print(f"warning: {problem}", file=sys.stderr)
    if not done.frames:
        return 128 + (done.stopped_by or 0)
    print(
        f"wrote {FILE_NAME} of {done.frames} frame{'s' * (done.frames > 1)} to {inference.folder}: "
        f"{done.width}×{done.height} px, disparity {done.lowest:.2f} … {done.highest:.2f} px, "
        f"{done.seconds / done.frames:.2f} s a frame on {inference.method.device}"
    )
    if done.wider_range is not None:
        print(
            f"warning: disparities lie at the end of the network's range of {inference.method.max_disparity} px; where "
            f"the scene is nearer than that they are wrong: try --max-disparity {done.wider_range}",
            file=sys.stderr,
        )
    if done.stopped_by is not None:
        return 128 + done.stopped_by
    return 1 if done.problems else 0
