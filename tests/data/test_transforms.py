"""Augmentation: ground truth stays exact."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import textured_sample

from stereo.config import AugmentationConfig
from stereo.data.sample import Calibration, StereoSample
from stereo.data.transforms import Augmentation, color_jitter, erase_right, random_crop, resize, vertical_flip
from stereo.errors import DataError


def warp_error(sample: StereoSample) -> float:
    """Mean |L(x) − R(x − d)| for a constant disparity that may be fractional."""
    assert sample.disparity is not None
    disparity = float(sample.disparity.flat[0])
    columns = np.arange(int(disparity) + 1, sample.width)
    right = np.stack(
        [
            [np.interp(columns - disparity, np.arange(sample.width), row[:, channel]) for channel in range(3)]
            for row in sample.right.astype(np.float64)
        ]
    ).transpose(0, 2, 1)
    return float(np.abs(sample.left[:, columns] - right).mean())


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_crop_and_flip_are_exact() -> None:
    sample = textured_sample(40, 60, 7)
    for changed in (random_crop(sample, 32, 48, rng()), vertical_flip(sample)):
        assert warp_error(changed) == 0
        assert changed.left.flags.c_contiguous
    cropped = random_crop(sample, 32, 48, rng())
    assert (cropped.height, cropped.width) == (32, 48)
    assert np.array_equal(vertical_flip(sample).left, sample.left[::-1])


def test_crops_differ_and_cover() -> None:
    sample = textured_sample(40, 60, 0)
    generator = rng()
    corners = {random_crop(sample, 32, 48, generator).left[0, 0].tobytes() for _ in range(200)}
    assert len(corners) > 60  # of 9 × 13 = 117 windows


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5, 2.0])
def test_resize_scales_the_disparity(scale: float) -> None:
    sample = textured_sample(40, 64, 8)
    smooth = np.repeat(np.repeat(sample.left[::8, ::8], 8, axis=0), 8, axis=1)  # blocks of the shift's size
    sample = replace(sample, left=smooth, right=np.roll(smooth, -8, axis=1), calibration=Calibration(100, 0.1, 3))
    changed = resize(sample, scale)
    assert changed.disparity is not None
    assert changed.disparity[0, 0] == 8 * scale
    assert changed.calibration == Calibration(100 * scale, 0.1, 3 * scale)
    assert warp_error(changed) < 1


def test_resize_takes_the_exact_ratio_of_the_widths() -> None:
    changed = resize(textured_sample(32, 101, 10), 0.7)
    assert changed.disparity is not None
    np.testing.assert_allclose(changed.disparity, 10 * changed.width / 101, rtol=1e-6)


def test_resized_maps_invent_no_value() -> None:
    sample = textured_sample(32, 64, 4)
    assert sample.disparity is not None
    assert sample.valid is not None
    sample.disparity[:, 32:] = 20
    sample.valid[:, ::3] = False
    changed = resize(sample, 1.37)
    assert changed.disparity is not None
    assert len(np.unique(changed.disparity)) == 2


def test_colour_leaves_geometry_and_is_symmetric_when_told() -> None:
    sample = textured_sample(32, 48, 5)
    symmetric = color_jitter(sample, 0.5, 0.0, rng())
    asymmetric = color_jitter(sample, 0.5, 1.0, rng())
    assert warp_error(symmetric) < 1  # contrast acts about each view's own mean
    assert warp_error(asymmetric) > 3
    assert symmetric.disparity is sample.disparity
    assert not np.array_equal(symmetric.left, sample.left)


def test_erasing_touches_the_right_view_alone() -> None:
    sample = textured_sample(64, 96, 5)
    changed = erase_right(sample, rng())
    share = (changed.right != sample.right).any(axis=2).mean()
    assert 0.005 < share < 0.2
    assert changed.left is sample.left


def test_the_chain_is_a_pure_function_of_its_generator() -> None:
    sample = textured_sample(80, 120, 9)
    augmentation = Augmentation(AugmentationConfig(crop_height=32, crop_width=64, scale_probability=1.0))
    results = [augmentation(sample, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(results[0].left, results[1].left)
    assert np.array_equal(results[0].right, results[1].right)
    assert not np.array_equal(results[0].left, results[2].left)


def test_scaling_never_makes_a_sample_too_small_for_the_crop() -> None:
    config = AugmentationConfig(
        crop_height=64, crop_width=96, scale_probability=1.0, min_log2_scale=-2, max_log2_scale=-1
    )
    augmented = Augmentation(config)(textured_sample(70, 100, 4), rng())
    assert (augmented.height, augmented.width) == (64, 96)


def test_everything_off_changes_nothing() -> None:
    config = AugmentationConfig(
        crop_height=None,
        crop_width=None,
        vertical_flip_probability=0,
        color_jitter=0,
        right_erase_probability=0,
    )
    sample = textured_sample(32, 48, 5)
    assert Augmentation(config)(sample, rng()) is sample


def test_a_sample_smaller_than_the_crop_is_named() -> None:
    with pytest.raises(DataError, match=r"plane/0: the sample is 48×32 but the crop is 64×32"):
        random_crop(textured_sample(32, 48, 5), 32, 64, rng())
