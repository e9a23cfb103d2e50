"""Every metric against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stereo.errors import StereoError
from stereo.evaluation.metrics import (
    METRICS,
    QUANTILES,
    Averaging,
    ImageSums,
    batch_metrics,
    counts_as_zero,
    image_sums,
    metric_names,
    select_pixels,
)
from stereo.evaluation.totals import Total

Row = NDArray[np.float32]


def _row(*values: float) -> Row:
    return np.array([values], np.float32)


# Errors 0.5, 1.5, 2.5, 3.5 and 10 px at d = 10, 10, 10, 100 and 20: of the last two only the last is a D1 outlier,
# since 3.5 px is below 5 % of 100.
TARGET = _row(10, 10, 10, 100, 20)
PREDICTION = _row(10.5, 8.5, 12.5, 103.5, 10)
EVERYWHERE = np.ones_like(TARGET, bool)
NOWHERE = np.zeros_like(EVERYWHERE)


def _sums(prediction: Row, target: Row, counts: NDArray[np.bool_] | None = None, name: str = "") -> ImageSums:
    counts = np.ones_like(target, bool) if counts is None else counts
    return image_sums(select_pixels(prediction, target, counts, name=name))


def _metrics(prediction: Row, target: Row, counts: NDArray[np.bool_] | None = None) -> dict[str, float]:
    return _sums(prediction, target, counts).metrics()


def _average(images: list[ImageSums], averaging: Averaging) -> dict[str, float]:
    total = Total()
    for image in images:
        total.add(image)
    return total.metrics(averaging)


def test_metrics_by_hand() -> None:
    assert _metrics(PREDICTION, TARGET) == pytest.approx(
        {
            "epe": 18 / 5,
            "rmse": math.sqrt((0.25 + 2.25 + 6.25 + 12.25 + 100) / 5),
            "bad_05": 80,  # 0.5 px is not above 0.5 px
            "bad_1": 80,
            "bad_2": 60,
            "bad_3": 40,
            "bad_4": 20,
            "bad_5": 20,
            "d1": 20,
            "density": 100,
            "a50": 2.5,
            "a90": 10,
            "a95": 10,
            "a99": 10,
        }
    )
    assert metric_names()[:10] == list(METRICS)
    assert metric_names()[10:14] == list(QUANTILES)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (1, 1, 1, 1)), (2, (1, 2, 2, 2)), (20, (10, 18, 19, 20)), (100, (50, 90, 95, 99)), (101, (51, 91, 96, 100))],
)
def test_a_quantile_is_the_smallest_error_that_its_share_does_not_exceed(count: int, expected: tuple[int, ...]) -> None:
    errors = np.random.default_rng(0).permutation(np.arange(1, count + 1)).astype(np.float32)[None]
    found = _metrics(errors + 7, np.full_like(errors, 7))
    assert tuple(found[name] for name in QUANTILES) == expected
    for name, share in QUANTILES.items():
        assert found[name] == np.quantile(errors, share, method="inverted_cdf")


def test_density_is_the_share_that_the_method_answers_for_and_errors_are_over_all() -> None:
    estimated = np.array([[True, True, False, True, False]])
    pixels = select_pixels(PREDICTION, TARGET, EVERYWHERE, estimated)
    found = image_sums(pixels).metrics()
    assert (found["density"], found["epe"]) == (60, pytest.approx(18 / 5))


@given(
    st.lists(st.floats(-500, 500, width=32), min_size=1, max_size=50),
    st.floats(-64, 64, width=16).map(float),
)
def test_the_truth_scores_0_and_a_constant_offset_its_size(disparities: list[float], offset: float) -> None:
    # Whole numbers of 2^-6 px are exact in float32.
    target = np.round(np.array([disparities], np.float32) * 64) / np.float32(64)
    exact = _metrics(target, target)
    assert all(value == 0 for name, value in exact.items() if name != "density")
    offset = round(offset * 64) / 64
    found = _metrics(target + np.float32(offset), target)
    assert {found[name] for name in ("epe", "rmse", *QUANTILES)} == {abs(offset)}
    assert found["bad_2"] == (100 if abs(offset) > 2 else 0)


@pytest.mark.parametrize(
    ("target", "error", "outlier"),
    [
        (10.0, 3.0, False),  # not *above* 3 px
        (10.0, 3.25, True),
        (60.0, 3.25, True),  # 5 % is 3 px
        (80.0, 4.0, False),  # exactly 5 %
        (80.0, 4.25, True),
        (10.0, 1.0, False),  # 10 %, but below 3 px
        (-80.0, 3.5, False),  # 5 % of |d|
    ],
)
def test_d1_needs_both_three_pixels_and_five_percent(target: float, error: float, outlier: bool) -> None:
    for sign in (1, -1):
        assert _metrics(_row(target + sign * error), _row(target))["d1"] == (100 if outlier else 0)


def test_unknown_ground_truth_does_not_count_whatever_it_holds() -> None:
    target = _row(math.inf, math.nan, 0, 10)
    prediction = _row(1, 1, math.nan, 12)
    found = _metrics(prediction, target, np.array([[False, False, False, True]]))
    assert (found["epe"], found["rmse"], found["bad_1"], found["d1"]) == (2, 2, 100, 0)


def test_an_image_without_a_pixel_that_counts_as_zero() -> None:
    assert _sums(PREDICTION, TARGET, NOWHERE) == counts_as_zero()


def test_nothing_averages_to_nan_and_not_to_zero() -> None:
    for averaging in ("pixels", "images"):
        assert all(math.isnan(value) for value in _average([], averaging).values())


@pytest.mark.parametrize(
    ("averaging", "expected"),
    [
        ("pixels", {"epe": 2.5, "rmse": math.sqrt(7), "bad_1": 75}),
        ("images", {"epe": 2, "rmse": 2, "bad_1": 50}),
    ],
)
def test_pixel_average_and_image_average(averaging: Averaging, expected: dict[str, float]) -> None:
    images = [_sums(_row(4, 4, 4), _row(1, 1, 1)), _sums(_row(2), _row(1))]  # 3 px on three pixels, 1 px on one
    found = _average(images, averaging)
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["a99"] == 2  # of quantiles the images' mean in any case


def test_an_image_that_counts_as_zero_lowers_the_mean_of_images_alone() -> None:
    images = [_sums(PREDICTION, TARGET, EVERYWHERE), _sums(PREDICTION, TARGET, NOWHERE)]
    assert _average(images, "images")["epe"] == pytest.approx(1.8)
    assert _average(images, "pixels")["epe"] == pytest.approx(3.6)


def test_sums_keep_what_float32_would_lose() -> None:
    # 2²⁴ + 1 is the first whole number that float32 lacks: a float32 sum would stop growing here.
    target = np.zeros((1, 4097), np.float32)
    prediction = np.ones((1, 4097), np.float32)
    prediction[0, 0] = 2.0**24
    counts = np.ones((1, 4097), bool)
    assert _sums(prediction, target, counts).sums["epe"] == 2**24 + 4096
    tensors = (torch.from_numpy(array) for array in (prediction, target, counts))
    assert batch_metrics(*tensors)["epe"].item() * 4097 == pytest.approx(2**24 + 4096, abs=1e-6)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_prediction_that_is_not_finite_never_vanishes(broken: float) -> None:
    prediction = PREDICTION.copy()
    prediction[0, 0] = broken
    with pytest.raises(StereoError, match="scene7: 1 of 5 errors are not finite"):
        _sums(prediction, TARGET, EVERYWHERE, name="scene7")
    in_training = batch_metrics(*map(torch.from_numpy, (prediction, TARGET, EVERYWHERE)))
    assert not math.isfinite(in_training["epe"].item())


def test_shapes_are_never_broadcast() -> None:
    with pytest.raises(ValueError, match="one shape"):
        select_pixels(PREDICTION, TARGET[:, :1], EVERYWHERE)
    with pytest.raises(ValueError, match="one shape"):
        batch_metrics(torch.zeros(2, 1, 4, 4), torch.zeros(2, 4, 4), torch.ones(2, 4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="bool"):
        batch_metrics(torch.zeros(4, 4), torch.zeros(4, 4), torch.ones(4, 4))


def test_the_metrics_of_a_training_batch_are_those_of_all_its_pixels() -> None:
    target = torch.full((2, 2, 3), 100.0)
    prediction = target.clone()
    prediction[1, 0] += torch.tensor([6.0, -4.0, 2.0])  # 5 % of 100 px lie between the first two
    target[0, 0] = math.inf  # unknown
    mask = torch.ones(2, 2, 3, dtype=torch.bool)
    mask[0, 0] = False
    found = {name: value.item() for name, value in batch_metrics(prediction, target, mask).items()}
    assert found == pytest.approx({"epe": 12 / 9, "bad_1": 300 / 9, "bad_3": 200 / 9, "d1": 100 / 9})
    assert all(math.isnan(value) for value in batch_metrics(prediction, target, torch.zeros_like(mask)).values())
