"""The contact sheet: what each picture of a row shows."""

from dataclasses import replace

import numpy as np
from helpers import textured_sample, truth_of, with_truth

from stereo.contact_sheet import LABEL_HEIGHT, describe_sample, draw_row
from stereo.data.sample import StereoSample


def pictures(sample: StereoSample) -> list[np.ndarray]:
    """The pictures of a row at the sample's own size, so that nothing is resized."""
    row = draw_row(sample, sample.width)
    assert row[:LABEL_HEIGHT].max() > 200  # the label
    return np.split(row[LABEL_HEIGHT:], 5, axis=1)


def test_each_picture_shows_what_it_says() -> None:
    sample = textured_sample(32, 64, 6)
    hidden = np.zeros((32, 64), bool)
    hidden[:, :6] = True
    valid = np.ones((32, 64), bool)
    valid[:4] = False
    sample = with_truth(sample, occluded=hidden, valid=valid)
    left, right, disparity, occluded, residual = pictures(sample)
    np.testing.assert_array_equal(left, sample.left)
    np.testing.assert_array_equal(right, sample.right)
    np.testing.assert_array_equal((disparity == 0).all(axis=2), ~valid)
    np.testing.assert_array_equal((occluded == 255).all(axis=2), hidden)
    assert not residual.any()  # the ground truth is exact where it is known and not hidden
    assert describe_sample(sample) == "64×32, disparity 6.0 … 6.0 px, 9% occluded, residual 0.00"


def test_wrong_ground_truth_is_seen_in_the_residual() -> None:
    sample = textured_sample(32, 64, 6)
    wrong = with_truth(sample, disparity=truth_of(sample).disparity + 1)
    residual = pictures(wrong)[4]
    assert not residual[:, :7].any()  # the match lies outside the right view
    assert residual[:, 7:].mean() > 200  # random texture differs by more than 32 gray levels almost everywhere


def test_a_sample_without_ground_truth() -> None:
    sample = replace(textured_sample(32, 64, 6), truth=None)
    left, _, *others = pictures(sample)
    np.testing.assert_array_equal(left, sample.left)
    assert not np.any(others)
    assert describe_sample(sample) == "no ground truth"
