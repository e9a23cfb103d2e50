"""SyntheticWorld: the procedural world as a data set."""

from collections.abc import Iterator

import numpy as np

from stereo.config import SyntheticConfig
from stereo.data.sample import StereoSample
from stereo.data.synthetic.camera import to_uint8
from stereo.data.synthetic.render import find_occluded, render_view
from stereo.data.synthetic.scene import draw_scene


class SyntheticWorld:
    """Rectified pairs of layered surfaces, drawn when asked for, with exact and dense ground truth.

    Sample `index` is a pure function of (config.seed, index) and of the other settings: the same bytes in any order,
    process and number of workers.

    Source: in the spirit of the procedural layers of Mayer et al., "What makes good synthetic training data for
    learning disparity and optical flow estimation?", IJCV 2018.
    """

    def __init__(self, config: SyntheticConfig | None = None) -> None:
        self.config = config or SyntheticConfig()

    @property
    def names(self) -> list[str]:
        """Of all samples, without drawing them."""
        return [self._name(index) for index in range(len(self))]

    def _name(self, index: int) -> str:
        return f"synthetic/{self.config.seed}/{index:06d}"

    def __len__(self) -> int:
        return self.config.length

    def __getitem__(self, index: int) -> StereoSample:
        """Draw one pair: disparities of both views, `occluded`, everything valid.

        Raises: IndexError unless 0 <= index < len(self).
        """
        index = int(index)
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of a synthetic world of {len(self)}")
        config = self.config
        rng = np.random.default_rng([config.seed, index])
        scene = draw_scene(rng, config)
        left, right = render_view(scene, right=False), render_view(scene, right=True)
        if config.photometric:
            left_image, right_image = (
                camera.capture(rng, view.light) for camera, view in zip(scene.cameras, (left, right), strict=True)
            )
        else:
            left_image, right_image = to_uint8(left.light), to_uint8(right.light)
        return StereoSample(
            left=left_image,
            right=right_image,
            disparity=left.disparity,
            valid=np.ones(left.disparity.shape, np.bool_),
            occluded=find_occluded(scene, left),
            disparity_right=right.disparity,
            name=self._name(index),
        )

    def __iter__(self) -> Iterator[StereoSample]:
        return (self[index] for index in range(len(self)))
