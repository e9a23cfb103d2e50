"""TemporalSmoothing by numbers that were worked out by hand."""

import numpy as np
import pytest

from stereo.errors import ConfigError
from stereo.video import TemporalSmoothing


def test_smoothing_is_an_exponential_mean_that_begins_anew_at_a_jump() -> None:
    smoothing = TemporalSmoothing(weight=0.25, threshold=2.0)
    frames = np.array(
        [
            [[10.0, 10.0, 10.0, 10.0]],
            # 10 + ¼ · 1; 10 + ¼ · 2, at the threshold; a jump of 2.5; down by 1
            [[11.0, 12.0, 12.5, 9.0]],
            # 10.25 + ¼ · 1.75; 10.5 + ¼ · 0; 12.5 + ¼ · −0.5; a jump of 3.25 from 9.75
            [[12.0, 10.5, 12.0, 13.0]],
        ],
        np.float32,
    )
    expected = [[[10, 10, 10, 10]], [[10.25, 10.5, 12.5, 9.75]], [[10.6875, 10.5, 12.375, 13]]]
    smoothed = [smoothing(frame) for frame in frames]
    np.testing.assert_array_equal(smoothed, np.array(expected, np.float32))
    assert {frame.dtype for frame in smoothed} == {np.dtype(np.float32)}


def test_the_weight_1_changes_nothing() -> None:
    smoothing = TemporalSmoothing(weight=1, threshold=100)
    for value in (1.0, 5.0, 2.5):
        np.testing.assert_array_equal(smoothing(np.full((2, 3), value, np.float32)), np.float32(value))


def test_pixels_without_a_number_leave_nothing_behind() -> None:
    smoothing = TemporalSmoothing(weight=0.5)
    for before, now, expected in ((np.nan, 3.0, 3.0), (np.inf, np.inf, np.inf), (3.0, np.nan, np.nan)):
        smoothing(np.full((1, 1), before, np.float32))
        np.testing.assert_array_equal(smoothing(np.full((1, 1), now, np.float32)), np.float32(expected))


def test_another_size_begins_anew() -> None:
    smoothing = TemporalSmoothing(weight=0.5)
    smoothing(np.zeros((1, 1), np.float32))
    np.testing.assert_array_equal(smoothing(np.ones((1, 2), np.float32)), np.ones((1, 2), np.float32))


def test_values_that_make_no_sense_are_refused() -> None:
    for weight, threshold in ((0, 1), (1.5, 1), (float("nan"), 1), (0.5, -1), (0.5, float("nan"))):
        with pytest.raises(ConfigError, match="expected"):
            TemporalSmoothing(weight, threshold)
