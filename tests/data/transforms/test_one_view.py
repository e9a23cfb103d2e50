"""One view alone looks different: the other one, the ground truth and all other draws stay as they are."""

from collections.abc import Callable

import numpy as np
import pytest
from helpers import textured_sample, truth_of, with_truth
from numpy.random import Generator
from numpy.typing import NDArray

from stereo.config import AugmentationConfig, OneViewConfig
from stereo.data.sample import Image
from stereo.data.transforms import Augmentation, change_one_view, one_view
from stereo.data.transforms.one_view import PATCH_SIDES, change_patches, change_pixels, change_whole
from stereo.errors import ConfigError

FORMS = ("global", "patch", "pixel")
CHANGES = (change_whole, change_patches, change_pixels)


def plain(value: int, height: int = 96, width: int = 128) -> Image:
    return np.full((height, width, 3), value, np.uint8)


def test_off_is_the_sample_itself_and_draws_nothing() -> None:
    sample, rng = textured_sample(40, 60, 5), np.random.default_rng(0)
    assert change_one_view(sample, OneViewConfig(), rng) is sample
    assert rng.random() == np.random.default_rng(0).random()


def test_the_chain_draws_what_it_drew_before_there_was_this() -> None:
    """The numbers that its generator gave next, from before."""
    sample = textured_sample(80, 120, 9)
    sample = with_truth(sample, disparity_right=truth_of(sample).disparity)
    few = AugmentationConfig(crop_height=32, crop_width=64)
    many = AugmentationConfig(
        crop_height=32,
        crop_width=64,
        scale_probability=0.5,
        stretch_probability=0.5,
        horizontal_flip_probability=0.5,
        misalignment_probability=0.5,
    )
    for config, expected in (
        (few, [0.9350724237877682, 0.027559113243068367, 0.6692972985745202]),
        (many, [0.002738500170148095, 0.7884287034284043, 0.6331843992741164]),
    ):
        for seed, number in enumerate(expected):
            rng = np.random.default_rng(seed)
            Augmentation(config)(sample, rng)
            assert rng.random() == number


@pytest.mark.parametrize("form", FORMS)
def test_it_changes_one_view_and_nothing_else(form: str) -> None:
    plain_config = AugmentationConfig(crop_height=64, crop_width=96, misalignment_probability=0.5)
    config = AugmentationConfig(
        crop_height=64,
        crop_width=96,
        misalignment_probability=0.5,
        one_view=OneViewConfig(**{f"{form}_probability": 1.0}),
    )
    sample = textured_sample(80, 120, 9)
    sides = []
    for seed in range(12):
        without = Augmentation(plain_config)(sample, np.random.default_rng(seed))
        changed, again = (Augmentation(config)(sample, np.random.default_rng(seed)) for _ in range(2))
        differs = [not np.array_equal(getattr(changed, side), getattr(without, side)) for side in ("left", "right")]
        assert sum(differs) == 1
        sides.append(differs[0])
        for side in ("left", "right"):
            np.testing.assert_array_equal(getattr(changed, side), getattr(again, side))
        for name in ("disparity", "valid"):
            np.testing.assert_array_equal(getattr(truth_of(changed), name), getattr(truth_of(without), name))
    assert 0 < sum(sides) < 12


def test_each_form_comes_as_often_as_set() -> None:
    sample = textured_sample(32, 32, 4)
    config = OneViewConfig(global_probability=0.25)
    changed = sum(change_one_view(sample, config, np.random.default_rng(seed)) is not sample for seed in range(400))
    assert 70 < changed < 130  # 100 expected; the standard deviation is 9


@pytest.mark.parametrize("change", CHANGES)
def test_the_image_itself_is_left_as_it_is(change: Callable[[Image, float, Generator], Image]) -> None:
    image = textured_sample(64, 96, 0).left
    image.flags.writeable = False
    changed = change(image, 1.0, np.random.default_rng(0))
    assert changed.dtype == np.uint8
    assert changed.shape == image.shape


def test_the_whole_view_changes_within_its_factors() -> None:
    """Gray level 100 alone: contrast and saturation have nothing to act on.

    Green is 255 (100/255 · b)^g with b and g within 2^∓½: 42 … 168. Red and blue are 2^∓¼ times that.
    """
    colors = np.array([change_whole(plain(100), 0.5, np.random.default_rng(seed))[0, 0] for seed in range(200)])
    green = colors[:, 1]
    assert 41 <= green.min() < 60
    assert 150 < green.max() <= 169
    for channel in (0, 2):
        ratio = colors[:, channel] / green
        assert 0.82 < ratio.min() < 0.9
        assert 1.1 < ratio.max() < 1.22
    two = np.concatenate([plain(60), plain(180)])
    changed = change_whole(two, 1.0, np.random.default_rng(1))
    assert len(np.unique(changed.reshape(-1, 3), axis=0)) == 2


def test_a_brighter_gray_level_stays_the_brighter_one() -> None:
    """Nothing wraps around at 0 or 255."""
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (8, 1))[..., None], 3, axis=2)
    for seed in range(50):
        changed = change_whole(ramp, 1.0, np.random.default_rng(seed)).astype(int)
        assert (np.diff(changed, axis=1) >= 0).all()


def rectangle(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def test_a_patch_is_a_rectangle_of_another_brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_view, "MAX_PATCHES", 1)
    sizes, factors = [], []
    for seed in range(200):
        changed = change_patches(plain(100, 96, 160), 0.5, np.random.default_rng(seed))
        mask = (changed != 100).any(axis=2)
        if mask.any():  # a factor of 1.002 rounds to the same gray level
            here = rectangle(mask)
            assert mask[here].all()
            assert len(np.unique(changed[here])) == 1
            sizes.append((mask[here].shape[0] / 96, mask[here].shape[1] / 160))
            factors.append(changed[here][0, 0, 0] / 100)
    assert len(sizes) > 180
    for side in np.array(sizes).T:
        assert PATCH_SIDES[0] - 0.01 < side.min() < 0.08
        assert 0.4 < side.max() <= PATCH_SIDES[1]
        assert 0.14 < np.median(side) < 0.22  # the middle of 1/16 and 1/2 by factors is 0.18
    assert 0.70 <= min(factors) < 0.75
    assert 1.35 < max(factors) <= 1.42


def test_half_of_the_patches_are_blurred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbors in noise have nothing in common, until it is blurred."""
    monkeypatch.setattr(one_view, "MAX_PATCHES", 1)
    noise = textured_sample(96, 160, 0).left // 3 + 80
    blurred, count = 0, 0
    for seed in range(100):
        changed = change_patches(noise, 1.0, np.random.default_rng(seed))
        patch = changed[rectangle((changed != noise).any(axis=2))][..., 0].astype(float)
        if min(patch.shape) >= 12:
            count += 1
            blurred += np.corrcoef(patch[:, 1:].ravel(), patch[:, :-1].ravel())[0, 1] > 0.25
    assert count > 50
    assert 0.35 < blurred / count < 0.65


def test_there_are_one_to_six_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """3.5 on average, which overlap a little."""

    def mean_share() -> float:
        images = [change_patches(plain(100), 1.0, np.random.default_rng(seed)) for seed in range(100)]
        return float(np.mean([(image != 100).any(axis=2).mean() for image in images]))

    several = mean_share()
    monkeypatch.setattr(one_view, "MAX_PATCHES", 1)
    assert 2.5 < several / mean_share() < 3.7


def test_light_is_smooth_and_within_its_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_view, "_MAX_NOISE", 0.0)
    monkeypatch.setattr(one_view, "_MAX_DEAD", 0.0)
    spans = []
    for seed in range(40):
        lit = change_pixels(plain(100), 0.5, np.random.default_rng(seed))
        np.testing.assert_array_equal(lit[..., 0], lit[..., 2])
        level = lit[..., 0].astype(int)
        assert 70 <= level.min() <= level.max() <= 142  # 100 times 2^∓½, rounded
        assert max(np.abs(np.diff(level, axis=axis)).max() for axis in (0, 1)) <= 8
        spans.append(np.ptp(level))
    assert np.median(spans) > 20


def test_noise_and_dead_pixels_are_as_strong_as_set() -> None:
    noise, dead = [], []
    for seed in range(60):
        changed = change_pixels(plain(100), 0.5, np.random.default_rng(seed))
        dark, white = (changed == 0).all(axis=2), (changed == 255).all(axis=2)
        dead.append((dark | white).mean())
        step = np.diff(changed[..., 1].astype(float), axis=1)
        noise.append(float(np.median(np.abs(step))) / 0.6745 / np.sqrt(2))  # of a normal distribution
    assert max(dead) < 0.006  # 0.5 % at most, as drawn
    assert 0.0015 < np.mean(dead) < 0.0035
    assert 8 < max(noise) < 13.5  # 12.5 at most
    assert min(noise) < 3


@pytest.mark.parametrize("value", [0, 255])
def test_noise_does_not_wrap_around(value: int) -> None:
    for seed in range(20):
        changed = change_pixels(plain(value), 1.0, np.random.default_rng(seed)).astype(int)
        if value == 0:
            assert np.percentile(changed, 98.9) < 90  # 1 % may be dead; 3 standard deviations are 75
        else:
            assert np.percentile(changed, 1.1) > 127 - 75


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("patch_probability", 1.5, r"one_view\.patch_probability is 1\.5, expected a probability, 0 … 1"),
        ("global_strength", 0.0, r"global_strength is 0\.0, expected more than 0, 1 at most; global_probability=0"),
        ("pixel_strength", 2.0, r"pixel_strength is 2\.0, expected more than 0, 1 at most"),
    ],
)
def test_settings_out_of_range(name: str, value: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OneViewConfig(**{name: value})
