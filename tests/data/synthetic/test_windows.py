"""A window of a pair is that part of the frame; object ids and boundaries are found when asked for."""

import numpy as np
import pytest
from helpers import array_of, truth_of
from helpers.world import CLEAN, GROUND_TRUTH, scene_of

from stereo.config import AugmentationConfig, DataConfig, DatasetConfig, SyntheticConfig
from stereo.data.synthetic import SyntheticWorld, Window, dataset
from stereo.data.synthetic.dataset import find_boundary
from stereo.data.synthetic.render import sensor
from stereo.data.training_data import TrainingData
from stereo.data.transforms import Augmentation

FRAME = Window(0, 0, 128, 256)


@pytest.mark.parametrize("window", [FRAME, Window(3, 5, 64, 96), Window(71, 150, 57, 106)])
def test_a_window_is_that_part_of_the_frame(window: Window) -> None:
    here = window.within(FRAME)
    world = SyntheticWorld(CLEAN)
    for index in range(6):
        whole, part = world.annotated(index), world.annotated(index, window)
        for name in ("left", "right", *GROUND_TRUTH):
            np.testing.assert_array_equal(array_of(part.sample, name), array_of(whole.sample, name)[here], name)
        np.testing.assert_array_equal(part.object_id, whole.object_id[here])


def test_a_window_seen_by_sensors_differs_by_its_noise_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blur reaches across the window's border as within the frame, and the frame's corners stay the darkest."""
    config = SyntheticConfig(height=96, width=160, max_disparity=32, vignetting=0.8)
    window = Window(60, 100, 36, 60)
    here = window.within(Window(0, 0, 96, 160))
    world = SyntheticWorld(config)
    noisy = world.window(0, window)
    monkeypatch.setattr(sensor, "_noise", lambda rng, shape: np.zeros(shape, np.float32))
    assert not np.array_equal(world.window(0, window).left, noisy.left)
    for index in range(8):
        whole, part = world[index], world.window(index, window)
        for side in ("left", "right"):
            difference = array_of(part, side).astype(int) - array_of(whole, side)[here].astype(int)
            assert np.abs(difference).max() <= 1


def test_the_loader_renders_the_window_that_the_crop_would_cut() -> None:
    config = AugmentationConfig(crop_height=48, crop_width=80, color_jitter=0, right_erase_probability=0)
    world = SyntheticWorld(CLEAN)
    for seed in range(5):
        rendered = Augmentation(config)(world.source(seed), np.random.default_rng(seed))
        cut = Augmentation(config)(world[seed], np.random.default_rng(seed))
        for name in ("left", "right", *GROUND_TRUTH):
            np.testing.assert_array_equal(array_of(rendered, name), array_of(cut, name))
        assert rendered.calibration == cut.calibration
    config.scale_probability = 1.0
    rendered = Augmentation(config)(world.source(0), np.random.default_rng(0))
    np.testing.assert_array_equal(rendered.left, Augmentation(config)(world[0], np.random.default_rng(0)).left)


def test_object_ids_and_boundaries() -> None:
    world = SyntheticWorld(CLEAN)
    for index in range(5):
        sample, object_id, boundary = world.annotated(index)
        assert object_id.dtype == np.int16
        assert object_id.min() >= 0
        assert object_id.max() < len(scene_of(CLEAN, index).layers)
        assert len(np.unique(object_id)) > 3
        jumps = np.abs(np.diff(truth_of(sample).disparity, axis=1)) > 1.5  # no surface is so steep
        assert (boundary[:, 1:] & boundary[:, :-1])[jumps].all()
        assert 0.001 < boundary.mean() < 0.5
    small = np.zeros((5, 6), np.int16)
    small[2, 3] = 1
    expected = np.zeros((5, 6), bool)
    expected[2, 2:5] = expected[1:4, 3] = True
    np.testing.assert_array_equal(find_boundary(small), expected)


def test_boundaries_are_found_only_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def count(object_id: dataset.ObjectIds) -> dataset.Mask:
        asked.append(object_id.shape)
        return find_boundary(object_id)

    monkeypatch.setattr(dataset, "find_boundary", count)
    for probability in (0.0, 1.0):
        world = SyntheticWorld(SyntheticConfig(height=64, width=96, misalignment_probability=probability))
        assert world[0].left.shape == (64, 96, 3)
        assert world.source(0).window(0, 0, 32, 48).left.shape == (32, 48, 3)
    assert asked == []
    assert world.annotated(0, Window(8, 8, 32, 48)).boundary.shape == (32, 48)
    assert asked == [(32, 48)]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_what_training_does_not_look_at_is_left_out_and_moves_nothing_else(probability: float) -> None:
    config = SyntheticConfig(height=64, width=96, misalignment_probability=probability)
    whole, left_alone = SyntheticWorld(config)[0], SyntheticWorld(config, occluded=False, right=False)[0]
    for name in ("left", "right", "disparity", "valid"):
        np.testing.assert_array_equal(array_of(left_alone, name), array_of(whole, name))
    assert truth_of(left_alone).occluded is None
    assert truth_of(left_alone).disparity_right is None
    for flips in (0.0, 0.5):
        augmentation = AugmentationConfig(horizontal_flip_probability=flips)
        data = TrainingData(DataConfig(train=DatasetConfig(synthetic=config), augmentation=augmentation))
        truth = truth_of(data.source(0).window(0, 0, 64, 96))
        assert truth.occluded is None
        assert (truth.disparity_right is None) == (flips == 0)
