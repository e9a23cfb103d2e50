"""Sparsification, worked out by hand."""

import numpy as np
import pytest

from stereo.evaluation.confidence import confidence_metrics

ERROR = np.arange(10, dtype=np.float64)  # 0, 1, …, 9 px


def test_the_right_order_leaves_no_area() -> None:
    found = confidence_metrics(ERROR, np.exp(-ERROR))
    assert found == pytest.approx({"ause": 0, "risk_90": 4, "risk_80": 3.5, "risk_50": 2})


def test_the_wrong_order_keeps_the_worst() -> None:
    found = confidence_metrics(ERROR, ERROR / 10)
    assert (found["risk_90"], found["risk_80"], found["risk_50"]) == pytest.approx((5, 5.5, 7))
    # At k of 10 pixels the means are 9 - (k - 1) / 2 and (k - 1) / 2; between, the sums go on linearly.
    kept = np.arange(1, 101) / 10
    sums = [np.interp(kept, range(11), np.append(0, np.cumsum(order))) for order in (ERROR[::-1], ERROR)]
    assert found["ause"] == pytest.approx(np.mean((sums[0] - sums[1]) / kept))
    assert 4 < found["ause"] < 6


def test_no_order_at_all_keeps_the_mean_whatever_the_pixels_order() -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        found = confidence_metrics(rng.permutation(ERROR), np.ones(10))
        assert (found["risk_90"], found["risk_50"]) == pytest.approx((4.5, 4.5))


def test_one_pixel() -> None:
    assert confidence_metrics(np.array([3.0]), np.array([0.5])) == pytest.approx(
        {"ause": 0, "risk_90": 3, "risk_80": 3, "risk_50": 3}
    )
