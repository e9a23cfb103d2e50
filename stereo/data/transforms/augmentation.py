"""The chain of transforms that augments one training sample, by the settings."""

from numpy.random import Generator

from stereo.config import AugmentationConfig
from stereo.data.sample import SampleSource, StereoSample
from stereo.data.transforms.basics import chance
from stereo.data.transforms.geometry import horizontal_flip, misalign, random_crop, resize, vertical_flip
from stereo.data.transforms.one_view import change_one_view
from stereo.data.transforms.photometric import color_jitter, erase_right


class Augmentation:
    """The configured chain: resize, crop, flips, misalignment, color, erasing, and how one view alone looks.

    A pure function of (sample, generator). It takes no more than the crop from its source, unless the sample is
    resized.
    Raises: DataError if a sample is smaller than the crop.
    """

    def __init__(self, config: AugmentationConfig) -> None:
        self.config = config

    def __call__(self, source: SampleSource, rng: Generator) -> StereoSample:
        return self.change_looks(self.move(source, rng), rng)

    def move(self, source: SampleSource, rng: Generator) -> StereoSample:
        """Return the sample after the first half of the chain: where its pixels lie, and what is known of them."""
        config = self.config
        if rng.random() < config.scale_probability:
            source = self._resized(source.window(0, 0, source.height, source.width), rng)
        if config.crop_height is None or config.crop_width is None:
            sample = source.window(0, 0, source.height, source.width)
        else:
            sample = random_crop(source, config.crop_height, config.crop_width, rng)
        can_flip = sample.truth is not None and sample.truth.disparity_right is not None
        if chance(config.horizontal_flip_probability, rng) and can_flip:
            sample = horizontal_flip(sample)
        if rng.random() < config.vertical_flip_probability:
            sample = vertical_flip(sample)
        if chance(config.misalignment_probability, rng):
            shift = rng.uniform(-config.max_vertical_shift, config.max_vertical_shift)
            sample = misalign(sample, shift, rng.uniform(-config.max_rotation, config.max_rotation))
        return sample

    def change_looks(self, sample: StereoSample, rng: Generator) -> StereoSample:
        """Return the sample after the second half: how its views look. Ground truth stays as it is."""
        config = self.config
        if config.color_jitter > 0:
            sample = color_jitter(sample, config.color_jitter, config.asymmetric_color_probability, rng)
        if rng.random() < config.right_erase_probability:
            sample = erase_right(sample, rng)
        # The last: whatever it draws, all else is drawn as without it.
        return change_one_view(sample, config.one_view, rng)

    def _resized(self, sample: StereoSample, rng: Generator) -> StereoSample:
        """Return the sample at a random scale, at which it is no smaller than the crop unless it was before."""
        config = self.config
        scale = 2.0 ** rng.uniform(config.min_log2_scale, config.max_log2_scale)
        stretch = 1.0
        if chance(config.stretch_probability, rng):
            stretch = 2.0 ** rng.uniform(-config.max_log2_stretch, config.max_log2_stretch)
        smallest = max((config.crop_height or 1) / sample.height, (config.crop_width or 1) / sample.width / stretch)
        fits = sample.height >= (config.crop_height or 1) and sample.width >= (config.crop_width or 1)
        return resize(sample, max(scale, smallest if fits else 1.0), stretch)
