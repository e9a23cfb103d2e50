"""What OpenCV's matchers share as methods: the range, the padding, the holes; and an oracle that knows each range."""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image, Map, StereoSample, check_pair
from stereo.errors import ConfigError
from stereo.methods.holes import HOLES, fill_from_background
from stereo.methods.method import Prediction

# OpenCV gives sixteenths of a pixel as int16.
_SUBPIXEL = 16


class Matcher(ABC):
    """A matcher of OpenCV with holes filled: a dense map for any pair.

    Args:
        num_disparities: px, the range searched is 0 … num_disparities - 1; rounded up to a multiple of 16.
        block_size: px, odd: side of the window over which the matching cost is summed. None: the matcher's usual one.
        confidence: Give one too: 1 where the matcher's own checks, as of the left view against the right one, leave an
            estimate, 0 where it was filled.

    Raises: ConfigError for a range or a window that the matcher cannot have.
    """

    name: ClassVar[str]
    device = None
    usual_block_size: ClassVar[int]
    least_block_size: ClassVar[int]

    def __init__(self, num_disparities: int = 192, block_size: int | None = None, *, confidence: bool = False) -> None:
        block_size = self.usual_block_size if block_size is None else block_size
        if num_disparities < 1:
            raise ConfigError(f"num_disparities is {num_disparities}, expected 1 or more")
        if block_size < self.least_block_size or block_size % 2 == 0:
            raise ConfigError(f"block_size is {block_size}, expected an odd number, {self.least_block_size} or more")
        self.num_disparities = _multiple_of_16(num_disparities)
        self.block_size = block_size
        self.confidence = confidence

    @property
    def max_disparity(self) -> int:
        """Return the range, px."""
        return self.num_disparities

    @property
    def settings(self) -> dict[str, Any]:
        """Return what changes the disparities, as plain values."""
        return {
            "num_disparities": self.num_disparities,
            "block_size": self.block_size,
            **self.parameters,
            "holes": HOLES,
        }

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction for a sample, of which the images alone are looked at. Raises: As `predict`."""
        disparity = self.match(sample.left, sample.right)
        estimated = disparity >= 0
        confidence = estimated.astype(np.float32) if self.confidence else None
        return Prediction(fill_from_background(disparity, estimated), confidence=confidence, estimated=estimated)

    def predict(self, left: Image, right: Image) -> Map:
        """Return the disparity of the left view, dense.

        Args:
            left, right: RGB uint8 [H, W, 3], 32 px or more on each side.

        Returns: float32 [H, W], px, 0 … num_disparities - 1.
        Raises: DataError where the pair has no common size or is too small.
        """
        disparity = self.match(left, right)
        return fill_from_background(disparity, disparity >= 0)

    def match(self, left: Image, right: Image) -> Map:
        """Return the disparity of the left view with holes: float32 [H, W] px, -1 where there is no estimate."""
        check_pair(left, right)
        height, width = left.shape[:2]
        # A disparity beyond the width leaves the image at every pixel: searching there costs memory for nothing.
        num_disparities = min(self.num_disparities, _multiple_of_16(width))
        # Where OpenCV gives no estimate there shall be padding: the first num_disparities columns, and the border.
        border = self.border
        margin = num_disparities + border
        padded = [
            cv2.copyMakeBorder(self.prepare(image), border, border, margin, border, cv2.BORDER_REPLICATE)
            for image in (left, right)
        ]
        found = self.build(num_disparities).compute(*padded)[border : border + height, margin : margin + width]
        disparity = found.astype(np.float32) / _SUBPIXEL
        # A match in the padding is none: a surface without texture would pass for one with the replicated border.
        inside = disparity <= np.arange(width)
        return np.where((disparity >= 0) & inside, disparity, np.float32(-1))

    @property
    def border(self) -> int:
        """Return how many rows and columns at each side of a pair the matcher leaves without an estimate."""
        return 0

    @property
    @abstractmethod
    def parameters(self) -> dict[str, int]:
        """Return OpenCV's settings by its names for them."""

    def prepare(self, image: Image) -> NDArray[np.uint8]:
        """Return a view, RGB uint8 [H, W, 3], as the matcher takes it."""
        return image

    @abstractmethod
    def build(self, num_disparities: int) -> cv2.StereoMatcher:
        """Return OpenCV's matcher of this range, which may be narrower than the method's own."""


class TrueRange:
    """A matcher that is told each image's largest true disparity: an oracle, which no method has in use.

    It shows what the matcher could do if its range were set by hand for every image, as is usual in papers.

    Args:
        matcher: The class of the matcher, such as Sgbm.
        confidence: As for :class:`Matcher`.
    """

    device = None
    max_disparity = None

    def __init__(self, matcher: type[Matcher], *, confidence: bool = False) -> None:
        self.matcher = matcher
        self.confidence = confidence
        self.name = f"{matcher.name} (true range)"

    @property
    def settings(self) -> dict[str, Any]:
        """Return what changes the disparities, as plain values."""
        return {**self.matcher().settings, "num_disparities": "true range"}

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction of the matcher of the sample's own range.

        Raises: DataError where the sample has no ground truth.
        """
        truth = sample.require_truth("the true range")
        largest = float(np.max(truth.disparity, where=truth.valid & np.isfinite(truth.disparity), initial=0))
        return self.matcher(math.ceil(largest) + 1, confidence=self.confidence).predict_sample(sample)


def _multiple_of_16(value: int) -> int:
    return -(-value // 16) * 16
