"""A prediction is checked once, where it is made."""

from typing import Any

import numpy as np
import pytest

from stereo.errors import DataError
from stereo.methods.method import Prediction

MAP = np.zeros((4, 6), np.float32)


def test_maps_of_one_shape_are_taken() -> None:
    prediction = Prediction(MAP, confidence=MAP + 1)
    assert prediction.disparity_right is prediction.estimated is prediction.ran_at is None
    assert Prediction(MAP, estimated=MAP == 0).estimated is not None


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ((MAP.astype(np.float64),), r"the predicted disparity is float64 \[4, 6\], expected float32 \[H, W\]$"),
        ((MAP[None],), r"float32 \[1, 4, 6\]"),
        ((MAP, MAP[:3]), r"the predicted confidence is float32 \[3, 6\], expected .* the shape \[4, 6\]"),
        ((MAP, None, MAP[:, :1]), "the predicted disparity_right is"),
        ((MAP, None, None, MAP), r"the predicted estimated is float32 \[4, 6\], expected bool \[H, W\]"),
        ((MAP, None, None, MAP[:3] > 0), r"the predicted estimated is bool \[3, 6\], expected .* the shape \[4, 6\]"),
    ],
)
def test_what_does_not_fit_is_named(maps: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Prediction(*maps)
