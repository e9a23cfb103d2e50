"""Warping: the residual of exact ground truth is 0, and swapped views are told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample, with_truth

from stereo.data.sample import GroundTruth, StereoSample
from stereo.data.warping import comparable, refuse_swapped_views, seem_swapped, warp_residual
from stereo.errors import DataError


def test_the_residual_is_zero_where_the_ground_truth_is_exact() -> None:
    sample = textured_sample(32, 64, 6)
    difference, known = warp_residual(sample), comparable(sample)
    assert (difference[known] == 0).all()
    np.testing.assert_array_equal(known, np.broadcast_to(np.arange(64) >= 6, (32, 64)))
    assert difference[~known].mean() > 10


def test_the_residual_by_hand() -> None:
    """A ramp of 10 gray levels a column, of which a disparity of 2.5 px takes 25."""
    ramp = np.repeat(np.broadcast_to(10 * np.arange(20, dtype=np.uint8), (32, 20))[..., None], 3, axis=2)
    truth = GroundTruth(np.full((32, 20), 2.5, np.float32), np.ones((32, 20), bool))
    residual = warp_residual(StereoSample(ramp, ramp, truth))
    np.testing.assert_allclose(residual[:, 4:-2], 25, atol=0.01)
    assert residual[0, 0] == 0  # outside: the nearest pixel of the right view
    assert residual[0, 1] == 10


def test_what_can_be_compared() -> None:
    sample = textured_sample(32, 64, 6)
    valid, occluded = np.ones((32, 64), bool), np.zeros((32, 64), bool)
    valid[3, 20] = False
    occluded[4, 30] = True
    known = comparable(with_truth(sample, valid=valid, occluded=occluded))
    assert np.argwhere(comparable(sample) & ~known).tolist() == [[3, 20], [4, 30]]
    for function in (comparable, warp_residual):
        with pytest.raises(DataError, match="plane/0: has no ground truth, which warping needs"):
            function(replace(sample, truth=None))


def exchanged(sample: StereoSample) -> StereoSample:
    return replace(sample, left=sample.right, right=sample.left)


def test_swapped_views_are_told_whatever_the_exposure() -> None:
    sample = textured_sample(48, 160, 6)
    darker = replace(sample, right=sample.right // 3 + 20)
    assert not seem_swapped(sample)
    assert not seem_swapped(darker)
    assert seem_swapped(exchanged(sample))
    assert seem_swapped(exchanged(darker))


def test_what_cannot_be_known_is_not_called_swapped() -> None:
    sample = exchanged(textured_sample(48, 160, 6))
    few = np.zeros((48, 160), bool)
    few[0, :100] = True
    assert not seem_swapped(with_truth(sample, valid=few))
    assert not seem_swapped(replace(sample, truth=None))
    assert not seem_swapped(replace(sample, left=np.zeros_like(sample.left), right=np.zeros_like(sample.left)))


def test_swapped_views_are_refused_with_the_file() -> None:
    sample = textured_sample(48, 160, 6)
    refuse_swapped_views(sample, Path("left.png"))
    with pytest.raises(DataError, match=r"^left\.png: the views seem to be swapped.*check_views=false"):
        refuse_swapped_views(exchanged(sample), Path("left.png"))
