"""Writing pairs in the original layout of Scene Flow, as frames of FlyingThings3D."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from stereo.data.families.scene_flow.names import Split
from stereo.data.formats import write_image, write_pfm
from stereo.data.sample import StereoSample
from stereo.errors import OutputError

# Ten frames to a clip, and clips under A, B and C in turn.
_FRAMES_PER_CLIP, _FIRST_FRAME = 10, 6


class PairPaths(NamedTuple):
    """The files of one pair that is written."""

    left: Path
    right: Path
    disparity: Path
    disparity_right: Path


def pair_paths(folder: Path, split: Split, index: int) -> PairPaths:
    """Return where pair `index` of a split is written: in FlyingThings3D, cleanpass."""
    number, frame = divmod(index, _FRAMES_PER_CLIP)
    clip = Path(split.upper(), "ABC"[number % 3], f"{number // 3:04d}")
    stem = f"{_FIRST_FRAME + frame:04d}"
    frames = folder / "FlyingThings3D" / "frames_cleanpass" / clip
    disparity = folder / "FlyingThings3D" / "disparity" / clip
    return PairPaths(
        frames / "left" / f"{stem}.png",
        frames / "right" / f"{stem}.png",
        disparity / "left" / f"{stem}.pfm",
        disparity / "right" / f"{stem}.pfm",
    )


def write_pair(sample: StereoSample, paths: PairPaths) -> None:
    """Write the views and the disparities of a pair. Raises: OutputError; DataError without ground truth."""
    truth = sample.require_truth("Scene Flow")
    for path in paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be created: {error.strerror}") from None
    write_pfm(paths.disparity, np.where(truth.valid, truth.disparity, np.float32(np.inf)))
    if truth.disparity_right is not None:
        write_pfm(paths.disparity_right, truth.disparity_right)
    write_image(paths.right, sample.right)
    # Last: a loader looks for left images and expects the rest of the pair beside them.
    write_image(paths.left, sample.left)
