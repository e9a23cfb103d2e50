"""Wrapped methods: what goes in, what comes out, and when nothing changes."""

import numpy as np
import pytest
import torch
from helpers import textured_sample, truth_of

from stereo.data.sample import StereoSample
from stereo.errors import ConfigError, DataError
from stereo.methods.matcher import TrueRange
from stereo.methods.method import Prediction
from stereo.methods.sgbm import Sgbm
from stereo.methods.variants import FlipTest, Scaled


class _Told:
    """Gives the disparities that the rows of the left view's red channel say, and keeps the samples that it saw."""

    name, settings, device, max_disparity = "told", {"a": 1}, torch.device("meta"), 100

    def __init__(self, ran_at: tuple[int, int] | None = None) -> None:
        self.seen: list[StereoSample] = []
        self.ran_at = ran_at

    def predict_sample(self, sample: StereoSample) -> Prediction:
        self.seen.append(sample)
        red = sample.left[..., 0].astype(np.float32)
        top = np.arange(sample.height)[:, None] + np.zeros_like(red)
        return Prediction(
            red + np.float32(100) * (top == 0),
            confidence=red / np.float32(255),
            estimated=top > 0,
            ran_at=self.ran_at,
        )


def _sample(height: int = 4, width: int = 6, red: float = 8) -> StereoSample:
    view = np.full((height, width, 3), red, np.uint8)
    return StereoSample(view, view.copy(), name="flat")


def test_the_flip_test_is_the_mean_of_both_ways_up() -> None:
    sample = _sample()
    sample.left[-1] = 16
    told = _Told(ran_at=(16, 16))
    found = FlipTest(told).predict_sample(sample)
    np.testing.assert_array_equal(told.seen[1].left, sample.left[::-1])
    np.testing.assert_array_equal(told.seen[1].right, sample.right[::-1])
    # The first row is wrong by 100 px, which is the last one the other way up.
    np.testing.assert_array_equal(found.disparity[:, 0], [58, 8, 8, 66])
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence[:, 0], np.array([8, 8, 8, 16]) / 255, rtol=1e-6)
    assert found.estimated is not None
    assert found.estimated[:, 0].tolist() == [False, True, True, False]
    assert found.ran_at == (16, 16)


def test_the_flip_test_of_a_method_that_knows_no_up_is_the_method() -> None:
    class Symmetric(_Told):
        def predict_sample(self, sample: StereoSample) -> Prediction:
            return Prediction(sample.left[..., 1].astype(np.float32) / np.float32(7))

    sample = textured_sample(32, 40, 3)
    found = FlipTest(Symmetric()).predict_sample(sample)
    np.testing.assert_array_equal(found.disparity, Symmetric().predict_sample(sample).disparity)
    assert found.confidence is found.disparity_right is found.estimated is found.ran_at is None


@pytest.mark.parametrize(("scale", "ran_at"), [(0.5, (20, 30)), (2.0, (80, 122)), (0.3, (12, 18))])
def test_a_scaled_method_runs_at_the_scale_and_answers_at_the_own_size(scale: float, ran_at: tuple[int, int]) -> None:
    told = _Told()
    found = Scaled(told, scale).predict_sample(_sample(40, 61))
    assert [(seen.height, seen.width) for seen in told.seen] == [ran_at]
    assert found.ran_at == ran_at
    assert found.disparity.shape == (40, 61)
    np.testing.assert_allclose(found.disparity[8:], 8 * 61 / ran_at[1], rtol=1e-6)
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence, 8 / 255, rtol=1e-6)
    assert found.estimated is not None
    assert (found.estimated[-8:]).all()
    assert found.estimated[0].all() == (scale == 2)  # of the rows at twice the size, 1 is the nearest one to row 0


def test_the_method_s_own_word_on_its_size_is_kept() -> None:
    assert Scaled(_Told(ran_at=(64, 64)), 0.5).predict_sample(_sample(40, 60)).ran_at == (64, 64)


def test_a_scale_of_one_is_the_method() -> None:
    sample = textured_sample(48, 120, 7)
    plain, scaled = Sgbm(16).predict_sample(sample), Scaled(Sgbm(16), 1).predict_sample(sample)
    np.testing.assert_array_equal(scaled.disparity, plain.disparity)
    np.testing.assert_array_equal(scaled.estimated, plain.estimated)
    assert scaled.ran_at is None


def test_a_plane_is_found_at_any_scale() -> None:
    sample = textured_sample(80, 160, 8)
    for view in (sample.left, sample.right):  # so that half the size still shows it
        view[:] = np.repeat(np.repeat(view[::4, ::4], 4, axis=0), 4, axis=1)
    for scale in (0.5, 2.0):
        disparity = Scaled(Sgbm(32), scale).predict_sample(sample).disparity
        assert np.median(np.abs(disparity - 8)) < 0.3


def test_an_oracle_sees_the_ground_truth_at_the_size_and_way_up_at_which_it_runs() -> None:
    sample = textured_sample(64, 128, 40)
    np.testing.assert_array_equal(
        Scaled(TrueRange(Sgbm), 0.5).predict_sample(sample).disparity,
        Scaled(Sgbm(21), 0.5).predict_sample(sample).disparity,
    )
    truth_of(sample).valid[10:] = False
    assert FlipTest(TrueRange(Sgbm)).predict_sample(sample).disparity.max() < 48


def test_names_settings_and_range_say_what_was_done() -> None:
    method = FlipTest(Scaled(_Told(), 0.4))
    assert method.name == "told (scale 0.4) (flip test)"
    assert method.settings == {"a": 1, "scale": 0.4, "flip_test": "mean with the pair turned upside down"}
    assert (method.device, method.max_disparity) == (torch.device("meta"), 250)
    assert Scaled(TrueRange(Sgbm), 2).max_disparity is None


def test_a_scale_that_is_none_is_refused() -> None:
    for scale in (0.0, -1.0, 50.0, float("nan")):
        with pytest.raises(ConfigError, match=r"the scale is .*, expected 0\.0625 … 8"):
            Scaled(_Told(), scale)
    with pytest.raises(DataError, match=r"at scale 0\.5: .* 20×16 .* 32 px or more"):
        Scaled(Sgbm(16), 0.5).predict_sample(textured_sample(32, 40, 3))
