"""Disparities grow with the width; nothing is averaged across a hole."""

import numpy as np
import pytest

from stereo.methods.method import Prediction
from stereo.methods.resizing import is_resized, resize_prediction


def test_a_ramp_stays_a_ramp() -> None:
    """Disparity x/2 of a view four columns wide is, twice as large, disparity 2 · ((x + ½)/2 − ½)/2."""
    ramp = np.full((3, 4), [0, 0.5, 1, 1.5], np.float32)
    found = resize_prediction(Prediction(ramp, (ramp / 4).astype(np.float32), disparity_right=ramp), 6, 8)
    expected = (np.arange(8) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(found.disparity[:, 1:-1], np.tile(expected, (6, 1))[:, 1:-1])
    np.testing.assert_array_equal(found.disparity[:, [0, -1]], [[0, 3]] * 6)
    np.testing.assert_array_equal(found.disparity_right, found.disparity)
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence, found.disparity / 8)
    assert found.ran_at == (3, 4)
    assert found.estimated is None


def test_the_nearest_value_is_taken_near_a_hole() -> None:
    disparity = np.array([[2, 2, 8, 8, 6, 4]], np.float32)
    estimated = np.array([[True, False, True, True, True, True]])
    found = resize_prediction(Prediction(disparity, estimated=estimated, ran_at=(16, 32)), 1, 12)
    #                 the hole's own values, and those beside it, are as they were; farther away they are averaged
    np.testing.assert_array_equal(found.disparity / 2, [[2, 2, 2, 2, 8, 8, 8, 7.5, 6.5, 5.5, 4.5, 4]])
    np.testing.assert_array_equal(found.estimated, np.repeat(estimated, 2, axis=1))
    assert found.ran_at == (16, 32)


def test_the_same_size_is_the_same_prediction() -> None:
    prediction = Prediction(np.ones((3, 4), np.float32))
    assert resize_prediction(prediction, 3, 4) is prediction


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((994, 1440), True),
        ((497, 720), True),
        ((250, 362), True),  # 248.5 × 360 with 1 px more of each
        ((994, 1450), False),
        ((1000, 1440), False),
        ((3976, 5760), True),
    ],
)
def test_sizes_of_one_scale_differ_by_rounding_alone(size: tuple[int, int], expected: bool) -> None:
    assert is_resized(size, (1988, 2880)) == expected
