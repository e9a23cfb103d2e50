"""Stage: the space that a scene is arranged in."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.choose.effects import effects_of
from stereo.data.synthetic.choose.style import Style
from stereo.data.synthetic.scene.pinhole import Pinhole


@dataclass(frozen=True)
class Stage:
    """The view that a scene has to fill, and between which disparities.

    height, width: Of the view, px. low, high: Limits of all disparities, px. near: The nearest disparity of this scene.
    far: About the background's.
    """

    height: int
    width: int
    low: float
    high: float
    near: float
    far: float
    camera: Pinhole

    @property
    def focal_length(self) -> float:
        """Return the camera's focal length, px: disparity / focal_length turns lengths in px into relief in px."""
        return self.camera.focal_length


def choose_stage(rng: Generator, config: SyntheticConfig, style: Style) -> Stage:
    """Return the stage of one scene."""
    low, high = min(0.5, 0.02 * config.max_disparity), 0.99 * config.max_disparity
    near = float(min(config.max_disparity * rng.uniform(*style.near), high))
    nearest_from = effects_of(config).nearest_from
    if nearest_from > 0:
        near = float(np.exp(rng.uniform(np.log(min(nearest_from, high)), np.log(high))))
    far = float(max(near * rng.uniform(*style.far), low))
    focal_length = float(config.width * rng.uniform(0.7, 1.5))
    camera = Pinhole.of_frame(focal_length, config.height, config.width)
    return Stage(config.height, config.width, low, high, near, far, camera)
