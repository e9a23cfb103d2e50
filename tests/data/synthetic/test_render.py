"""Rendering: what is visible, the colors of surfaces in a light, and defocus."""

from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from helpers.world import CLEAN, PRESETS, grid, scene_of
from numpy.typing import NDArray

from stereo.config import ScenePreset
from stereo.data.synthetic import Window
from stereo.data.synthetic.render.occlusion import find_occluded
from stereo.data.synthetic.render.optics import Defocus
from stereo.data.synthetic.render.sampling import sample_map, sample_texture
from stereo.data.synthetic.render.shading import shade
from stereo.data.synthetic.render.view import render_view
from stereo.data.synthetic.scene.material import Light, Material, Shadow
from stereo.data.synthetic.scene.pinhole import Pinhole
from stereo.data.synthetic.scene.scene import Background, Scene, SceneObject
from stereo.data.synthetic.scene.surface import Plane, Surface, Wave
from stereo.data.synthetic.scene.texture import Outline, Texture


def painted(level: int) -> Texture:
    return Texture(np.full((8, 8, 4), level, np.uint8), np.array([[1, 0, 0], [0, 1, 0]], np.float32))


def hand_made(fence: float) -> Scene:
    """A fronto-parallel wall at 3.25 px and, before it, a 20×20 px square at `fence` px."""
    coverage = np.pad(np.ones((20, 20), np.float32), 1)
    paint = painted(100)
    wall = Background(Surface((Plane(3.25, 0, 0),), 0.1, 31), paint)
    square = SceneObject(Surface((Plane(fence, 0, 0),), 0.1, 31), paint, Outline(coverage, 1.0, 30.0, 10.0))
    return Scene(48, 64, (wall,), (square,))


def test_occlusion_of_a_square_before_a_wall() -> None:
    scene = hand_made(11.5)
    occluded = find_occluded(scene, render_view(scene, right=False))
    expected = np.zeros((48, 64), bool)
    expected[:, :4] = True  # 3.25 px: the first four columns lie left of the right view
    # The square covers x = 31 … 50 and, where coverage exceeds ½, (30.5, 50.5): in the right view (19, 39). It hides
    # wall pixels with 19 < x − 3.25 < 39, which are 23 … 42; those from 31 on are behind the square in both views.
    expected[11:31, 23:31] = True
    np.testing.assert_array_equal(occluded, expected)
    assert not find_occluded(hand_made(1.0), render_view(hand_made(1.0), right=False))[:, 4:].any()


@pytest.mark.parametrize("preset", PRESETS)
def test_occlusion_by_the_right_view_is_that_of_every_layer(preset: ScenePreset) -> None:
    """The fast form looks at the right view first; the slow form evaluates every layer everywhere."""
    config = replace(CLEAN, seed=8, preset=preset)
    for index in range(8):
        scene = scene_of(config, index)
        for window in (Window(0, 0, 128, 256), Window(13, 57, 47, 101), Window(5, 9, 40, 3)):
            left, right = (render_view(scene, eye, window) for eye in (False, True))
            slow = find_occluded(scene, left, window)
            np.testing.assert_array_equal(find_occluded(scene, left, window, right), slow)


@pytest.mark.parametrize("count", [1, 3, 7, 100, 16_384, 16_385, 40_000])
@pytest.mark.parametrize("border", [cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE])
@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_points_of_a_canvas_are_bilinear(count: int, border: int, kind: type) -> None:
    """For rows of any length: OpenCV treats the end of a row that does not fill a vector in another way."""
    rng = np.random.default_rng(count)
    shape = (23, 31) if kind is np.float32 else (23, 31, 4)
    canvas: NDArray[Any] = rng.uniform(0, 255, shape).astype(kind)
    u, v = (rng.uniform(-3, side + 3, count).astype(np.float32) for side in (31, 23))
    mode: Literal["constant", "edge"] = "constant" if border == cv2.BORDER_CONSTANT else "edge"
    padded = np.pad(canvas.astype(np.float64), ((6, 6), (6, 6), (0, 0))[: canvas.ndim], mode)
    x, y = (np.floor(part).astype(int) for part in (u, v))
    right, down = ((part - np.floor(part)).reshape(-1, *(1,) * (canvas.ndim - 2)) for part in (u, v))
    rows = [padded[y + 6 + i, x + 6] * (1 - right) + padded[y + 6 + i, x + 7] * right for i in (0, 1)]
    expected = rows[0] * (1 - down) + rows[1] * down
    # OpenCV may round a coordinate to 1/32 px, and a step between canvas pixels is up to 255.
    found = sample_map(canvas, u, v, border)
    assert found.dtype == kind
    assert np.abs(found - expected).max() < 255 * 2 / 64 + 1
    assert np.abs(found - expected).mean() < 1.5


def test_a_texture_is_mirrored_beyond_its_canvas() -> None:
    rng = np.random.default_rng(0)
    canvas = rng.integers(0, 256, (9, 13, 4), dtype=np.uint8)
    texture = Texture(canvas, np.array([[1, 0, 0], [0, 1, 0]], np.float32))
    x, y = (part.ravel().astype(np.float32) for part in np.meshgrid(np.arange(-30, 40), np.arange(-20, 30)))
    expected = np.pad(canvas[..., :3], ((20, 21), (30, 27), (0, 0)), "symmetric").reshape(-1, 3)
    np.testing.assert_array_equal(sample_texture(texture, x, y).T, expected)


def test_a_plane_has_one_brightness_and_a_curved_surface_that_of_the_planes_that_touch_it() -> None:
    light, camera = Light((0.48, -0.36, 0.8), 0.3), Pinhole(90.0, 32.0, 24.0)
    plane = Plane(9.0, 0.05, -0.08)
    x, y = (part.ravel() for part in grid(48, 64))

    def brightness(surface: Surface) -> np.ndarray:
        scene = Scene(48, 64, (Background(surface, painted(100)),), focal_length=90.0, light=light)
        return np.broadcast_to(shade(scene, 0, x, y, surface.at(x, y), None, right=False)[0], x.shape)

    normal = camera.normal(plane) * (1, 1, -1)
    expected = (0.3 + 0.7 * (normal @ light.direction)) / (0.3 + 0.7 * 0.8)
    np.testing.assert_allclose(brightness(Surface((plane,), 0.1, 40)), expected, rtol=1e-5)
    flat = brightness(Surface((plane,), 0.1, 40, (Wave(0.0, 0.1, 0.2, 0.3),)))  # a wave of height 0
    np.testing.assert_allclose(flat, expected, rtol=1e-4)
    assert np.ptp(brightness(Surface((plane,), 0.1, 40, (Wave(0.8, 0.1, 0.2, 0.3),)))) > 0.1


def test_a_shadow_falls_on_what_is_behind_and_away_from_the_light() -> None:
    scene = hand_made(11.5)
    light = Light((0.6, 0.0, 0.8), 0.5)
    shadow = Shadow(scene.objects[0].outline, 11.5, (-1.0, 0.5), 0.5)
    lit_scene = replace(scene, light=light, shadows=(shadow,))
    left, right = render_view(lit_scene, right=False), render_view(lit_scene, right=True)
    wall = left.radiance[0] * (left.owner == 0)
    # The square covers x = 31 … 50, y = 11 … 30; 8.25 px of disparity before the wall, so the shadow lies 8 px further
    # left and 4 px further down.
    assert wall[20, 25] == pytest.approx(50, abs=1)
    assert wall[32, 40] == pytest.approx(50, abs=1)
    assert wall[20, 15] == pytest.approx(100, abs=1)
    assert wall[5, 40] == pytest.approx(100, abs=1)
    assert left.radiance[0, 20, 40] == pytest.approx(100, abs=1)  # not on the square itself
    # The same points of the wall, 3.25 px further left in the right view.
    assert right.radiance[0, 32, 36:38] == pytest.approx([50, 50], abs=1)
    assert right.radiance[0, 5, 36:38] == pytest.approx([100, 100], abs=1)


def test_a_highlight_moves_with_the_eye() -> None:
    """On a glossy wall the right eye, which stands further right, sees the highlight on a point further right."""
    wall = Background(Surface((Plane(20.0, 0, 0),), 0.1, 31), painted(100), Material(gloss=0.5, sharpness=400.0))
    scene = Scene(48, 128, (wall,), focal_length=100.0, light=Light((0.0, 0.0, 1.0), 0.5))
    left, right = (render_view(scene, right=eye).radiance[0, 24] for eye in (False, True))
    assert left.max() > 200
    assert left.argmax() == 64  # the principal point
    # In the right view, too, the highlight is there, where the wall's point 20 px further right is seen.
    assert right.argmax() == 64


def test_what_shines_through_and_what_is_reflected() -> None:
    paint = painted(200)
    scene = hand_made(11.5)
    (wall,), (square,) = scene.backgrounds, scene.objects
    translucent = replace(square, material=Material(opacity=0.25))
    through = replace(scene, backgrounds=(replace(wall, texture=paint),), objects=(translucent,))
    view = render_view(through, right=False)
    assert view.radiance[0, 20, 40] == pytest.approx(0.75 * 200 + 0.25 * 100, abs=0.5)
    assert view.disparity[20, 40] == pytest.approx(11.5)
    mirror = replace(square, material=Material(reflection=0.5, virtual_disparity=3.0, surroundings=paint))
    view = render_view(replace(scene, objects=(mirror,)), right=False)
    assert view.radiance[0, 20, 40] == pytest.approx(150, abs=0.5)


def test_defocus_leaves_what_is_in_focus() -> None:
    radiance = np.random.default_rng(0).uniform(0, 255, (3, 40, 60)).astype(np.float32)
    disparity = np.full((40, 60), 5, np.float32)
    disparity[:, 30:] = 25
    blurred = Defocus(focus=5, reach=10, sigma=2.0).blur(radiance, disparity)
    np.testing.assert_array_equal(blurred[..., :30], radiance[..., :30])
    assert blurred[..., 40:].std() < 0.3 * radiance[..., 40:].std()
