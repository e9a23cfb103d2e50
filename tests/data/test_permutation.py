"""The order that is computed index by index, beside the shuffled array that it stands for."""

import math
from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest

from stereo.data.permutation import ROUNDS, Permutation

BILLION = 10**9


def drawn(length: int, rng: np.random.Generator) -> Permutation:
    return Permutation(length, rng.integers(2**64, size=ROUNDS, dtype=np.uint64).tolist())


def naive(permutation: Permutation) -> list[int]:
    """The whole order as an array: each digit's turn in every round, and indices beyond the length passed over."""
    high, low = permutation._high, permutation._low
    mapped = [permutation._rounds(index) for index in range(high * low)]
    assert sorted(mapped) == list(range(high * low))
    order = []
    for index in range(permutation.length):
        index = mapped[index]
        while index >= permutation.length:
            index = mapped[index]
        order.append(index)
    return order


@pytest.mark.parametrize("length", [1, 2, 3, 5, 16, 17, 100, 1009])
def test_every_index_stands_at_one_place(length: int) -> None:
    permutation = drawn(length, np.random.default_rng(length))
    order = list(permutation)
    assert sorted(order) == list(range(length))
    assert order == naive(permutation)
    for beyond in (-1, length):
        with pytest.raises(IndexError):
            permutation[beyond]


def test_all_orders_of_a_small_set_are_equally_likely() -> None:
    """Chi-square over the 120 orders of five, 119 degrees of freedom: 200 is exceeded once in 200,000 times."""
    rng = np.random.default_rng(0)
    counts = Counter(tuple(drawn(5, rng)) for _ in range(3000))
    expected = 3000 / 120
    assert sum((counts[order] - expected) ** 2 / expected for order in permutations(range(5))) < 200


def test_neighbors_are_as_far_apart_as_chance_has_it() -> None:
    """Of 20,000 neighbors in a shuffled thousand, in tenths of a round: a bound of 5 standard deviations for each."""
    rng = np.random.default_rng(1)
    orders = [list(drawn(1000, rng)) for _ in range(20)]
    gaps = np.bincount([(after - before) % 1000 // 100 for order in orders for before, after in pairwise(order)])
    assert abs(gaps - 1998).max() < 5 * math.sqrt(1998)


def test_another_key_gives_another_order() -> None:
    keys = list(range(ROUNDS))
    one = [Permutation(BILLION, keys)[index] for index in range(50)]
    for changed in range(ROUNDS):
        other = Permutation(BILLION, [key + (number == changed) * 2**63 for number, key in enumerate(keys)])
        assert sum(a == b for a, b in zip(one, map(other.__getitem__, range(50)), strict=True)) == 0


def test_a_billion_samples_on_a_thousand_ranks() -> None:
    """What 1,024 ranks draw in a step, wherever in a pass it is: disjoint and uniform."""
    permutation = drawn(BILLION, np.random.default_rng(2))
    places = [start + rank for start in (0, BILLION // 2, BILLION - 1024) for rank in range(1024)]
    items = [permutation[place] for place in places]
    assert len(set(items)) == len(places)
    assert 0 <= min(items) < max(items) < BILLION
    # 32 parts, 31 degrees of freedom: 80 is exceeded once in 300,000 times.
    parts = np.bincount(np.array(items) * 32 // BILLION, minlength=32)
    expected = len(places) / 32
    assert ((parts - expected) ** 2 / expected).sum() < 80


def test_what_is_no_permutation_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0, 16"):
        Permutation(0, range(ROUNDS))
    with pytest.raises(ValueError, match="got 5, 3"):
        Permutation(5, [1, 2, 3])
