"""A contact sheet of samples: both views, disparity, what is occluded, and how well the ground truth warps.

Everything here gives RGB uint8 [H, W, 3]; nothing is written to disk.
"""

import cv2
import numpy as np

from stereo.data.sample import Image, StereoSample
from stereo.data.warping import comparable, warp_residual
from stereo.visualize import color_disparity, color_limit, put_text

COLUMNS = ("left", "right", "disparity", "occluded", "residual")
LABEL_HEIGHT = 18
# Gray levels of residual that are shown white.
_WHITE_AT = 32


def draw_row(sample: StereoSample, width: int) -> Image:
    """Draw one sample: its name and measures, and below them the pictures that :data:`COLUMNS` names.

    The residual is |L(x) − R(x − d)| from black, 0, to white, 32 gray levels or more, where it means something.

    Args:
        width: Width of each picture, px.
    """
    pictures = [sample.left, sample.right]
    truth = sample.truth
    if truth is None:
        pictures += [np.zeros_like(sample.left)] * 3
    else:
        pictures.append(color_disparity(truth.disparity, color_limit(truth.disparity, truth.valid), 0, truth.valid))
        occluded = np.zeros(truth.valid.shape, np.bool_) if truth.occluded is None else truth.occluded
        pictures.append(np.where(occluded[..., None], np.uint8(255), sample.left // 3))
        level = np.minimum(warp_residual(sample) * (255 / _WHITE_AT), 255)
        shown = np.where(comparable(sample), level, 0).astype(np.uint8)
        pictures.append(np.repeat(shown[..., None], 3, axis=2))
    size = (width, max(1, round(sample.height * width / sample.width)))
    strip = np.concatenate([cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures], axis=1)
    label = np.zeros((LABEL_HEIGHT, strip.shape[1], 3), np.uint8)
    put_text(label, f"{sample.name}: {describe_sample(sample)}".replace("×", "x").replace("…", "to"), 4, 13, 0.42)
    return np.concatenate([label, strip.astype(np.uint8, copy=False)])


def describe_sample(sample: StereoSample) -> str:
    """Return size, disparities, share of occluded pixels and mean residual in words."""
    truth = sample.truth
    if truth is None or not truth.valid.any():
        return "no ground truth"
    known = truth.disparity[truth.valid]
    occluded = "" if truth.occluded is None else f", {truth.occluded.mean():.0%} occluded"
    where = comparable(sample)
    residual = f", residual {warp_residual(sample)[where].mean():.2f}" if where.any() else ""
    return f"{sample.width}×{sample.height}, disparity {known.min():.1f} … {known.max():.1f} px{occluded}{residual}"
