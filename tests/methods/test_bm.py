"""Block matching finds a known shift and leaves no hole."""

import numpy as np
import pytest
from helpers import textured_sample

from stereo.errors import ConfigError, DataError
from stereo.methods.bm import Bm
from stereo.methods.matcher import TrueRange


@pytest.mark.parametrize("shift", [0, 7, 21])
def test_a_known_shift_is_found_up_to_the_borders(shift: int) -> None:
    sample = textured_sample(48, 120, shift)
    prediction = Bm(32).predict_sample(sample)
    assert prediction.disparity.shape == (48, 120)
    assert np.mean(np.abs(prediction.disparity - shift) < 0.5) > 0.98
    # All but the columns that lie outside the right view, and at most some pixels near them, have a value of their own.
    assert prediction.estimated is not None
    assert not prediction.estimated[:, :shift].any()
    assert prediction.estimated[:, shift + 5 :].mean() > 0.98
    assert prediction.estimated[[0, -1]].mean() > 0.6
    np.testing.assert_array_equal(Bm(32).predict(sample.left, sample.right), prediction.disparity)


def test_without_texture_there_is_no_value_and_no_hole() -> None:
    blank = np.full((40, 60, 3), 128, np.uint8)
    assert (Bm(16).match(blank, blank) == -1).all()
    assert (Bm(16).predict(blank, blank) == 0).all()


def test_colors_of_one_brightness_are_one_gray() -> None:
    sample = textured_sample(48, 120, 7)
    gray = np.repeat(Bm().prepare(sample.left)[..., None], 3, axis=2)
    np.testing.assert_array_equal(Bm(32).predict(gray, sample.right), Bm(32).predict(sample.left, sample.right))


@pytest.mark.parametrize(("step", "kept"), [(1, True), (4, False)])
def test_an_island_more_than_two_pixels_off_its_surroundings_is_a_hole(step: int, kept: bool) -> None:
    right = np.random.default_rng(0).integers(0, 256, (48, 120, 3), dtype=np.uint8)
    disparity = np.full((48, 120), 5)
    disparity[20:29, 60:69] += step
    left = np.take_along_axis(right, (np.arange(120) - disparity)[..., None], axis=1)
    found = Bm(16, block_size=5).match(left, right)
    assert found[24, 64] == pytest.approx(5 + step if kept else -1, abs=0.2)
    assert found[10, 64] == pytest.approx(5, abs=0.2)


def test_ranges_windows_and_sizes_are_checked() -> None:
    assert [Bm(number).num_disparities for number in (1, 17)] == [16, 32]
    assert Bm(40).max_disparity == 48
    with pytest.raises(ConfigError, match="num_disparities is 0"):
        Bm(0)
    with pytest.raises(ConfigError, match="block_size is 3, expected an odd number, 5 or more"):
        Bm(16, block_size=3)
    sample = textured_sample(48, 60, 4)
    with pytest.raises(DataError, match="60×48 but the right one is 59×48"):
        Bm(16).predict(sample.left, sample.right[:, 1:])


def test_the_oracle_takes_its_range_from_the_ground_truth() -> None:
    sample = textured_sample(48, 120, 16)  # 16 px need the range 0 … 31
    oracle = TrueRange(Bm)
    assert (oracle.name, oracle.max_disparity) == ("bm (true range)", None)
    np.testing.assert_array_equal(oracle.predict_sample(sample).disparity, Bm(32).predict(sample.left, sample.right))


def test_settings_say_what_changes_the_numbers() -> None:
    settings = Bm(40, block_size=11).settings
    assert (settings["num_disparities"], settings["block_size"], settings["preFilterCap"]) == (48, 11, 31)
    assert settings["holes"] == "filled from the background"
