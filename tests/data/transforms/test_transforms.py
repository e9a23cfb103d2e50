"""Augmentation: ground truth stays exact."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import right_disparity_of, textured_sample, truth_of, with_truth
from helpers.warping import warp_error
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo.config import AugmentationConfig, SyntheticConfig
from stereo.data.sample import Calibration, GroundTruth, Mask, StereoSample
from stereo.data.synthetic import SyntheticWorld
from stereo.data.transforms import (
    Augmentation,
    color_jitter,
    erase_right,
    horizontal_flip,
    misalign,
    random_crop,
    resize,
    vertical_flip,
)
from stereo.errors import DataError


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
    assert truth_of(changed).disparity[0, 0] == 8 * scale
    assert changed.calibration == Calibration(100 * scale, 0.1, 3 * scale)
    assert warp_error(changed) < 1


def test_resize_takes_the_exact_ratio_of_the_widths() -> None:
    changed = resize(textured_sample(32, 101, 10), 0.7)
    np.testing.assert_allclose(truth_of(changed).disparity, 10 * changed.width / 101, rtol=1e-6)


def test_resized_maps_invent_no_value() -> None:
    sample = textured_sample(32, 64, 4)
    truth_of(sample).disparity[:, 32:] = 20
    truth_of(sample).valid[:, ::3] = False
    changed = resize(sample, 1.37)
    assert len(np.unique(truth_of(changed).disparity)) == 2


def test_moving_objects_go_with_the_left_view() -> None:
    sample = textured_sample(40, 60, 4)
    foreground = np.zeros((40, 60), bool)
    foreground[10:20, 30:50] = True
    sample = with_both_truths(with_truth(sample, foreground=foreground))
    half = np.zeros((20, 30), bool)
    half[5:10, 15:25] = True
    for changed, expected in (
        (resize(sample, 0.5), half),
        (vertical_flip(sample), foreground[::-1]),
        (misalign(sample, 2.0, 1.0), foreground),  # it moves the right view alone
        (sample.window(8, 28, 32, 32), foreground[8:40, 28:60]),
    ):
        np.testing.assert_array_equal(truth_of(changed).foreground, expected)
    assert truth_of(horizontal_flip(sample)).foreground is None  # where they are in the right view is not known


def test_color_leaves_geometry_and_is_symmetric_when_told() -> None:
    sample = textured_sample(32, 48, 5)
    symmetric = color_jitter(sample, 0.5, 0.0, rng())
    asymmetric = color_jitter(sample, 0.5, 1.0, rng())
    assert warp_error(symmetric) < 1  # contrast acts about each view's own mean
    assert warp_error(asymmetric) > 3
    assert truth_of(symmetric).disparity is truth_of(sample).disparity
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


def test_a_stretch_changes_the_width_alone() -> None:
    changed = resize(textured_sample(40, 64, 8), 1.0, 1.5)
    assert (changed.height, changed.width) == (40, 96)
    assert (truth_of(changed).disparity == 12).all()


def test_stretching_never_makes_a_sample_too_small_for_the_crop() -> None:
    config = AugmentationConfig(
        crop_height=64, crop_width=96, scale_probability=1, stretch_probability=1, max_log2_stretch=1, min_log2_scale=-1
    )
    for seed in range(50):
        augmented = Augmentation(config)(textured_sample(66, 98, 4), np.random.default_rng(seed))
        assert (augmented.height, augmented.width) == (64, 96)


def with_both_truths(sample: StereoSample) -> StereoSample:
    return with_truth(sample, disparity_right=truth_of(sample).disparity)


def test_a_horizontal_flip_keeps_disparities_positive_and_true() -> None:
    sample = with_both_truths(textured_sample(40, 64, 8))
    flipped = horizontal_flip(sample)
    assert warp_error(flipped) == 0
    assert np.array_equal(flipped.left, sample.right[:, ::-1])
    twice = horizontal_flip(flipped)
    assert np.array_equal(twice.left, sample.left)
    assert np.array_equal(twice.right, sample.right)
    with pytest.raises(DataError, match="needs the right view's disparity"):
        horizontal_flip(textured_sample(40, 64, 8))


def test_what_is_unknown_on_the_right_is_unknown_after_the_flip() -> None:
    sample = with_both_truths(textured_sample(40, 64, 8))
    right = right_disparity_of(sample).copy()
    right[:, 10:20] = 0
    flipped = horizontal_flip(with_truth(sample, disparity_right=right))
    assert np.array_equal(np.flatnonzero(~truth_of(flipped).valid[0]), np.arange(64 - 20, 64 - 10))


def test_a_flip_is_left_out_where_it_cannot_be_made() -> None:
    config = AugmentationConfig(
        crop_height=32,
        crop_width=48,
        horizontal_flip_probability=1,
        vertical_flip_probability=0,
        color_jitter=0,
        right_erase_probability=0,
    )
    sample = textured_sample(32, 48, 8)
    assert Augmentation(config)(sample, rng()) is sample
    flipped = Augmentation(config)(with_both_truths(sample), rng())
    assert np.array_equal(flipped.left, sample.right[:, ::-1])


@pytest.mark.parametrize(("shift", "angle"), [(1.0, 0.0), (-0.7, 0.0), (0.0, 0.5), (0.6, -0.3)])
def test_disparity_follows_a_misaligned_right_view(shift: float, angle: float) -> None:
    """Stripes do not change along the columns, so that shifting them up and down leaves the views alike, and turning
    them moves each row by as much as the disparity must follow."""
    columns = np.arange(200)
    stripes = (127 + 100 * np.sin(columns / 5)).astype(np.uint8)
    image = np.repeat(np.tile(stripes[None, :, None], (120, 1, 1)), 3, axis=2)
    sample = StereoSample(
        left=np.ascontiguousarray(image[:, :160]),
        right=np.ascontiguousarray(image[:, 11:171]),
        truth=GroundTruth(
            disparity=np.full((120, 160), 11, np.float32),
            valid=np.ones((120, 160), bool),
            disparity_right=np.full((120, 160), 11, np.float32),
        ),
    )
    moved = misalign(sample, shift, angle)
    for changed in (moved, horizontal_flip(moved)):
        assert warp_error(changed, mask=visible(changed)) < 1.5
    spread = float(np.ptp(truth_of(moved).disparity[truth_of(moved).valid]))
    assert spread == pytest.approx(119 * abs(np.sin(np.radians(angle))), abs=0.02)


def visible(sample: StereoSample) -> Mask:
    """Return where the match lies well within the right view, and no other surface hides it there."""
    truth = truth_of(sample)
    rows, columns = np.mgrid[: sample.height, : sample.width]
    source = columns - truth.disparity
    mask = truth.valid & (source >= 2) & (source <= sample.width - 3)
    mask[:3] = mask[-3:] = False
    if truth.disparity_right is not None:  # what another surface hides in the right view has another disparity there
        there = truth.disparity_right[rows, np.clip(np.rint(source), 0, sample.width - 1).astype(int)]
        mask &= np.abs(there - truth.disparity) < 0.5
    return mask


WORLD = SyntheticWorld(SyntheticConfig(height=160, width=256, max_disparity=48, photometric=False))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    index=st.integers(0, 19),
    seed=st.integers(0, 10**6),
    scale=st.booleans(),
    flips=st.booleans(),
    misalignment=st.booleans(),
)
def test_ground_truth_is_true_after_any_chain(
    index: int, seed: int, scale: bool, flips: bool, misalignment: bool
) -> None:
    """Warping verifies it, against half and twice the disparity and against a neighboring one."""
    config = AugmentationConfig(
        crop_height=96,
        crop_width=160,
        scale_probability=float(scale),
        stretch_probability=float(scale),
        horizontal_flip_probability=0.5 * flips,
        vertical_flip_probability=0.5 * flips,
        misalignment_probability=float(misalignment),
        max_vertical_shift=0.3,
        color_jitter=0,
        right_erase_probability=0,
    )
    sample = Augmentation(config)(WORLD[index], np.random.default_rng(seed))
    assert (sample.height, sample.width) == (96, 160)
    disparity = truth_of(sample).disparity
    assert (disparity[~truth_of(sample).valid] == 0).all()
    mask = visible(sample)
    own = warp_error(sample, mask=mask)
    for other in (disparity * 1.1, disparity * 0.9, disparity + 1, disparity - 1):
        assert own < warp_error(sample, other.astype(np.float32), mask)
