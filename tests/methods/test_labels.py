"""Which pixels are not to be trusted, and why."""

import numpy as np

from stereo.methods.labels import Label, consistent, fill, label
from stereo.methods.method import Prediction


def _row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_a_pixel_is_consistent_where_the_right_view_has_its_disparity_at_x_minus_d() -> None:
    left = _row(0, 1, 6, 6, 0, 0, 0, 0, 6, 6)
    right = _row(1, 1, 6, 6, 0, 0, 0, 0, 0, 0)
    # x − d of each: 0, 0, −4, −3, 4, 5, 6, 7, 2, 3
    expected = [[False, True, False, False, True, True, True, True, True, True]]
    np.testing.assert_array_equal(consistent(left, right, 0.5), expected)
    expected[0][0] = True  # 0 against 1 px
    np.testing.assert_array_equal(consistent(left, right, 1), expected)


def test_between_two_columns_one_has_to_agree() -> None:
    left = _row(0, 0, 0, 1.5)
    assert consistent(left, _row(0, 1.5, 9, 9), 0.1)[0, 3]
    assert consistent(left, _row(0, 9, 1.5, 9), 0.1)[0, 3]
    assert not consistent(left, _row(0, 9, 9, 1.5), 0.1)[0, 3]


def test_each_label_has_its_reason() -> None:
    width = 80
    disparity = np.full((1, width), 10, np.float32)
    disparity[0, 60] = 30
    disparity[0, 70] = 55  # of 64
    confidence = np.ones((1, width), np.float32)
    confidence[0, [5, 40, 50, 60]] = 0.2
    right = np.full((1, width), 10, np.float32)
    right[0, 15] = 15  # which the left view has as 10 at 25, and as 55 at 70
    found = label(Prediction(disparity, confidence, right), 64)[0]
    assert set(found[:10]) == {Label.BORDER}
    assert found[25] == found[60] == Label.OCCLUDED
    assert found[70] == Label.OUT_OF_RANGE
    assert found[40] == found[50] == Label.LOW_CONFIDENCE
    assert found[20] == Label.GOOD
    assert np.count_nonzero(found) == 15
    alone = label(Prediction(disparity), None)[0]
    assert set(alone[:10]) == {Label.BORDER}
    assert not alone[10:].any()


def test_what_has_a_label_is_filled_from_the_background() -> None:
    labels = np.array([[0, 1, 4, 0, 3]], np.uint8)
    np.testing.assert_array_equal(fill(_row(5, 9, 9, 2, 9), labels), _row(5, 2, 2, 2, 2))
