"""Where the error is: its distribution, and how it goes with the disparity and with the distance to an edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stereo.evaluation.metrics import select_pixels
from stereo.evaluation.protocols import Protocol
from stereo.evaluation.regions import Scene
from stereo.evaluation.totals import ExactSum
from stereo.methods.method import Prediction

# px, where bins begin; the last one has no end. Errors: four bins an octave.
ERROR_EDGES = (0.0, *(2 ** (quarter / 4) for quarter in range(-24, 33)))
DISPARITY_EDGES = tuple(float(edge) for edge in range(0, 257, 8))
DISTANCE_EDGES = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)


@dataclass(frozen=True)
class ImageProfile:
    """Of one image: numbers of pixels by bin, and sums of |error|, px; bins as the edges above.

    A disparity below 0 is in the first bin; a pixel of an image without any edge in the last.
    """

    error_counts: Sequence[int]
    disparity_counts: Sequence[int]
    disparity_sums: Sequence[float]
    distance_counts: Sequence[int]
    distance_sums: Sequence[float]


NUMBERS_OF_BINS = {
    "error_counts": len(ERROR_EDGES),
    "disparity_counts": len(DISPARITY_EDGES),
    "disparity_sums": len(DISPARITY_EDGES),
    "distance_counts": len(DISTANCE_EDGES),
    "distance_sums": len(DISTANCE_EDGES),
}


def profile(prediction: Prediction, scene: Scene, protocol: Protocol) -> ImageProfile:
    """Return the profile of one image, over the pixels that count under a protocol."""
    counts = protocol.mask(scene.truth)
    pixels = select_pixels(prediction.disparity, scene.truth.disparity, counts)

    def bins(values: np.ndarray, edges: Sequence[float]) -> np.ndarray:
        return np.clip(np.digitize(values, edges) - 1, 0, None)

    by_error = bins(pixels.error, ERROR_EDGES)
    by_disparity = bins(pixels.true, DISPARITY_EDGES)
    by_distance = bins(scene.edge_distance[counts], DISTANCE_EDGES)

    def sums(places: np.ndarray, edges: Sequence[float]) -> list[float]:
        return np.bincount(places, weights=pixels.error, minlength=len(edges)).tolist()

    def numbers(places: np.ndarray, edges: Sequence[float]) -> list[int]:
        return np.bincount(places, minlength=len(edges)).tolist()

    return ImageProfile(
        numbers(by_error, ERROR_EDGES),
        numbers(by_disparity, DISPARITY_EDGES),
        sums(by_disparity, DISPARITY_EDGES),
        numbers(by_distance, DISTANCE_EDGES),
        sums(by_distance, DISTANCE_EDGES),
    )


class ProfileTotal:
    """The profile of a data set."""

    def __init__(self) -> None:
        self._counts = {
            "error": [0] * len(ERROR_EDGES),
            "disparity": [0] * len(DISPARITY_EDGES),
            "edge_distance": [0] * len(DISTANCE_EDGES),
        }
        self._sums = {name: [ExactSum() for _ in self._counts[name]] for name in ("disparity", "edge_distance")}

    def add(self, image: ImageProfile) -> None:
        """Add an image."""
        for name, counts in (
            ("error", image.error_counts),
            ("disparity", image.disparity_counts),
            ("edge_distance", image.distance_counts),
        ):
            self._counts[name] = [mine + new for mine, new in zip(self._counts[name], counts, strict=True)]
        for name, sums in (("disparity", image.disparity_sums), ("edge_distance", image.distance_sums)):
            for mine, new in zip(self._sums[name], sums, strict=True):
                mine.add(new)

    def merge(self, other: "ProfileTotal") -> None:
        """Add what other images gave."""
        for name, counts in other._counts.items():
            self._counts[name] = [mine + new for mine, new in zip(self._counts[name], counts, strict=True)]
        for name, sums in other._sums.items():
            for mine, theirs in zip(self._sums[name], sums, strict=True):
                mine.merge(theirs)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a report: edges, counts and sums of |error| by name."""
        edges = {"error": ERROR_EDGES, "disparity": DISPARITY_EDGES, "edge_distance": DISTANCE_EDGES}
        values: dict[str, Any] = {}
        for name, counts in self._counts.items():
            values[f"{name}_edges"] = list(edges[name])
            values[f"{name}_counts"] = counts
            if name in self._sums:
                values[f"{name}_error_sums"] = [total.mean(1) for total in self._sums[name]]
        return values
