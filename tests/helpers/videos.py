"""What the tests of video share: a pan over a scene of the procedural world, and its files."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from helpers.world import clean_pair
from stereo.data.formats import write_image
from stereo.data.sample import Image
from stereo.quiet import quiet_opencv

HEIGHT, WIDTH, FRAMES, RATE = 48, 64, 6, 12.5


@cache
def pan() -> tuple[list[Image], list[Image]]:
    """Return the left and the right views of a camera that turns over a scene: windows that go to the right."""
    pair = clean_pair(0)
    lefts, rights = (
        [np.ascontiguousarray(view[20 : 20 + HEIGHT, 40 + 8 * i : 40 + 8 * i + WIDTH]) for i in range(FRAMES)]
        for view in (pair.left, pair.right)
    )
    return lefts, rights


def write_video(path: Path, pictures: Iterable[Image], rate: float = RATE) -> str:
    """Write a video without loss, and return its path as a word of a command line."""
    pictures = list(pictures)
    size = pictures[0].shape[1::-1]
    with quiet_opencv():
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), rate, size)
    assert writer.isOpened()
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()
    return str(path)


def write_images(folder: Path, pictures: Iterable[Image], first: int = 0) -> str:
    """Write numbered images, and return the pattern that stands for them."""
    folder.mkdir()
    for number, picture in enumerate(pictures, first):
        write_image(folder / f"{number:04d}.png", picture)
    return str(folder / "%04d.png")


def read_video(path: Path) -> tuple[list[Image], float]:
    """Return the frames of a video, and how many a second it has."""
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert video.isOpened()
    frames: list[Image] = []
    while True:
        more, picture = video.read()
        if not more:
            return frames, video.get(cv2.CAP_PROP_FPS)
        frames.append(np.asarray(picture[..., ::-1], np.uint8))
