"""Rooms, dense scenes, terrain, and what `broad` switches on: true, off by default, and as their settings say."""

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
from helpers import array_of, truth_of
from helpers.world import CLEAN, GROUND_TRUTH, scene_of

from stereo.config import DatasetConfig, SceneStyle, SyntheticConfig, with_overrides
from stereo.data.synthetic import SyntheticWorld, Window
from stereo.data.synthetic.assets import thin
from stereo.data.synthetic.assets.patterns import repeated
from stereo.data.synthetic.choose.backdrop import choose_backdrop
from stereo.data.synthetic.choose.effects import Effects, effects_of
from stereo.data.synthetic.choose.furniture import choose_furniture
from stereo.data.synthetic.choose.materials import with_other_light
from stereo.data.synthetic.choose.room import Room
from stereo.data.synthetic.choose.sensors import choose_sensors, with_unequal_exposure
from stereo.data.synthetic.choose.stage import choose_stage
from stereo.data.synthetic.choose.style import STYLES
from stereo.data.synthetic.render.occlusion import find_occluded
from stereo.data.synthetic.render.view import render_view
from stereo.data.synthetic.scene.material import Light
from stereo.errors import ConfigError

SMALL = replace(CLEAN, height=96, width=160, max_disparity=48, texture_bank=1, seed=2)
BUSY = replace(SMALL, thin_objects=2.0, foliage=1.0)
STAGED = replace(SMALL, height=256, width=512, max_disparity=96)

# ------------------------------------------------------------------------------------------------------- settings


def test_effects_are_off_but_in_broad_unless_they_are_given() -> None:
    assert effects_of(SyntheticConfig()) == effects_of(SyntheticConfig(preset="rooms")) == Effects(0, 0, 0, 0, 0)
    broad = effects_of(SyntheticConfig(preset="broad"))
    assert min(broad.nearest_from, broad.thin_objects, broad.foliage, broad.unequal_exposure, broad.unequal_light) > 0
    given = effects_of(SyntheticConfig(preset="broad", foliage=0.0, unequal_light=0.5))
    assert given == replace(broad, foliage=0.0, unequal_light=0.5)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("nearest_from=97", r"synthetic\.nearest_from is 97\.0, expected null or 0 … max_disparity, 96"),
        ("thin_objects=-1", r"synthetic\.thin_objects is -1\.0, expected a mean, 0 … 100"),
        ("foliage=101", r"synthetic\.foliage is 101\.0, expected a mean, 0 … 100"),
        ("unequal_light=2", r"synthetic\.unequal_light is 2\.0, expected a share, 0 … 1"),
    ],
)
def test_settings_out_of_range(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_overrides(DatasetConfig(), [f"synthetic.{setting}"])


def test_the_nearest_disparity_is_log_uniform() -> None:
    config = SyntheticConfig(max_disparity=192, nearest_from=2.0)
    rng = np.random.default_rng(0)
    near = np.array([choose_stage(rng, config, STYLES["flying"]).near for _ in range(2000)])
    assert 2 <= near.min() < 2.1
    assert 180 < near.max() < 192
    # A quarter below each quarter of the way from 2 to 190 px, in factors.
    np.testing.assert_allclose(np.quantile(near, [0.25, 0.5, 0.75]), [6.24, 19.5, 60.9], rtol=0.1)


def test_thin_things_and_foliage_are_added_to_the_same_scene() -> None:
    added = []
    for index in range(8):
        plain, more = scene_of(SMALL, index), scene_of(BUSY, index)
        boxes = {layer.outline.box for layer in more.objects}
        assert {layer.outline.box for layer in plain.objects} <= boxes
        assert [layer.surface for layer in plain.backgrounds] == [layer.surface for layer in more.backgrounds]
        added.append(len(more.objects) - len(plain.objects))
    assert 2 < np.mean(added) < 12


# ------------------------------------------------------------------------------------------------------- the truth


@pytest.mark.parametrize("preset", ["rooms", "terrain"])
def test_occlusion_by_the_right_view_is_that_of_every_layer(preset: SceneStyle) -> None:
    config = replace(BUSY, preset=preset)
    for index in range(5):
        scene = scene_of(config, index)
        for window in (Window(0, 0, 96, 160), Window(13, 57, 47, 71)):
            left, right = (render_view(scene, eye, window) for eye in (False, True))
            slow = find_occluded(scene, left, window)
            np.testing.assert_array_equal(find_occluded(scene, left, window, right), slow)


def test_a_window_of_a_pair_of_broad_is_that_part_of_the_frame() -> None:
    world = SyntheticWorld(replace(SMALL, preset="broad", unequal_light=1.0))
    window = Window(31, 40, 48, 80)
    here = window.within(Window(0, 0, 96, 160))
    for index in range(6):
        whole, part = world.annotated(index), world.annotated(index, window)
        for name in ("left", "right", *GROUND_TRUTH):
            np.testing.assert_array_equal(array_of(part.sample, name), array_of(whole.sample, name)[here], name)
        np.testing.assert_array_equal(part.object_id, whole.object_id[here])


def test_views_that_differ_have_the_same_ground_truth() -> None:
    alike = replace(SMALL, photometric=True, preset="broad", unequal_exposure=0.0, unequal_light=0.0)
    for different in (replace(alike, unequal_exposure=1.0), replace(alike, unequal_light=1.0)):
        changed = 0
        for index in range(3):
            before, after = SyntheticWorld(alike)[index], SyntheticWorld(different)[index]
            for name in GROUND_TRUTH:
                np.testing.assert_array_equal(array_of(before, name), array_of(after, name))
            changed += not np.array_equal(before.right, after.right)
        assert changed >= 2


# ------------------------------------------------------------------------------------------------ views that differ


def test_exposures_differ_by_up_to_two_stops() -> None:
    config = SyntheticConfig(unequal_exposure=1.0)
    stops = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        before = choose_sensors(rng)
        left, right = with_unequal_exposure(before, rng, config)
        own = before[0].gains[1] / before[1].gains[1]
        stops.append(np.log2(left.gains[1] / right.gains[1] / own))
    assert -2 <= min(stops) < -1.9
    assert 1.9 < max(stops) <= 2
    assert np.abs(np.mean(stops)) < 0.2


def test_the_right_view_may_have_another_light_and_other_shadows() -> None:
    scene = replace(scene_of(SMALL, 0), light=Light((0.0, 0.0, 1.0), 0.5))
    other = with_other_light(scene, np.random.default_rng(0), replace(SMALL, unequal_light=1.0))
    assert other.light != scene.light
    assert other.shadows
    assert other.layers == scene.layers
    assert with_other_light(scene, np.random.default_rng(0), SMALL) is scene


# ------------------------------------------------------------------------------------------------------- rooms


def test_the_sides_of_a_room_are_perpendicular() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        stage = choose_stage(rng, STAGED, STYLES["rooms"])
        room = Room(rng, stage)
        upright = [plane for plane in (room.back, room.left, room.right) if plane is not None]
        for level in (room.floor, room.ceiling):
            for plane in upright:
                if level is not None:
                    cosine = stage.camera.normal(plane) @ stage.camera.normal(level)
                    assert abs(cosine) < 1e-6


def test_what_is_outdoors_is_seen_through_the_panes_alone() -> None:
    config = replace(STAGED, preset="rooms", min_objects=0, max_objects=0)
    seen = 0
    for index in range(30):
        scene = scene_of(config, index)
        wall = scene.backgrounds[-1]
        if wall.outline is None:
            continue
        object_id = SyntheticWorld(config).annotated(index).object_id
        row, column = np.nonzero(object_id == 0)
        coverage = wall.outline.coverage[row + 8, column + 8]  # one pixel each, from (−8, −8) on
        assert (coverage <= 0.5).all()
        seen += row.size > 200
    assert seen >= 3


def test_the_parts_of_a_piece_of_furniture_share_their_axes() -> None:
    pieces = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        style = STYLES["rooms"]
        stage = choose_stage(rng, STAGED, style)
        parts = choose_furniture(rng, STAGED, style, stage, choose_backdrop(rng, stage, style))
        normals = [stage.camera.normal(plane) for part in parts for plane in part.surface.planes]
        for one, other in combinations(normals, 2):
            cosine = abs(float(one @ other))
            assert min(cosine, 1 - cosine) < 1e-6
        pieces += len(parts) > 3
    assert pieces >= 4


# ------------------------------------------------------------------------------------- thin things and repetition


def test_a_repeated_pattern_is_the_same_one_period_on() -> None:
    found = 0
    for seed in range(20):
        image = repeated(np.random.default_rng(seed), 192, 192)
        across = [step for step in range(1, 60) if np.array_equal(image[:, step:], image[:, :-step])]
        down = [step for step in range(1, 120) if np.array_equal(image[step:], image[:-step])]
        assert across or down
        found += bool(across and down)
    assert found > 10


@pytest.mark.parametrize("shape", [thin.poles, thin.wires])
def test_poles_and_wires_are_unbroken(shape: object) -> None:
    assert callable(shape)
    for seed in range(10):
        coverage = shape(np.random.default_rng(seed), 200, 200, 1.5)
        # As the renderer samples it, a pixel every 1.5 coverage pixels, at any offset.
        x, y = np.meshgrid(np.arange(seed / 20, 199, 1.5), np.arange(seed / 30, 199, 1.5))
        seen = cv2.remap(coverage, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR) > 127
        along = seen if shape is thin.wires else seen.T
        assert along[:, 3:-4].any(0).all()


def test_bars_are_as_wide_as_they_should_be() -> None:
    for thickness in (2.0, 3.0, 4.5, 6.0):
        for y in (20.0, 20.25, 20.5):
            coverage = np.zeros((40, 140), np.uint8)
            thin.draw_bars(coverage, np.array([[20.0, y]]), np.array([[120.0, y]]), thickness)
            assert coverage[:, 70].sum() / 255 == pytest.approx(thickness, abs=0.45)


def test_a_crown_has_hundreds_of_leaves_over_its_layers() -> None:
    parts = []
    for seed in range(6):
        layers = thin.crown(np.random.default_rng(seed), 240, 240, 1.5, 4)
        assert len(layers) == 4
        assert all(layer.any() for layer in layers)
        assert not np.array_equal(layers[0], layers[1])
        parts.append(sum(cv2.connectedComponents((layer > 127).astype(np.uint8))[0] - 1 for layer in layers))
    assert np.median(parts) > 60


def test_dense_scenes_hold_more_than_a_hundred_small_things() -> None:
    scene = scene_of(replace(SMALL, preset="dense"), 0)
    assert 100 <= len(scene.objects) <= 200
    heights = [layer.outline.box[3] - layer.outline.box[1] for layer in scene.objects]
    assert np.median(heights) < 0.15 * SMALL.height
    assert truth_of(SyntheticWorld(replace(SMALL, preset="dense"))[0]).disparity.max() < 48
