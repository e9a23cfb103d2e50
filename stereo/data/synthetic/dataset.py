"""SyntheticWorld: the procedural world as a data set."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np

from stereo.config import SyntheticConfig
from stereo.data.sample import GroundTruth, Mask, SampleSource, StereoSample
from stereo.data.synthetic.arrays import ObjectIds
from stereo.data.synthetic.choose.materials import with_materials, with_other_light
from stereo.data.synthetic.choose.scene import choose_scene
from stereo.data.synthetic.choose.sensors import (
    choose_defocus,
    choose_misalignment,
    choose_sensors,
    with_defects,
    with_unequal_exposure,
)
from stereo.data.synthetic.render.occlusion import find_occluded
from stereo.data.synthetic.render.sensor import to_uint8
from stereo.data.synthetic.render.view import render_view
from stereo.data.synthetic.streams import Purpose, stream
from stereo.data.synthetic.window import Window
from stereo.data.transforms import misalign

# The version of what (seed, index) gives. A change that moves a pixel raises it; a test compares it with a fingerprint.
WORLD_VERSION = 3


class Annotated(NamedTuple):
    """A pair, with what is known of a rendered pair alone.

    object_id: int16 [H, W], the index of the surface that the left view shows, from back to front; backgrounds come
        first. boundary: bool [H, W], True where a neighbor (of four, in the window) shows another surface.
    """

    sample: StereoSample
    object_id: ObjectIds
    boundary: Mask


def find_boundary(object_id: ObjectIds) -> Mask:
    """Return where one of the four neighbors belongs to another surface. [H, W] to bool [H, W]."""
    boundary = np.zeros(object_id.shape, np.bool_)
    across = object_id[:, 1:] != object_id[:, :-1]
    down = object_id[1:] != object_id[:-1]
    boundary[:, 1:] |= across
    boundary[:, :-1] |= across
    boundary[1:] |= down
    boundary[:-1] |= down
    return boundary


class _Names(Sequence[str]):
    """The names of a world's samples, of which there may be billions."""

    def __init__(self, world: "SyntheticWorld") -> None:
        self.world = world

    def __len__(self) -> int:
        return len(self.world)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        indices = range(len(self))[index]
        return self.world.name_of(indices) if isinstance(indices, int) else [self.world.name_of(one) for one in indices]


class SyntheticWorld:
    """Rectified pairs of layered surfaces, rendered when they are asked for, with exact and dense ground truth.

    Sample `index` is a pure function of (config.seed, index) and of the other settings: the same bytes in any order,
    process and number of workers.

    Args:
        occluded, right: Whether ground truth has `occluded`, which takes a tenth of the time, and the right view's
            disparity. Without them all else is the same.

    Source: in the spirit of the procedural layers of Mayer et al., "What makes good synthetic training data for
    learning disparity and optical flow estimation?", IJCV 2018.
    """

    def __init__(self, config: SyntheticConfig | None = None, occluded: bool = True, right: bool = True) -> None:
        self.config = config or SyntheticConfig()
        self.with_occluded, self.with_right = occluded, right
        # Of all samples; nothing is rendered, and no name is made before it is asked for.
        self.names: Sequence[str] = _Names(self)

    def name_of(self, index: int) -> str:
        """Return the name of one sample."""
        return f"synthetic/{self.config.seed}/{index:06d}"

    def __len__(self) -> int:
        return self.config.length

    def __getitem__(self, index: int) -> StereoSample:
        """Return one pair, with the disparities of both views and `occluded` unless left out; every pixel is valid.

        Raises: IndexError unless 0 <= index < len(self).
        """
        return self.window(index, self._frame)

    def window(self, index: int, window: Window) -> StereoSample:
        """Return a window of pair `index`, rendered without the rest of its frame: the same, but for its noise.

        Raises: IndexError unless 0 <= index < len(self).
        """
        return self._render(index, window)[0]

    def annotated(self, index: int, window: Window | None = None) -> Annotated:
        """Return pair `index`, or a window of it, with object ids and boundaries.

        Raises: IndexError unless 0 <= index < len(self).
        """
        sample, owner = self._render(index, window or self._frame)
        return Annotated(sample, np.ascontiguousarray(owner), find_boundary(owner))

    def source(self, index: int) -> SampleSource:
        """Return pair `index`; nothing is rendered yet. Raises: IndexError unless 0 <= index < len(self)."""
        self._check(index)
        return _LazyPair(self, index)

    def __iter__(self) -> Iterator[StereoSample]:
        return (self[index] for index in range(len(self)))

    @property
    def _frame(self) -> Window:
        return Window(0, 0, self.config.height, self.config.width)

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of a synthetic world of {len(self)}")

    def _stream(self, index: int, purpose: Purpose) -> np.random.Generator:
        return stream(self.config.seed, index, purpose)

    def _render(self, index: int, window: Window) -> tuple[StereoSample, ObjectIds]:
        """Return a window of a pair and the index of the layer that each left pixel shows, [H, W]."""
        self._check(index)
        config = self.config
        error = choose_misalignment(self._stream(index, Purpose.MISALIGNMENT), config)
        if error is None:
            return self._render_rectified(index, window)
        # Pixels beside the window may turn into it.
        wider = window.grown(error.margin(config.height, config.width), config.height, config.width)
        sample, owner = self._render_rectified(index, wider)
        middle = ((config.width - 1) / 2 - wider.left, (config.height - 1) / 2 - wider.top)
        sample = misalign(sample, error.shift, error.angle, middle)
        here = window.within(wider)
        return sample.window(here[0].start, here[1].start, window.height, window.width), owner[here]

    def _render_rectified(self, index: int, window: Window) -> tuple[StereoSample, ObjectIds]:
        config = self.config
        # What the settings may switch off has streams of its own, so that the rest of the scene stays the same.
        rng = self._stream(index, Purpose.SCENE)
        scene = choose_scene(rng, self._stream(index, Purpose.EXTRAS), config)
        sensors = with_defects(choose_sensors(rng), self._stream(index, Purpose.DEFECTS), config)
        scene = with_materials(scene, self._stream(index, Purpose.MATERIALS), config)
        views_rng = self._stream(index, Purpose.VIEWS)
        sensors = with_unequal_exposure(sensors, views_rng, config)
        scenes = scene, with_other_light(scene, views_rng, config)
        defocus_rng = self._stream(index, Purpose.DEFOCUS)
        lens = choose_defocus(defocus_rng, scene.middle_disparities, config.defocus_probability)
        images, views = [], []
        for sensor, lit, right in zip(sensors, scenes, (False, True), strict=True):
            # Blur reaches in from beside the window.
            margin = max(sensor.margin if config.photometric else 0, 0 if lens is None else lens.margin)
            wider = window.grown(margin, config.height, config.width)
            view = render_view(lit, right, wider)
            radiance = view.radiance if lens is None else lens.blur(view.radiance, view.disparity)
            if config.photometric:
                image = sensor.capture(rng, radiance, wider, (config.height, config.width))
            else:
                image = to_uint8(radiance)
            here = window.within(wider)
            images.append(np.ascontiguousarray(image[here]))
            views.append(view.part(here))
        left, right_view = views
        sample = StereoSample(
            left=images[0],
            right=images[1],
            truth=GroundTruth(
                disparity=np.ascontiguousarray(left.disparity),
                valid=np.ones(left.disparity.shape, np.bool_),
                occluded=find_occluded(scene, left, window, right_view) if self.with_occluded else None,
                disparity_right=np.ascontiguousarray(right_view.disparity) if self.with_right else None,
            ),
            calibration=scene.camera.calibration.cropped(window.top, window.left),
            name=self.name_of(index),
        )
        return sample, left.owner


class _LazyPair:
    """A pair of the world that is not rendered yet: a crop costs no more than its own pixels."""

    def __init__(self, world: SyntheticWorld, index: int) -> None:
        self.world, self.index = world, index
        self.name = world.name_of(index)
        self.height, self.width = world.config.height, world.config.width

    def window(self, top: int, left: int, height: int, width: int) -> StereoSample:
        """Return a window of the frame."""
        return self.world.window(self.index, Window(top, left, height, width))
