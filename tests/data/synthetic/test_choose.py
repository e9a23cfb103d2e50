"""Choosing scenes at random: blocks, styles, and what surfaces show."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers.world import CLEAN, PRESETS, scene_of

from stereo.config import SyntheticConfig
from stereo.data.sample import Image
from stereo.data.synthetic.assets import shapes
from stereo.data.synthetic.choose import textures
from stereo.data.synthetic.choose.block import choose_block
from stereo.data.synthetic.choose.style import STYLES, pick
from stereo.data.synthetic.scene.pinhole import Pinhole


def test_a_block_is_what_rays_meet() -> None:
    """Its planes and silhouette, against the distances of rays to the six faces of the box in space."""
    camera = Pinhole(200.0, 64.0, 48.0)
    x, y = np.meshgrid(np.arange(128.0), np.arange(96.0))
    rays = np.stack([(x - 64) / 200, (y - 48) / 200, np.ones_like(x)], -1)
    seen = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        block = choose_block(rng, camera, (60.0, 45.0, 12.0), (30.0, 36.0), None, (0.5, 60.0))
        if block is None:
            continue
        seen += 1
        assert 1 <= len(block.planes) <= 3
        disparity = np.min([plane.offset + plane.slope_x * x + plane.slope_y * y for plane in block.planes], 0)
        points = rays * (200 / disparity)[..., None]
        inside = cv2.fillConvexPoly(np.zeros((96, 128), np.uint8), np.round(block.hull).astype(np.int32), 1) > 0
        # Points on the faces keep the planes' own normals: each face is flat in space.
        for plane in block.planes:
            on = inside & (np.abs(plane.offset + plane.slope_x * x + plane.slope_y * y - disparity) < 1e-9)
            distance = points[on] @ camera.normal(plane)
            if on.sum() > 5:
                np.testing.assert_allclose(distance, distance[0], rtol=1e-6)
        # Faces of a box are perpendicular to each other.
        normals = np.array([camera.normal(plane) for plane in block.planes])
        np.testing.assert_allclose(normals @ normals.T, np.eye(len(normals)), atol=1e-6)
    assert seen > 15


def test_every_preset_chooses_what_its_style_names() -> None:
    for preset in PRESETS:
        style = STYLES[preset]
        config = replace(CLEAN, seed=4, preset=preset)
        scenes = [scene_of(config, index) for index in range(12)]
        objects = [layer for scene in scenes for layer in scene.objects]
        assert all(10 <= len(scene.objects) <= 30 for scene in scenes)
        faces = [len(layer.surface.planes) for layer in objects]
        assert max(faces) == 3
        assert any(layer.surface.dome for layer in objects)
        assert any(layer.surface.waves for layer in objects)
        assert set(style.shapes) <= set(shapes.SHAPES)
        for layer in objects:
            assert len(layer.texture.faces) == (0 if len(layer.surface.planes) == 1 else len(layer.surface.planes))
    # The farthest background of a road is nearly at infinity.
    farthest = {}
    for preset in PRESETS:
        scenes = [scene_of(replace(CLEAN, seed=4, preset=preset), index) for index in range(12)]
        farthest[preset] = np.median([min(scene.middle_disparities) for scene in scenes])
    assert farthest["driving"] < 0.5 * farthest["tabletop"]


def test_names_are_picked_by_their_weights() -> None:
    rng = np.random.default_rng(0)
    picked = [pick(rng, {"a": 1.0, "b": 3.0, "none": 0.0}) for _ in range(4000)]
    assert picked.count("a") == pytest.approx(1000, abs=120)
    assert picked.count("none") == 0


@pytest.mark.parametrize(
    ("folder", "share", "natural"),
    [("folder", 0.5, 0.5), ("folder", 0.2, 1.0), ("folder", 0.0, 0.3), (None, 0.5, 0.3)],
)
def test_dead_leaves_are_a_share_of_the_surfaces_that_show_no_photograph(
    monkeypatch: pytest.MonkeyPatch, folder: str | None, share: float, natural: float
) -> None:
    shown = []

    def canvas(seed: int, side: int, number: int, pattern: str | None) -> Image:
        shown.append(pattern or "any pattern")
        return np.zeros((4, 4, 4), np.uint8)

    def crop(rng: np.random.Generator, folder: str, height: int, width: int) -> Image:
        shown.append("photograph")
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(textures, "make_canvas", canvas)
    monkeypatch.setattr(textures, "crop_of_photograph", crop)
    config = SyntheticConfig(textures=folder, texture_share=share, natural_textures=natural)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        textures.choose_texture(rng, config, (0.0, 0.0, 40.0, 30.0))
    photographs = 0.0 if folder is None else share
    assert shown.count("photograph") / 2000 == pytest.approx(photographs, abs=0.03)
    assert shown.count("dead_leaves") / 2000 == pytest.approx((1 - photographs) * natural, abs=0.03)


def test_tones_stay_in_range_and_in_order() -> None:
    for seed in range(20):
        tones = textures.choose_tones(np.random.default_rng(seed))
        assert tones.shape == (3, 256)
        assert 0 <= tones.min() <= tones.max() <= 255
        assert (np.diff(tones, axis=1) >= 0).all()
