"""Holes take the background's value."""

import numpy as np

from stereo.methods.holes import fill_from_background

NAN = float("nan")


def test_holes_take_the_smaller_neighbor_of_their_row() -> None:
    disparity = np.array(
        [
            [NAN, 5.0, NAN, NAN, 3.0, NAN],
            [1.0, NAN, 8.0, 8.0, NAN, 0.0],
            [2.0, 2.0, 2.0, 2.0, 2.0, 2.0],
        ],
        np.float32,
    )
    expected = [[5, 5, 3, 3, 3, 3], [1, 1, 8, 8, 0, 0], [2, 2, 2, 2, 2, 2]]
    np.testing.assert_array_equal(fill_from_background(disparity, np.isfinite(disparity)), expected)


def test_empty_rows_are_filled_from_above_and_below() -> None:
    disparity = np.full((5, 2), -1, np.float32)
    disparity[1] = (4, 6)
    disparity[3] = (5, 2)
    np.testing.assert_array_equal(
        fill_from_background(disparity, disparity >= 0), [[4, 6], [4, 6], [4, 2], [5, 2], [5, 2]]
    )
    np.testing.assert_array_equal(fill_from_background(disparity, np.zeros((5, 2), bool)), np.zeros((5, 2)))
