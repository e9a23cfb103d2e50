"""The paired bootstrap: by hand, by its symmetries, and by how often its interval covers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from stereo.evaluation.compare.statistics import RESAMPLES, SEED, Difference, describe, paired_difference

errors = st.floats(0, 100, allow_subnormal=False)


@st.composite
def sides(draw: st.DrawFn, most: int = 12) -> tuple[list[float], list[float], list[int]]:
    """The errors of two methods on the same images, and the images' pixels."""
    count = draw(st.integers(1, most))

    def some(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    return some(errors), some(errors), some(st.integers(1, 10**6))


# --------------------------------------------------------------------------------------------------------- by hand


def test_a_mean_over_pixels_and_one_over_images_by_hand() -> None:
    a, b = [[4.0, 8.0]], [[2.0, 8.0]]
    # (1·2 + 3·0) / 4, and (2 + 0) / 2.
    assert paired_difference(a, b, [1, 3]).better_by == 0.5
    assert paired_difference(a, b, [1, 1]).better_by == 1.0
    assert paired_difference(a, b, [1, 1]) == Difference(1.0, None, None, wins=1, losses=0, ties=1)


def test_an_interval_by_hand() -> None:
    """The image that differs is drawn k times of 5, binomial with p = 1/5: P(k ≤ 2) = 0.942, P(k ≤ 3) = 0.993."""
    a, b = [[0.0, 0.0, 0.0, 0.0, 1.0]], [[0.0] * 5]
    found = paired_difference(a, b, [1] * 5)
    assert (found.low, found.high) == (0.0, pytest.approx(3 / 5))
    pooled = paired_difference(a, b, [1, 1, 1, 1, 4])
    assert (pooled.better_by, pooled.low, pooled.high) == (0.5, 0.0, pytest.approx(3 * 4 / (2 + 3 * 4)))


def test_an_interval_over_runs_by_hand() -> None:
    """All images alike: what varies is the runs. A's two runs give 0, ½ or 1 with probabilities ¼, ½ and ¼."""
    found = paired_difference([[0.0] * 6, [1.0] * 6], [[0.0] * 6], range(1, 7))
    assert found == Difference(0.5, 0.0, 1.0, wins=6, losses=0, ties=0)
    # Nothing varies on both sides together: the sides are drawn apart.
    both = paired_difference([[0.0] * 6, [1.0] * 6], [[0.0] * 6, [1.0] * 6], [1] * 6)
    assert (both.better_by, both.low, both.high, both.ties) == (0.0, -1.0, 1.0, 6)


def test_the_interval_over_images_is_that_of_scipy_for_a_mean_of_differences() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.gamma(2, 1, (2, 40))
    found = paired_difference([a], [b], [1] * 40)
    expected = bootstrap(
        (a, b),
        lambda a, b, axis: (a - b).mean(axis),
        paired=True,
        n_resamples=RESAMPLES,
        method="percentile",
        random_state=np.random.default_rng(SEED),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_many_images_are_drawn_in_parts_with_the_same_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = np.random.default_rng(4).random((2, 1, 50))
    whole = paired_difference(a, b, range(1, 51))
    monkeypatch.setattr("stereo.evaluation.compare.statistics._AT_ONCE", 60_000)  # 1,200 draws
    assert paired_difference(a, b, range(1, 51)) == whole


@pytest.mark.parametrize(
    ("a", "b", "weights"),
    [
        ([1.0], [[1.0]], [1]),
        ([[1.0, 2.0]], [[1.0]], [1]),
        ([[1.0]], [[1.0]], [1, 1]),
        (np.empty((0, 1)), [[1.0]], [1]),
        (np.empty((1, 0)), np.empty((1, 0)), []),
        ([[1.0, 2.0]], [[1.0, 2.0]], [1, 0]),
    ],
)
def test_what_cannot_be_compared_is_refused(a: object, b: object, weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"expected \[runs, images\]|nothing to compare"):
        paired_difference(a, b, weights)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------ symmetries


@settings(max_examples=15, deadline=None)
@given(sides())
def test_a_method_does_not_differ_from_itself(drawn: tuple[list[float], list[float], list[int]]) -> None:
    a, _, weights = drawn
    found = paired_difference([a], [a], weights)
    assert (found.better_by, found.wins, found.losses, found.ties) == (0.0, 0, 0, len(a))
    assert (found.low, found.high) == ((0.0, 0.0) if len(a) >= 5 else (None, None))
    assert not found.is_shown


@settings(max_examples=15, deadline=None)
@given(sides())
def test_swapped_sides_turn_the_difference_around(drawn: tuple[list[float], list[float], list[int]]) -> None:
    a, b, weights = drawn
    found, swapped = paired_difference([a], [b], weights), paired_difference([b], [a], weights)
    assert swapped.better_by == -found.better_by
    assert (swapped.wins, swapped.losses, swapped.ties) == (found.losses, found.wins, found.ties)
    if found.low is not None and found.high is not None:
        assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(sides(), st.floats(0.5, 2))
def test_a_constant_gain_is_found_whatever_the_images(
    drawn: tuple[list[float], list[float], list[int]], gain: float
) -> None:
    b, _, weights = drawn
    found = paired_difference([[value + gain for value in b]], [b], weights)
    assert found.better_by == pytest.approx(gain)
    assert found.wins == len(b)
    if found.low is not None:
        assert (found.low, found.high) == pytest.approx((gain, gain))
        assert found.is_shown


# -------------------------------------------------------------------------------------------------------- coverage


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "least"), [(1, 0.90), (8, 0.86)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(runs: int, least: float) -> None:
    """Images of skewed difficulty that both sides share; a gain that varies by image and by run."""
    generator = np.random.default_rng(5)
    images, trials, gain = 40, 200, 0.1
    covered = 0
    for _ in range(trials):
        difficulty = generator.lognormal(0, 1, images)
        of_image = generator.normal(gain, 0.3, images)
        of_run = generator.normal(0, 0.1, (2, runs, 1)) if runs > 1 else np.zeros((2, 1, 1))
        a = 5 + difficulty + of_image + of_run[0]
        b = np.broadcast_to(5 + difficulty + of_run[1], (runs, images))
        found = paired_difference(a, b, generator.lognormal(11, 0.3, images))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= gain <= found.high
    assert least <= covered / trials <= 0.99


# -------------------------------------------------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (Difference(0.1234, 0.081, 0.167, 21, 5, 0), "B is better than A by 0.12 px [0.08, 0.17], 21 of 26 images"),
        (
            Difference(-0.1234, -0.167, -0.081, 4, 20, 2),
            "B is worse than A by 0.12 px [0.08, 0.17], better on 4 of 26 images, 2 equal",
        ),
        (
            Difference(0.1, -0.05, 0.25, 15, 11, 0),
            "no difference is shown: A − B is 0.10 px [−0.05, 0.25], B is better on 15 of 26 images",
        ),
        (Difference(0.5, None, None, 3, 1, 0), "A − B is 0.50 px, B is better on 3 of 4 images; too few images for an"),
        (Difference(0.0, 0.0, 0.0, 0, 0, 7), "B and A are equal on each of 7 images"),
        (Difference(0.0, None, None, 0, 0, 3), "B and A are equal on each of 3 images"),
        # The means of each side's runs are equal, the runs are not.
        (Difference(0.0, -1.0, 1.0, 0, 0, 7), "no difference is shown: A − B is 0.00 px [−1.00, 1.00]"),
        (
            Difference(0.00123, 0.0004, 0.0021, 7, 0, 0),
            "B is better than A by 0.0012 px [0.0004, 0.0021], 7 of 7 images",
        ),
        (Difference(12.34, 8.0, 16.0, 7, 0, 0), "B is better than A by 12.34 px [8.00, 16.00], 7 of 7 images"),
        # An interval that touches 0 shows nothing.
        (
            Difference(0.2, 0.0, 0.6, 1, 0, 4),
            "no difference is shown: A − B is 0.20 px [0.00, 0.60], B is better on 1 of",
        ),
    ],
)
def test_a_difference_in_words(difference: Difference, expected: str) -> None:
    assert describe(difference, "A", "B", "px").startswith(expected)
