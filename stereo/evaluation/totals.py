"""The metrics of a data set: exact sums over images, in memory that does not grow with their number."""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from stereo.evaluation.metrics import METRICS, Averaging, ImageSums, metric_names

# The binary digits behind the point of the least float64: every float64 is a whole number of 2^-1074.
_DIGITS = 1074


class ExactSum:
    """A sum of float64 that rounds nothing, so that neither order nor grouping matters."""

    def __init__(self) -> None:
        self._units = 0

    def add(self, value: float) -> None:
        """Add a number. Raises: ValueError, OverflowError unless it is finite."""
        numerator, denominator = value.as_integer_ratio()  # the denominator is a power of two
        self._units += numerator << (_DIGITS + 1 - denominator.bit_length())

    def merge(self, other: "ExactSum") -> None:
        """Add another sum."""
        self._units += other._units

    def mean(self, count: int) -> float:
        """Return the sum divided by `count`, rounded once; NaN for a count of 0."""
        return float(Fraction(self._units, count << _DIGITS)) if count else math.nan


@dataclass
class Total:
    """What the images of a data set give under one protocol, in one region.

    images: how many were scored. skipped: how many the protocol left out, or lack the region. pixels: how many were
        scored.
    """

    images: int = 0
    skipped: int = 0
    pixels: int = 0
    _sums: dict[str, ExactSum] = field(default_factory=dict)
    _own: dict[str, ExactSum] = field(default_factory=dict)
    _own_counts: dict[str, int] = field(default_factory=dict)

    def add(self, image: ImageSums | None) -> None:
        """Add an image; None: one that is left out."""
        if image is None:
            self.skipped += 1
            return
        self.images += 1
        self.pixels += image.pixels
        for name, value in image.sums.items():
            self._sums.setdefault(name, ExactSum()).add(float(value))
        for name, value in image.metrics().items():
            self._own.setdefault(name, ExactSum()).add(value)
            self._own_counts[name] = self._own_counts.get(name, 0) + 1

    def merge(self, other: "Total") -> None:
        """Add what other images gave."""
        self.images += other.images
        self.skipped += other.skipped
        self.pixels += other.pixels
        for mine, theirs in ((self._sums, other._sums), (self._own, other._own)):
            for name, total in theirs.items():
                mine.setdefault(name, ExactSum()).merge(total)
        for name, count in other._own_counts.items():
            self._own_counts[name] = self._own_counts.get(name, 0) + count

    def image_means(self) -> dict[str, float]:
        """Return each metric as the mean of the images' own; NaN where no image has it."""
        none = ExactSum()
        return {name: self._own.get(name, none).mean(self._own_counts.get(name, 0)) for name in metric_names()}

    def metrics(self, averaging: Averaging) -> dict[str, float]:
        """Return all metrics; NaN where there is no image, or none that has a pixel to average over.

        Quantiles and confidence metrics are means over images in any case.

        Args:
            averaging: `pixels`: every pixel counts alike. `images`: every image counts alike.
        """
        means = self.image_means()
        if averaging == "images":
            return means
        none = ExactSum()
        pooled = {name: self._sums.get(name, none).mean(self.pixels) for name in METRICS}
        finished = {name: mean if math.isnan(mean) else METRICS[name].finish(mean) for name, mean in pooled.items()}
        return means | finished
