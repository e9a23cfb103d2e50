"""Streams of random numbers: each purpose has its own."""

from typing import get_args

import numpy as np
import pytest

from stereo.seeds import _TAGS, Purpose, generator


def test_no_two_streams_are_one() -> None:
    """Among them the passes and positions that NumPy's padding and splitting would make equal."""
    values = (0, 1, 2, 3, 2**32, 2**32 + 1)
    streams = [
        generator(purpose, seed, number, *([0] * (count - 2))).integers(2**63)
        for purpose, (_, count) in _TAGS.items()
        for seed in values
        for number in values
    ]
    assert len(set(streams)) == len(streams)
    plain = {np.random.default_rng([seed, number]).integers(2**63) for seed in values for number in values}
    assert not plain & set(streams)


def test_a_stream_is_a_pure_function_of_its_numbers() -> None:
    first, second = (generator("augmentation", 5, 7).random(10) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_streams_do_not_change() -> None:
    """The numbers of every run depend on them."""
    drawn = {purpose: int(generator(purpose, *range(count)).integers(1000)) for purpose, (_, count) in _TAGS.items()}
    assert drawn == {"order": 826, "order within a set": 471, "augmentation": 464}


def test_every_purpose_has_a_tag_of_its_own() -> None:
    assert set(_TAGS) == set(get_args(Purpose))
    assert len({tag for tag, _ in _TAGS.values()}) == len(_TAGS)
    with pytest.raises(ValueError, match="the purpose 'order' takes 2 numbers, got 3"):
        generator("order", 1, 2, 3)
