"""Settings of the look: they move no ground truth, and do what they say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import array_of, truth_of
from helpers.world import CLEAN, GROUND_TRUTH, SCENES, clean_pair, grid, inside_surfaces, warp_error

from stereo.config import SyntheticConfig
from stereo.data.formats import write_image
from stereo.data.synthetic import SyntheticWorld, Window
from stereo.data.synthetic.assets.photographs import crop_of_photograph
from stereo.data.synthetic.choose.sensors import choose_misalignment
from stereo.data.synthetic.streams import Purpose, stream
from stereo.errors import DataError


def test_vignetting_and_compression_are_settings_that_move_nothing_else() -> None:
    plain = SyntheticConfig(height=96, width=128, max_disparity=24)
    dark, compressed = replace(plain, vignetting=0.9), replace(plain, jpeg_probability=1.0)
    corner, middle = (slice(12), slice(12)), (slice(40, 56), slice(50, 78))
    darker = []
    for index in range(12):
        before = SyntheticWorld(plain)[index]
        for spoiled in (dark, compressed):
            after = SyntheticWorld(spoiled)[index]
            for name in GROUND_TRUTH:
                np.testing.assert_array_equal(array_of(before, name), array_of(after, name))
            assert not np.array_equal(before.left, after.left)
            if spoiled is dark:
                kept = [after.left[part].mean() / max(1.0, before.left[part].mean()) for part in (corner, middle)]
                darker.append(kept[0] / kept[1])
    assert np.median(darker) < 0.8


LOOKS: dict[str, dict[str, Any]] = {
    "unlit": {"shading": False},
    "natural textures": {"natural_textures": 1.0},
    "defocus": {"defocus_probability": 1.0},
    "materials": {"materials": 1.0},
}


def with_look(name: str, **more: Any) -> SyntheticWorld:
    return SyntheticWorld(replace(CLEAN, **LOOKS[name], **more))


@pytest.mark.parametrize("name", ["natural textures", "defocus"])
def test_the_ground_truth_stays_true(name: str) -> None:
    """By warping, as in test_truth.py; materials are left out, since they look different to the two eyes."""
    errors, shifted = [], []
    for index in SCENES:
        pair = with_look(name)[index]
        mask = inside_surfaces(pair)
        errors.append(warp_error(pair, mask))
        shifted.append(warp_error(pair, mask, truth_of(pair).disparity + np.float32(1)))
    assert np.mean(errors) < 0.8
    assert all(wrong > right for wrong, right in zip(shifted, errors, strict=True))


@pytest.mark.parametrize("name", ["unlit", "natural textures", "defocus", "materials"])
def test_the_look_moves_no_ground_truth(name: str) -> None:
    different = 0
    for index in SCENES:
        before, after = clean_pair(index), with_look(name)[index]
        for field in GROUND_TRUTH:
            np.testing.assert_array_equal(array_of(before, field), array_of(after, field))
        different += not np.array_equal(before.left, after.left)
    assert different > 8


@pytest.mark.parametrize("name", LOOKS)
def test_windows_have_the_same_look(name: str) -> None:
    window = Window(31, 70, 64, 120)
    here = window.within(Window(0, 0, 128, 256))
    for index in range(4):
        whole, part = with_look(name)[index], with_look(name).window(index, window)
        for field in ("left", "right", *GROUND_TRUTH):
            difference = np.abs(array_of(part, field).astype(float) - array_of(whole, field)[here])
            assert difference.max() <= (1 if field in ("left", "right") else 0), field


def test_a_rectification_error_is_a_setting_and_the_disparity_follows() -> None:
    """What the left view shows at (x, y) is in the right one at x − d, a little further up or down."""
    config = replace(CLEAN, misalignment_probability=1.0, max_vertical_shift=2.0, max_rotation=0.5)
    bounds, better = [], 0
    for index in SCENES:
        straight, pair = clean_pair(index), SyntheticWorld(config)[index]
        np.testing.assert_array_equal(pair.left, straight.left)
        known = truth_of(pair).valid
        assert known.mean() > 0.95
        error = choose_misalignment(stream(config.seed, index, Purpose.MISALIGNMENT), config)
        assert error is not None
        x, y = grid(128, 256)
        # The middle of the frame stays in its column; a turn moves columns by its sine times the height over it.
        turn = np.sin(np.radians(error.angle)) * (y - 63.5)
        bounds.append(np.abs(truth_of(pair).disparity - truth_of(straight).disparity + turn)[known].max())
        matrix = cv2.getRotationMatrix2D((127.5, 63.5), error.angle, 1.0)
        matrix[1, 2] += error.shift
        source = x - truth_of(straight).disparity
        row = matrix[1, 0] * source + matrix[1, 1] * y + matrix[1, 2]
        errors = []
        for rows in (row.astype(np.float32), y):
            warped = cv2.remap(pair.right.astype(np.float32), x - truth_of(pair).disparity, rows, cv2.INTER_CUBIC)
            errors.append(np.abs(warped - pair.left)[inside_surfaces(pair) & known].mean())
        better += int(errors[0] < errors[1])
    assert max(bounds) < 0.05
    assert better >= 10
    world, window = SyntheticWorld(config), Window(31, 70, 64, 120)
    here = window.within(Window(0, 0, 128, 256))
    for index in range(4):
        whole, part = world.annotated(index), world.annotated(index, window)
        for side in ("left", "right"):  # the resampling's own rounding moves with the window
            difference = array_of(part.sample, side).astype(int) - array_of(whole.sample, side)[here]
            assert np.abs(difference).max() <= 1
        for name in ("valid", "occluded"):
            np.testing.assert_array_equal(array_of(part.sample, name), array_of(whole.sample, name)[here], name)
        np.testing.assert_array_equal(part.object_id, whole.object_id[here])
        np.testing.assert_allclose(truth_of(part.sample).disparity, truth_of(whole.sample).disparity[here], atol=1e-3)


def test_materials_look_different_to_the_two_eyes() -> None:
    def difference(name: str) -> float:
        pairs = [(with_look(name)[index], inside_surfaces(clean_pair(index))) for index in SCENES]
        return float(np.mean([warp_error(pair, mask) for pair, mask in pairs]))

    assert difference("materials") > 1.5 * difference("defocus")


def test_photographs_as_textures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for name, size in (("a.png", (50, 70)), ("more/b.jpg", (1400, 300))):
        write_image(folder / name, rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    for shape in ((48, 320), (320, 48), (448, 448)):
        crop = crop_of_photograph(rng, str(folder), *shape)
        assert crop.shape == (*shape, 3)
        assert crop.dtype == np.uint8
    world = SyntheticWorld(replace(CLEAN, textures=str(folder), texture_share=1.0))
    before, after = clean_pair(0), world[0]
    np.testing.assert_array_equal(truth_of(before).disparity, truth_of(after).disparity)
    assert not np.array_equal(before.left, after.left)
    np.testing.assert_array_equal(after.left, world[0].left)
    (tmp_path / "empty").mkdir()
    for name, message in (("none", "no such folder"), ("empty", "no picture in synthetic.textures")):
        with pytest.raises(DataError, match=message):
            SyntheticWorld(replace(CLEAN, textures=str(tmp_path / name), texture_share=1.0))[0]
