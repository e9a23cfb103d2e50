"""Method: one thing that predicts disparity, a network, an algorithm, or files that lie in a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from stereo.data.sample import Map, Mask, StereoSample
from stereo.errors import DataError


@dataclass(frozen=True)
class Prediction:
    """What a method says of one pair.

    disparity: float32 [H, W] of the left view, px.
    confidence: float32 [H, W] in `disparity`, 0 … 1; None where the method gives none.
    disparity_right: float32 [H, W] of the right view, px; None where the method gives none.
    estimated: bool [H, W]: True where the method itself gave the value; elsewhere it was filled from the surroundings.
        None: the method gave every value.
    ran_at: (rows, columns) that the method ran at, padding included; None: at the images' own size.

    Raises: DataError where shapes or types do not agree.
    """

    disparity: Map
    confidence: Map | None = None
    disparity_right: Map | None = None
    estimated: Mask | None = None
    ran_at: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("disparity", "confidence", "disparity_right", "estimated"):
            value = getattr(self, name)
            if value is None:
                continue
            dtype = np.dtype(np.bool_ if name == "estimated" else np.float32)
            if value.dtype != dtype or value.ndim != 2 or value.shape != self.disparity.shape:
                raise DataError(
                    f"the predicted {name} is {value.dtype} {list(value.shape)}, expected {dtype} [H, W]"
                    + ("" if name == "disparity" else f", the shape {list(self.disparity.shape)} of the disparity")
                )


class Method(Protocol):
    """What evaluation takes: anything that predicts the disparity of a sample.

    name: says what predicts, in reports.
    settings: all that changes its numbers, as plain values for reports.
    device: where it runs, so that the memory there is measured; None: on the CPU.
    max_disparity: its range, px: it gives no disparity of that or more; None: it has no range.
    """

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    @property
    def device(self) -> torch.device | None: ...

    @property
    def max_disparity(self) -> int | None: ...

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction for one pair. Raises: DataError where this pair cannot be taken."""


@runtime_checkable
class BatchMethod(Method, Protocol):
    """A method that takes several pairs of one size at once."""

    def predict_samples(self, samples: Sequence[StereoSample]) -> list[Prediction]:
        """Return the predictions for pairs of one size. Raises: DataError where they cannot be taken."""


def predict_samples(method: Method, samples: Sequence[StereoSample]) -> list[Prediction]:
    """Return the predictions for pairs of one size, at once where the method can. Raises: As the method."""
    if isinstance(method, BatchMethod):
        return method.predict_samples(samples)
    return [method.predict_sample(sample) for sample in samples]
