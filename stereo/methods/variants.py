"""Other ways to run a method: each wraps one and is a method itself, of its own name and settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch

from stereo.data.sample import Image, Map, StereoSample
from stereo.data.transforms import resize, vertical_flip
from stereo.errors import ConfigError, DataError
from stereo.methods.method import Method, Prediction, predict_samples
from stereo.methods.resizing import resize_prediction

# Beyond these a scale is a slip of the pen, as 50 for 50 %.
_LEAST_SCALE, _MOST_SCALE = 1 / 16, 8.0


class FlipTest:
    """The mean of a method's prediction for a pair and of that for the pair turned upside down.

    A vertical flip of both views leaves disparities as they are, so the two are estimates of one map; so are the
    confidences. A value counts as the method's own where it is in both.
    """

    def __init__(self, method: Method) -> None:
        self.method = method
        self.name = f"{method.name} (flip test)"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return those of the method, and what is done with it."""
        return {**self.method.settings, "flip_test": "mean with the pair turned upside down"}

    @property
    def device(self) -> torch.device | None:
        """Return where the method runs."""
        return self.method.device

    @property
    def max_disparity(self) -> int | None:
        """Return the method's range, px."""
        return self.method.max_disparity

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the mean prediction. Raises: As the method."""
        plain = self.method.predict_sample(sample)
        flipped = self.method.predict_sample(vertical_flip(sample))
        estimated = plain.estimated
        if estimated is not None and flipped.estimated is not None:
            estimated = estimated & flipped.estimated[::-1]
        return Prediction(
            _mean(plain.disparity, flipped.disparity),
            confidence=_mean_or_none(plain.confidence, flipped.confidence),
            disparity_right=_mean_or_none(plain.disparity_right, flipped.disparity_right),
            estimated=estimated,
            ran_at=plain.ran_at,
        )


class Scaled:
    """A method that runs at another size than the images', as large ones or large disparities may need.

    The views are resized (area interpolation to a smaller size, cubic to a larger one), and the prediction is brought
    back to their size, its disparities divided by the ratio of the widths. The method's own range is one at the size at
    which it runs.

    Args:
        method: Any.
        scale: Of height and width, which are rounded to whole px.

    Raises: ConfigError for a scale under 1/16 or above 8.
    """

    def __init__(self, method: Method, scale: float) -> None:
        if not _LEAST_SCALE <= scale <= _MOST_SCALE:
            raise ConfigError(f"the scale is {scale:g}, expected {_LEAST_SCALE:g} … {_MOST_SCALE:g}, such as 0.5")
        self.method = method
        self.scale = scale
        self.name = f"{method.name} (scale {scale:g})"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return those of the method, and the scale."""
        return {**self.method.settings, "scale": self.scale}

    @property
    def device(self) -> torch.device | None:
        """Return where the method runs."""
        return self.method.device

    @property
    def max_disparity(self) -> int | None:
        """Return the range at the images' own size, px."""
        return None if self.method.max_disparity is None else round(self.method.max_disparity / self.scale)

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction at the images' own size. Raises: As the method."""
        return self.predict_samples([sample])[0]

    def predict_samples(self, samples: Sequence[StereoSample]) -> list[Prediction]:
        """Return the predictions for samples of one size, at their own size. Raises: As the method."""
        height, width = samples[0].height, samples[0].width
        resized = [self._resized(sample) for sample in samples]
        if (resized[0].height, resized[0].width) == (height, width):
            return predict_samples(self.method, samples)
        try:
            predictions = predict_samples(self.method, resized)
        except DataError as error:
            raise DataError(f"at scale {self.scale:g}: {error}") from None
        return [resize_prediction(prediction, height, width) for prediction in predictions]

    def _resized(self, sample: StereoSample) -> StereoSample:
        resized = resize(sample, self.scale)
        if self.scale > 1:  # where resize() itself interpolates linearly
            size = (resized.width, resized.height)
            resized = replace(resized, left=_enlarged(sample.left, size), right=_enlarged(sample.right, size))
        return resized


def _mean(plain: Map, flipped: Map) -> Map:
    return (plain + flipped[::-1]) / np.float32(2)


def _mean_or_none(plain: Map | None, flipped: Map | None) -> Map | None:
    return None if plain is None or flipped is None else _mean(plain, flipped)


def _enlarged(image: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
