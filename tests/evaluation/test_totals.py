"""Sums that round nothing: neither order nor sharing changes a digit."""

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo.evaluation.metrics import ImageSums, image_sums, select_pixels
from stereo.evaluation.totals import ExactSum, Total

FLOATS = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20)


@given(FLOATS, st.integers(0, 20), st.randoms(use_true_random=False))
def test_a_sum_is_exact_in_any_order_and_grouping(values: list[float], cut: int, rng: random.Random) -> None:
    whole = ExactSum()
    for value in values:
        whole.add(value)
    shuffled = values.copy()
    rng.shuffle(shuffled)
    parts = ExactSum(), ExactSum()
    for position, value in enumerate(shuffled):
        parts[position < cut].add(value)
    parts[0].merge(parts[1])
    count = max(len(values), 1)
    try:
        expected = float(sum(map(Fraction, values), Fraction()) / count)
    except OverflowError:
        return
    assert whole.mean(count) == parts[0].mean(count) == expected


def test_nothing_has_no_mean_and_what_is_not_finite_is_no_term() -> None:
    assert math.isnan(ExactSum().mean(0))
    for broken in (math.nan, math.inf):
        with pytest.raises((ValueError, OverflowError)):
            ExactSum().add(broken)


def _images(count: int) -> list[ImageSums]:
    rng = np.random.default_rng(0)
    images = []
    for size in rng.integers(1, 50, count):
        target = rng.uniform(1, 1e4, (1, size)).astype(np.float32)
        prediction = target + rng.normal(0, 1e3, target.shape).astype(np.float32)
        images.append(image_sums(select_pixels(prediction, target, target > 0)))
    return images


@pytest.mark.parametrize("shares", [1, 2, 7])
def test_however_images_are_shared_the_digits_are_the_same(shares: int) -> None:
    images = _images(40)
    alone = Total()
    for image in [*images, None]:
        alone.add(image)
    shuffled = [*images, None]
    random.Random(shares).shuffle(shuffled)
    totals = [Total() for _ in range(shares)]
    for position, image in enumerate(shuffled):
        totals[position % shares].add(image)
    for total in totals[1:]:
        totals[0].merge(total)
    assert (totals[0].images, totals[0].skipped, totals[0].pixels) == (40, 1, alone.pixels)
    for averaging in ("pixels", "images"):
        found, expected = totals[0].metrics(averaging), alone.metrics(averaging)
        assert {name: value for name, value in found.items() if not math.isnan(value)} == {
            name: value for name, value in expected.items() if not math.isnan(value)
        }
        assert math.isnan(found["ause"])  # no image has a confidence


def test_a_metric_that_some_images_lack_is_averaged_over_those_that_have_it() -> None:
    total = Total()
    for own in ({"ause": 1.0}, {}, {"ause": 2.0}):
        total.add(ImageSums(4, {"epe": 8.0, **dict.fromkeys(_others(), 0.0)}, own))
    assert total.metrics("pixels")["ause"] == total.metrics("images")["ause"] == 1.5
    assert total.metrics("pixels")["epe"] == 2


def _others() -> list[str]:
    return ["rmse", "bad_05", "bad_1", "bad_2", "bad_3", "bad_4", "bad_5", "d1", "density"]
