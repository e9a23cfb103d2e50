"""Every metric against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from stereo.errors import StereoError
from stereo.evaluation.metrics import MetricAccumulator, bad, d1, epe
from stereo.evaluation.protocols import PROTOCOLS

ALL = PROTOCOLS["all"]


def _row(values: list[float]) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float32)


# Errors 0.5, 1.5, 2.5, 3.5 and 10 px at d = 10, 10, 10, 100 and 20: of the last two only the last is a D1 outlier,
# since 3.5 px is below 5 % of 100.
TARGET = _row([10, 10, 10, 100, 20])
PREDICTION = _row([10.5, 8.5, 12.5, 103.5, 10])
EVERYWHERE = torch.ones_like(TARGET, dtype=torch.bool)


def test_metrics_by_hand() -> None:
    assert epe(PREDICTION, TARGET, EVERYWHERE).item() == pytest.approx(18 / 5)
    assert bad(PREDICTION, TARGET, EVERYWHERE, 1).item() == pytest.approx(80)
    assert bad(PREDICTION, TARGET, EVERYWHERE, 2).item() == pytest.approx(60)
    assert bad(PREDICTION, TARGET, EVERYWHERE, 3).item() == pytest.approx(40)
    assert d1(PREDICTION, TARGET, EVERYWHERE).item() == pytest.approx(20)


def test_the_accumulator_agrees_with_the_functions() -> None:
    accumulator = MetricAccumulator()
    accumulator.update(PREDICTION, TARGET, EVERYWHERE)
    result = accumulator.result()
    assert (result.epe, result.epe_image_mean) == pytest.approx((3.6, 3.6))
    assert (result.bad_1, result.bad_2, result.bad_3, result.d1) == pytest.approx((80, 60, 40, 20))
    assert (result.images, result.pixels, result.skipped) == (1, 5, 0)


@pytest.mark.parametrize(
    ("target", "error", "outlier"),
    [
        (10.0, 3.0, False),  # not *above* 3 px
        (10.0, 3.25, True),
        (60.0, 3.25, True),  # 5 % is 3 px
        (80.0, 4.0, False),  # exactly 5 %
        (80.0, 4.25, True),
        (10.0, 1.0, False),  # 10 %, but below 3 px
    ],
)
def test_d1_needs_both_three_pixels_and_five_per_cent(target: float, error: float, outlier: bool) -> None:
    for sign in (1, -1):
        share = d1(_row([target + sign * error]), _row([target]), torch.tensor([[True]]))
        assert share.item() == (100 if outlier else 0)


def test_an_error_equal_to_the_threshold_is_not_bad() -> None:
    assert bad(_row([11, 12]), _row([10, 10]), torch.ones(1, 2, dtype=torch.bool), 1).item() == 50


def test_unknown_ground_truth_does_not_count_whatever_it_holds() -> None:
    target = _row([math.inf, math.nan, 0, 10])
    prediction = _row([1, 1, math.nan, 12])
    mask = torch.tensor([[False, False, False, True]])
    assert epe(prediction, target, mask).item() == 2
    assert d1(prediction, target, mask).item() == 0
    assert bad(prediction, target, mask, 1).item() == 100


def test_batches_are_averaged_over_all_their_pixels() -> None:
    target = torch.zeros(2, 2, 3)
    prediction = torch.zeros(2, 2, 3)
    prediction[1] = 6
    mask = torch.ones(2, 2, 3, dtype=torch.bool)
    mask[0, 0] = False
    assert epe(prediction, target, mask).item() == pytest.approx(36 / 9)


def test_no_pixel_is_nan_not_zero() -> None:
    nothing = torch.zeros_like(EVERYWHERE)
    for value in (
        epe(PREDICTION, TARGET, nothing),
        bad(PREDICTION, TARGET, nothing, 1),
        d1(PREDICTION, TARGET, nothing),
    ):
        assert math.isnan(value.item())
    assert math.isnan(MetricAccumulator().result().epe)


def test_an_image_without_a_valid_pixel_is_counted_and_not_scored() -> None:
    accumulator = MetricAccumulator()
    accumulator.update(PREDICTION, TARGET, EVERYWHERE)
    assert accumulator.update(PREDICTION, TARGET, torch.zeros_like(EVERYWHERE)) is None
    result = accumulator.result()
    assert (result.images, result.skipped) == (1, 1)
    assert result.epe_image_mean == pytest.approx(3.6)


@pytest.mark.parametrize(("averaging", "expected_epe", "expected_bad"), [("pixels", 2.5, 75), ("images", 2, 50)])
def test_pixel_average_and_image_average(averaging: str, expected_epe: float, expected_bad: float) -> None:
    accumulator = MetricAccumulator(averaging)  # type: ignore[arg-type]
    ones = np.ones((1, 4), np.float32)
    accumulator.update(ones + 3, ones, np.array([[True, True, True, False]]))  # 3 px on three pixels
    accumulator.update(ones + 1, ones, np.array([[True, False, False, False]]))  # 1 px on one pixel
    result = accumulator.result()
    assert result.epe == pytest.approx(expected_epe)
    assert result.epe_image_mean == pytest.approx(2)
    assert result.bad_1 == pytest.approx(expected_bad)


def test_sums_keep_what_float32_would_lose() -> None:
    # 2²⁴ + 1 is the first whole number that float32 lacks: a float32 sum would stop growing here.
    target = torch.zeros(1, 4097)
    prediction = torch.ones(1, 4097)
    prediction[0, 0] = 2.0**24
    mask = torch.ones(1, 4097, dtype=torch.bool)
    accumulator = MetricAccumulator()
    for _ in range(3):
        accumulator.update(prediction, target, mask)
    assert accumulator.result().epe * 4097 == pytest.approx(2**24 + 4096, abs=1e-6)
    assert epe(prediction, target, mask).item() * 4097 == pytest.approx(2**24 + 4096, abs=1e-6)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_prediction_that_is_not_finite_never_vanishes(broken: float) -> None:
    prediction = PREDICTION.clone()
    prediction[0, 0] = broken
    assert not math.isfinite(epe(prediction, TARGET, EVERYWHERE).item())
    assert bad(prediction, TARGET, EVERYWHERE, 3).item() == pytest.approx(60)
    assert d1(prediction, TARGET, EVERYWHERE).item() == pytest.approx(40)
    with pytest.raises(StereoError, match="scene7: 1 of 5 errors are not finite"):
        MetricAccumulator().update(prediction, TARGET, EVERYWHERE, name="scene7")


def test_shapes_are_never_broadcast() -> None:
    with pytest.raises(ValueError, match="one shape"):
        epe(torch.zeros(2, 1, 4, 4), torch.zeros(2, 4, 4), torch.ones(2, 4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="bool"):
        epe(torch.zeros(4, 4), torch.zeros(4, 4), torch.ones(4, 4))


def test_the_protocol_all_takes_every_known_positive_disparity() -> None:
    disparity = np.array([[0.0, 0.5, 500.0, np.inf, 7.0]], np.float32)
    valid = np.array([[True, True, True, True, False]])
    assert ALL.mask(disparity, valid).tolist() == [[False, True, True, False, False]]
    assert ALL.averaging == "pixels"
