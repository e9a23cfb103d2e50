"""Method: one thing that predicts disparity, a network, an algorithm, or files that lie in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from stereo.data.sample import Map, StereoSample
from stereo.errors import DataError


@dataclass(frozen=True)
class Prediction:
    """What a method says of one pair; every map is float32 [H, W].

    disparity: of the left view, px.
    confidence: in `disparity`, 0 … 1; None where the method gives none.
    disparity_right: of the right view, px; None where the method gives none.

    Raises: DataError where shapes or types do not agree.
    """

    disparity: Map
    confidence: Map | None = None
    disparity_right: Map | None = None

    def __post_init__(self) -> None:
        for name in ("disparity", "confidence", "disparity_right"):
            value = getattr(self, name)
            if value is None:
                continue
            if value.dtype != np.float32 or value.ndim != 2 or value.shape != self.disparity.shape:
                raise DataError(
                    f"the predicted {name} is {value.dtype} {list(value.shape)}, expected float32 [H, W]"
                    + ("" if name == "disparity" else f", the shape {list(self.disparity.shape)} of the disparity")
                )


class Method(Protocol):
    """What evaluation takes: anything that predicts the disparity of a sample.

    name: says what predicts, in reports.
    settings: all that changes its numbers, as plain values for reports.
    device: where it runs, so that the memory there is measured; None: on the CPU.
    """

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    @property
    def device(self) -> torch.device | None: ...

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction for one pair. Raises: DataError where this pair cannot be taken."""
