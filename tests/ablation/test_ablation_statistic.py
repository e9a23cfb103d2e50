"""The ratio of two rows over families, by hand, and how often its interval covers the truth."""

import numpy as np
import pytest

from stereo.ablation.statistic import FLOOR, Ratio, ratio, score


def test_a_score_by_hand() -> None:
    # √(mean(1, 3) · 8) = 4; of the second run √(mean(3, 15) · 4) = 6; their mean.
    assert score({"a": [[1, 3]], "b": [[8]]}) == pytest.approx(4)
    assert score({"a": [[1, 3], [3, 15]], "b": [[8], [4]]}) == pytest.approx(5)


def test_a_family_counts_as_one_whatever_its_pairs() -> None:
    assert score({"a": [[4.0] * 30], "b": [[1.0]]}) == pytest.approx(2)


def test_a_family_without_errors_has_a_score() -> None:
    assert score({"a": [[0.0, 0.0]], "b": [[1.0]]}) == pytest.approx(FLOOR**0.5)


def test_pairs_are_drawn_alike_for_both_rows() -> None:
    """The difficulty of a pair cancels out: whatever is drawn, the ratio is ½."""
    pairs = np.array([[1.0, 10.0, 100.0]])
    found = ratio({"a": pairs / 2}, {"a": pairs})
    assert (found.value, found.low, found.high) == (0.5, pytest.approx(0.5), pytest.approx(0.5))


def test_an_interval_over_pairs_by_hand() -> None:
    """Of 2 pairs with 1 and 3 against 1 and 1, the mean of two draws is 1, 2 or 3 with ¼, ½ and ¼."""
    found = ratio({"a": [[1.0, 3.0]]}, {"a": [[1.0, 1.0]]})
    assert (found.value, found.low, found.high) == (2, 1, pytest.approx(3))
    assert found.is_noise


def test_runs_are_drawn_for_each_row_by_itself() -> None:
    """The same two runs on both sides, one pair: drawn together the ratio would always be 1."""
    runs = {"a": [[1.0], [3.0]]}
    found = ratio(runs, runs)
    assert (found.value, found.low, found.high) == (1, pytest.approx(1 / 3), pytest.approx(3))


def test_rows_may_have_different_numbers_of_runs() -> None:
    found = ratio({"a": [[1.0], [3.0]]}, {"a": [[2.0]]})
    assert (found.value, found.low, found.high) == (1, pytest.approx(0.5), pytest.approx(1.5))


def test_one_run_of_one_pair_has_no_interval_and_shows_nothing() -> None:
    found = ratio({"a": [[1.0]], "b": [[2.0]]}, {"a": [[4.0]], "b": [[2.0]]})
    assert found == Ratio(0.5, None, None)
    assert found.is_noise


def test_what_leaves_out_1_is_no_noise() -> None:
    assert not Ratio(0.9, 0.8, 0.99).is_noise
    assert not Ratio(1.2, 1.1, 1.3).is_noise
    assert Ratio(0.9, 0.8, 1.0).is_noise


@pytest.mark.parametrize(
    ("row", "reference"),
    [
        ({"a": [[1.0]]}, {"b": [[1.0]]}),
        ({"a": [[1.0, 2.0]]}, {"a": [[1.0]]}),
        ({}, {}),
        ({"a": [[1.0]], "b": [[1.0], [2.0]]}, {"a": [[1.0]], "b": [[1.0]]}),
    ],
)
def test_what_cannot_be_compared_is_refused(row: dict[str, object], reference: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ratio(row, reference)  # type: ignore[arg-type]


def test_the_interval_covers_the_truth_about_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs of skewed difficulty that both rows share; luck by pair, and by run. The true ratio is 0.8."""
    monkeypatch.setattr("stereo.evaluation.compare.statistics.RESAMPLES", 300)
    generator = np.random.default_rng(1)
    families, pairs, runs, trials = 3, 15, 6, 100
    covered = 0
    for _ in range(trials):
        sides: list[dict[str, np.ndarray]] = [{}, {}]
        luck_of_run = generator.lognormal(0, 0.05, (2, runs, 1))
        for family in range(families):
            difficulty = generator.lognormal(family, 0.5, pairs)
            for side, gain, own in zip(sides, (0.8, 1.0), luck_of_run, strict=True):
                luck = generator.lognormal(0, 0.2, (1, pairs)) * generator.lognormal(0, 0.05, (runs, pairs))
                side[f"family{family}"] = gain * difficulty * luck * own
        found = ratio(*sides)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.8 <= found.high
    assert 0.85 <= covered / trials <= 1.0


@pytest.mark.parametrize(("runs", "least", "most"), [(2, 0.7, 0.8), (3, 0.83, 0.92)])
def test_of_few_runs_the_interval_covers_less_than_it_says(
    runs: int, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Luck by seed that both rows share, as the order of the samples is, and luck of each run. The true ratio is 1."""
    monkeypatch.setattr("stereo.evaluation.compare.statistics.RESAMPLES", 200)
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        seed = generator.normal(0, 0.02, (runs, 1))
        row, reference = ({"a": np.exp(seed + generator.normal(0, 0.025, (runs, 1)))} for _ in range(2))
        covered += ratio(row, reference).is_noise
    assert least <= covered / 300 <= most
