"""The classical baseline finds a known shift and leaves no hole."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import textured_sample

from stereo.errors import ConfigError, DataError
from stereo.methods.choice import methods_from
from stereo.methods.matcher import TrueRange
from stereo.methods.sgbm import Sgbm


@pytest.mark.parametrize("shift", [0, 7, 21])
def test_a_known_shift_is_found_up_to_the_left_border(shift: int) -> None:
    sample = textured_sample(48, 120, shift)
    disparity = Sgbm(32).predict(sample.left, sample.right)
    assert disparity.shape == (48, 120)
    assert disparity.dtype == np.float32
    # The first `shift` columns lie outside the right view: they are filled from their neighbors.
    assert np.mean(np.abs(disparity - shift) < 0.5) > 0.98
    assert np.isfinite(disparity).all()


def test_every_pixel_gets_an_estimate_even_without_texture() -> None:
    blank = np.full((40, 60, 3), 128, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    for left, right in ((blank, blank), (noise, noise[::-1].copy())):
        disparity = Sgbm(16).predict(left, right)
        assert np.isfinite(disparity).all()
        assert (disparity >= 0).all()
        assert (disparity < 16).all()


@pytest.mark.parametrize("oracle_range", [False, True])
def test_the_confidence_is_1_where_the_checks_leave_an_estimate(oracle_range: bool) -> None:
    (sgbm,) = methods_from(["sgbm"], confidence=True, oracle_range=oracle_range)
    found = sgbm.predict_sample(textured_sample(48, 120, 21))
    assert found.confidence is not None
    assert found.estimated is not None
    np.testing.assert_array_equal(found.confidence == 1, found.estimated)
    assert set(np.unique(found.confidence)) == {0, 1}
    assert Sgbm(32).predict_sample(textured_sample(48, 120, 21)).confidence is None


def test_a_match_outside_the_right_view_is_a_hole() -> None:
    # Without texture at the left, every disparity that leaves the right view would match its replicated border.
    sample = textured_sample(48, 160, 20)
    for view in (sample.left, sample.right):
        view[:, :80] = 128
    found = Sgbm(64).match(sample.left, sample.right)
    assert (found <= np.arange(160)).all()
    estimated = Sgbm(64).predict_sample(sample).estimated
    np.testing.assert_array_equal(estimated, found >= 0)
    assert (Sgbm(64).predict(sample.left, sample.right)[:, :20] <= 40).all()


def test_the_range_is_rounded_up_to_a_multiple_of_16() -> None:
    assert [Sgbm(number).num_disparities for number in (1, 16, 17, 192)] == [16, 16, 32, 192]
    with pytest.raises(ConfigError, match="num_disparities is 0"):
        Sgbm(0)
    with pytest.raises(ConfigError, match="block_size is 4"):
        Sgbm(16, block_size=4)


def test_a_range_beyond_the_width_costs_nothing_and_changes_nothing() -> None:
    sample = textured_sample(32, 40, 5)
    np.testing.assert_array_equal(
        Sgbm(100_000).predict(sample.left, sample.right), Sgbm(48).predict(sample.left, sample.right)
    )


def test_the_oracle_takes_its_range_from_the_ground_truth() -> None:
    sample = textured_sample(48, 120, 16)  # 16 px need the range 0 … 31
    found = TrueRange(Sgbm).predict_sample(sample).disparity
    np.testing.assert_array_equal(found, Sgbm(32).predict(sample.left, sample.right))
    with pytest.raises(DataError, match="plane/0: has no ground truth"):
        TrueRange(Sgbm).predict_sample(replace(sample, truth=None))


def test_sizes_are_checked() -> None:
    sample = textured_sample(48, 60, 4)
    with pytest.raises(DataError, match="60×48 but the right one is 59×48"):
        Sgbm(16).predict(sample.left, sample.right[:, 1:])


def test_settings_say_what_changes_the_numbers() -> None:
    settings = Sgbm(40, block_size=5).settings
    assert (settings["num_disparities"], settings["block_size"], settings["P1"]) == (48, 5, 8 * 3 * 25)
    assert settings["holes"] == "filled from the background"
    assert Sgbm(40).max_disparity == 48
    oracle = TrueRange(Sgbm)
    assert (oracle.name, oracle.settings["num_disparities"]) == ("sgbm (true range)", "true range")
    assert oracle.max_disparity is None
