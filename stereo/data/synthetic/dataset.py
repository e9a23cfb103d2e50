"""SyntheticWorld: the procedural world as a data set."""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stereo.config import SyntheticConfig
from stereo.data.sample import GroundTruth, SampleSource, StereoSample
from stereo.data.synthetic.camera import draw_defocus, draw_misalignment, to_uint8, with_defects
from stereo.data.synthetic.lighting import with_materials
from stereo.data.synthetic.painter import draw_scene
from stereo.data.synthetic.render import find_occluded, render_view
from stereo.data.synthetic.window import Window
from stereo.data.transforms import misalign

# Of what (seed, index) draws. It goes up with every change that moves a pixel, and a test holds it to a fingerprint.
WORLD_VERSION = 3


class Annotated(NamedTuple):
    """A pair with what only a drawn world knows.

    object_id: int16 [H, W], the index of the surface that the left view shows, from back to front; those of the
        background come first. boundary: bool [H, W], True where a neighbour (of four) shows another surface.
    """

    sample: StereoSample
    object_id: NDArray[np.int16]
    boundary: NDArray[np.bool_]


def find_boundary(object_id: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Where one of the four neighbours belongs to another surface. [H, W] to bool [H, W]."""
    boundary = np.zeros(object_id.shape, np.bool_)
    across = object_id[:, 1:] != object_id[:, :-1]
    down = object_id[1:] != object_id[:-1]
    boundary[:, 1:] |= across
    boundary[:, :-1] |= across
    boundary[1:] |= down
    boundary[:-1] |= down
    return boundary


class SyntheticWorld:
    """Rectified pairs of layered surfaces, drawn when asked for, with exact and dense ground truth.

    Sample `index` is a pure function of (config.seed, index) and of the other settings: the same bytes in any order,
    process and number of workers.

    Source: in the spirit of the procedural layers of Mayer et al., "What makes good synthetic training data for
    learning disparity and optical flow estimation?", IJCV 2018.
    """

    def __init__(self, config: SyntheticConfig | None = None) -> None:
        self.config = config or SyntheticConfig()

    @cached_property
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
        self._check(index)
        return self.window(int(index), Window(0, 0, self.config.height, self.config.width))

    def window(self, index: int, window: Window) -> StereoSample:
        """A window of pair `index`, drawn without the rest of its frame: the same world, with noise of its own."""
        return self.annotated(index, window).sample

    def source(self, index: int) -> SampleSource:
        """Return pair `index`, of which nothing is drawn yet. Raises: IndexError unless 0 <= index < len(self)."""
        self._check(index)
        return _UndrawnPair(self, index)

    def annotated(self, index: int, window: Window | None = None) -> Annotated:
        """Pair `index`, or a window of it, with what only a drawn world knows."""
        config = self.config
        window = window or Window(0, 0, config.height, config.width)
        error = draw_misalignment(np.random.default_rng([config.seed, index, 7]), config)
        if error is None:
            return self._rectified(index, window)
        # What turns into the window from beside it is drawn, too.
        drawn = window.grown(error.margin(config.height, config.width), config.height, config.width)
        sample, object_id, boundary = self._rectified(index, drawn)
        center = ((config.width - 1) / 2 - drawn.left, (config.height - 1) / 2 - drawn.top)
        sample = misalign(sample, error.shift, error.angle, center)
        here = window.within(drawn)
        sample = sample.window(here[0].start, here[1].start, window.height, window.width)
        return Annotated(sample, np.ascontiguousarray(object_id[here]), np.ascontiguousarray(boundary[here]))

    def _rectified(self, index: int, window: Window) -> Annotated:
        config = self.config
        rng = np.random.default_rng([config.seed, index])
        scene = draw_scene(rng, config)
        # What may be switched off draws from generators of its own, so that the scene stays the same.
        scene = with_materials(scene, np.random.default_rng([config.seed, index, 2]), config)
        cameras = with_defects(scene.cameras, np.random.default_rng([config.seed, index, 1]), config)
        lens_rng = np.random.default_rng([config.seed, index, 5])
        lens = draw_defocus(lens_rng, scene.middle_disparities, config.defocus_probability)
        images, views = [], []
        for camera, right in zip(cameras, (False, True), strict=True):
            margin = camera.margin if config.photometric else 0
            drawn = window.grown(max(margin, 0 if lens is None else lens.margin), config.height, config.width)
            view = render_view(scene, right, drawn)
            light = view.light if lens is None else lens.blurred(view.light, view.disparity)
            if config.photometric:
                image = camera.capture(rng, light, drawn, (config.height, config.width))
            else:
                image = to_uint8(light)
            here = window.within(drawn)
            images.append(np.ascontiguousarray(image[here]))
            views.append(view.part(here))
        left, right_view = views
        sample = StereoSample(
            left=images[0],
            right=images[1],
            truth=GroundTruth(
                disparity=np.ascontiguousarray(left.disparity),
                valid=np.ones(left.disparity.shape, np.bool_),
                occluded=find_occluded(scene, left, window, right_view),
                disparity_right=np.ascontiguousarray(right_view.disparity),
            ),
            calibration=scene.camera.calibration.cropped(window.top, window.left),
            name=self._name(index),
        )
        return Annotated(sample, np.ascontiguousarray(left.owner), find_boundary(left.owner))

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of a synthetic world of {len(self)}")

    def __iter__(self) -> Iterator[StereoSample]:
        return (self[index] for index in range(len(self)))


class _UndrawnPair:
    """A pair of the world before it is drawn: a crop of it costs what the crop's own pixels cost."""

    def __init__(self, world: SyntheticWorld, index: int) -> None:
        self.world, self.index = world, index
        self.name = world._name(index)
        self.height, self.width = world.config.height, world.config.width

    def window(self, top: int, left: int, height: int, width: int) -> StereoSample:
        """A window of the frame."""
        return self.world.window(self.index, Window(top, left, height, width))
