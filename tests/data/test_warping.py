"""Warping: the residual of exact ground truth is 0, and a wrong scale or swapped views are told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample, truth_of, with_truth

from stereo.data.sample import GroundTruth, StereoSample
from stereo.data.warping import check_by_warping, comparable, refuse_swapped_views, warp_residual
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


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (1.0, "the views match at the disparity's own scale and sign"),
        (0.5, "the disparity's scale seems to be wrong: the views match at 2 × the values that were read"),
        (16.0, "the disparity's scale seems to be wrong: the views match at 1/16 × the values that were read"),
        (-1.0, "the views seem to be swapped: the left one matches the right one at x + d"),
    ],
)
def test_what_the_check_says(factor: float, verdict: str) -> None:
    sample = textured_sample(48, 160, 6)
    sample = with_truth(sample, disparity=truth_of(sample).disparity * np.float32(factor))
    check = check_by_warping(sample)
    assert check is not None
    assert check.verdict().startswith(verdict)
    assert check.confirmed == (factor == 1)
    assert check.best == 1 / factor


def test_the_check_does_not_judge_what_it_cannot_know() -> None:
    sample = textured_sample(48, 160, 6)
    few = np.zeros((48, 160), bool)
    few[0, :100] = True
    assert check_by_warping(with_truth(sample, valid=few)) is None
    assert check_by_warping(replace(sample, truth=None)) is None
    blank = check_by_warping(replace(sample, left=np.zeros_like(sample.left), right=np.zeros_like(sample.left)))
    assert blank is not None
    assert blank.verdict().startswith("the views tell little about the scale")


def test_different_exposure_does_not_count() -> None:
    sample = textured_sample(48, 160, 6)
    check = check_by_warping(replace(sample, right=sample.right // 3 + 20))
    assert check is not None
    assert check.confirmed


def test_swapped_views_are_refused_with_the_file() -> None:
    sample = textured_sample(48, 160, 6)
    refuse_swapped_views(sample, Path("left.png"))
    with pytest.raises(DataError, match=r"^left\.png: the views seem to be swapped.*check_views=false"):
        refuse_swapped_views(replace(sample, left=sample.right, right=sample.left), Path("left.png"))
