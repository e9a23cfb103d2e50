"""What several tests of the procedural world share: its pairs without sensors and materials, and how true they are."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers import occluded_of, truth_of, with_truth
from stereo.config import SceneStyle, SyntheticConfig
from stereo.data.sample import Map, Mask, StereoSample
from stereo.data.synthetic import SyntheticWorld
from stereo.data.synthetic.choose.scene import choose_scene
from stereo.data.synthetic.scene.scene import Scene
from stereo.data.synthetic.streams import Purpose, stream
from stereo.data.warping import warp_residual

CLEAN = SyntheticConfig(height=128, width=256, max_disparity=64, photometric=False, materials=0, length=1000)
SCENES = range(12)
PRESETS: tuple[SceneStyle, ...] = ("flying", "tabletop", "driving")
GROUND_TRUTH = ("disparity", "valid", "occluded", "disparity_right")


@cache
def clean_pair(index: int) -> StereoSample:
    """Return a pair of the clean world."""
    return SyntheticWorld(CLEAN)[index]


def scene_of(config: SyntheticConfig, index: int) -> Scene:
    """Return the scene of a pair, without light and materials."""
    rng, extras = (stream(config.seed, index, purpose) for purpose in (Purpose.SCENE, Purpose.EXTRAS))
    return choose_scene(rng, extras, config)


def grid(height: int, width: int) -> tuple[Map, Map]:
    """Return the column and the row of each pixel, [height, width] each."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def warp_error(pair: StereoSample, mask: Mask, disparity: Map | None = None) -> float:
    """Return the mean of |L(x) − R(x − d)| over a mask in gray levels, for the pair's own disparity or another one."""
    if disparity is not None:
        pair = with_truth(pair, disparity=disparity)
    return float(warp_residual(pair)[mask].mean())


def inside_surfaces(pair: StereoSample) -> NDArray[np.bool_]:
    """Return where both views see the pixel, and no border is nearer than three pixels."""
    disparity = truth_of(pair).disparity
    spread = cv2.dilate(disparity, np.ones((3, 3))) - cv2.erode(disparity, np.ones((3, 3))) > 1
    near_border = cv2.dilate((occluded_of(pair) | spread).astype(np.uint8), np.ones((5, 5), np.uint8))
    return near_border == 0
