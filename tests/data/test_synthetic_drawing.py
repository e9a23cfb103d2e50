"""How the procedural world draws: surfaces, outlines, textures, light and what the cameras make of it."""

from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stereo.config import ScenePreset, SyntheticConfig
from stereo.data.synthetic import shapes, textures
from stereo.data.synthetic.block import draw_block
from stereo.data.synthetic.camera import Camera, Defocus
from stereo.data.synthetic.lighting import lit
from stereo.data.synthetic.material import Light, Material, Shadow
from stereo.data.synthetic.painter import draw_scene
from stereo.data.synthetic.pinhole import Pinhole
from stereo.data.synthetic.render import find_occluded, render_view
from stereo.data.synthetic.sampling import Outline, Texture, sample_map, sample_texture
from stereo.data.synthetic.scene import Layer, Scene
from stereo.data.synthetic.style import STYLES, pick
from stereo.data.synthetic.surface import Plane, Surface, Wave
from stereo.data.synthetic.window import Window

CLEAN = SyntheticConfig(height=128, width=256, max_disparity=64, photometric=False, length=1000)

PRESETS: tuple[ScenePreset, ...] = ("flying", "tabletop", "driving")


def camera() -> Camera:
    return Camera((1.0, 1.0, 1.0), 1.0, 0.0, 0.0, 0.0)


def painted(level: int) -> Texture:
    return Texture(np.full((8, 8, 4), level, np.uint8), np.array([[1, 0, 0], [0, 1, 0]], np.float32))


def hand_made(fence: float) -> Scene:
    """A fronto-parallel wall at 3.25 px and, before it, a 20×20 px square at `fence` px."""
    canvas = np.full((22, 22), 1, np.float32)
    canvas[0] = canvas[-1] = canvas[:, 0] = canvas[:, -1] = 0
    paint = painted(100)
    wall = Layer(Surface((Plane(3.25, 0, 0),), 0.1, 31), paint)
    square = Layer(Surface((Plane(fence, 0, 0),), 0.1, 31), paint, Outline(canvas, 1.0, 30.0, 10.0))
    return Scene(48, 64, (wall, square), (camera(), camera()))


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


def test_surfaces_are_solved_exactly_and_stay_monotone() -> None:
    x, y = np.arange(-64, 256, 0.5)[None], np.arange(128.0)[:, None]
    for index in range(20):
        for layer in draw_scene(np.random.default_rng([3, index]), CLEAN).layers:
            if layer.surface.dome is not None:  # true within its own box only, see below
                continue
            disparity = layer.surface.from_right(x, y)
            np.testing.assert_allclose(layer.surface.at(x + disparity, y), disparity, atol=1e-3)
            assert np.abs(np.diff(layer.surface.at(x, y), axis=1)).max() < 0.5 * 0.5


def test_a_surface_s_gradient_is_that_of_its_disparity() -> None:
    x, y = np.meshgrid(np.linspace(20, 200, 40), np.linspace(10, 110, 30))
    step = 1e-3
    for index in range(10):
        for layer in draw_scene(np.random.default_rng([3, index]), CLEAN).layers:
            surface = replace(layer.surface, low=-np.inf, high=np.inf)
            along_x, along_y = surface.gradient(x, y)
            expected_x = (surface.at(x + step, y) - surface.at(x - step, y)) / (2 * step)
            expected_y = (surface.at(x, y + step) - surface.at(x, y - step)) / (2 * step)
            same_face = np.ones(x.shape, bool)
            if len(surface.planes) > 1:
                same_face = surface.face(x - step, y) == surface.face(x + step, y)
                same_face &= surface.face(x, y - step) == surface.face(x, y + step)
            np.testing.assert_allclose(along_x[same_face], expected_x[same_face], atol=1e-4)
            np.testing.assert_allclose(along_y[same_face], expected_y[same_face], atol=1e-4)


def test_one_point_is_as_many() -> None:
    """And float32 stays float32, which is half of the time of float64."""
    points = np.random.default_rng(0).uniform(0, 128, (6, 2)).tolist()
    for preset in PRESETS:
        for layer in draw_scene(np.random.default_rng(7), replace(CLEAN, preset=preset)).layers:
            surface = layer.surface
            for x, y in points:
                at = surface.at(np.array([x]), np.array([y]))[0]
                assert surface.at_point(x, y) == pytest.approx(at, rel=1e-5, abs=1e-5)  # the dome's own is in float32
            x, y = np.arange(20, dtype=np.float32)[None], np.arange(10, dtype=np.float32)[:, None]
            assert surface.at(x, y).dtype == surface.from_right(x, y).dtype == np.float32
            assert all(slope.dtype == np.float32 or slope.strides == (0, 0) for slope in surface.gradient(x, y))


def test_a_grid_is_as_its_points() -> None:
    """A row and a column take other ways through the waves than a list of points."""
    x, y = np.arange(70, dtype=np.float64)[None], np.arange(40, dtype=np.float64)[:, None]
    columns, rows = (np.broadcast_to(part, (40, 70)).copy() for part in (x, y))
    waved = 0
    for index in range(10):
        for layer in draw_scene(np.random.default_rng([3, index]), CLEAN).layers:
            surface = layer.surface
            waved += len(surface.waves) > 0
            np.testing.assert_allclose(surface.at(x, y), surface.at(columns, rows), atol=1e-10)
            np.testing.assert_allclose(surface.from_right(x, y), surface.from_right(columns, rows), atol=1e-10)
    assert waved > 20


@pytest.mark.parametrize("count", [1, 3, 7, 100, 16_384, 16_385, 40_000])
@pytest.mark.parametrize("border", [cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE])
@pytest.mark.parametrize("kind", [np.float32, np.uint8])
def test_points_of_a_canvas_are_bilinear(count: int, border: int, kind: type) -> None:
    """Rows of any length: OpenCV treats the rest of a row that its vectors do not fill in another way."""
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
    # Within what a fraction of 1/32 px, to which OpenCV may round a coordinate, makes of steps of up to 255.
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


def test_a_plane_has_one_brightness_and_a_curved_one_nearly_that_of_the_planes_that_touch_it() -> None:
    light, camera = Light((0.48, -0.36, 0.8), 0.3), Pinhole(90.0, 32.0, 24.0)
    plane = Plane(9.0, 0.05, -0.08)
    x, y = (part.ravel() for part in np.meshgrid(np.arange(64, dtype=np.float32), np.arange(48, dtype=np.float32)))

    def brightness(surface: Surface) -> np.ndarray:
        scene = Scene(48, 64, (Layer(surface, painted(100)),), (camera_of_none, camera_of_none), 90.0, light)
        return np.broadcast_to(lit(scene.layers[0], scene, x, y, surface.at(x, y), None, False)[0], x.shape)

    camera_of_none = Camera((1.0, 1.0, 1.0), 1.0, 0.0, 0.0, 0.0)
    normal = camera.normal(plane) * (1, 1, -1)
    expected = (0.3 + 0.7 * (normal @ light.direction)) / (0.3 + 0.7 * 0.8)
    np.testing.assert_allclose(brightness(Surface((plane,), 0.1, 40)), expected, rtol=1e-5)
    flat = brightness(Surface((plane,), 0.1, 40, (Wave(0.0, 0.1, 0.2, 0.3),)))  # curved in name, flat in truth
    np.testing.assert_allclose(flat, expected, rtol=1e-4)
    assert np.ptp(brightness(Surface((plane,), 0.1, 40, (Wave(0.8, 0.1, 0.2, 0.3),)))) > 0.1


def test_domes_are_solved_exactly_and_bulge_towards_the_camera() -> None:
    x, y = np.arange(-64, 256, 0.5)[None], np.arange(128.0)[:, None]
    kinds = set()
    for index in range(20):
        for layer in draw_scene(np.random.default_rng([3, index]), CLEAN).layers:
            surface, outline = layer.surface, layer.outline
            if outline is None or surface.dome is None:
                continue
            kinds.add((np.isinf(surface.dome.radius_x), np.isinf(surface.dome.radius_y)))
            x0, y0, x1, y1 = outline.box
            disparity = surface.from_right(x, y)
            inside = (x + disparity >= x0) & (x + disparity <= x1) & (y >= y0) & (y <= y1)
            if not inside.any():
                continue
            np.testing.assert_allclose(surface.at(x + disparity, y)[inside], disparity[inside], atol=1e-4)
            low, high = surface.bounds(*outline.box)
            assert low - 1e-4 <= disparity[inside].min() <= disparity[inside].max() <= high + 1e-4
            middle = surface.at(np.array((x0 + x1) / 2), np.array((y0 + y1) / 2))
            assert middle >= surface.at(np.array(x0), np.array(y0)) - 1e-4
            slope = 2 * surface.dome.height / surface.dome.radius_x
            assert 0 <= slope <= 0.41
    assert kinds == {(False, False), (False, True), (True, False)}


def test_a_shadow_falls_on_what_is_behind_and_away_from_the_light() -> None:
    scene = hand_made(11.5)
    square = scene.layers[1]
    assert square.outline is not None
    light = Light((0.6, 0.0, 0.8), 0.5)
    shadow = Shadow(square.outline, 11.5, (-1.0, 0.5), 0.5)
    lit_scene = replace(scene, light=light, shadows=(shadow,))
    left, right = render_view(lit_scene, right=False), render_view(lit_scene, right=True)
    wall = left.light[0] * (left.owner == 0)
    # The square covers x = 31 … 50, y = 11 … 30; 8.25 px of disparity before the wall, so the shadow lies 8 px further
    # left and 4 px further down.
    assert wall[20, 25] == pytest.approx(50, abs=1)
    assert wall[32, 40] == pytest.approx(50, abs=1)
    assert wall[20, 15] == pytest.approx(100, abs=1)
    assert wall[5, 40] == pytest.approx(100, abs=1)
    assert left.light[0, 20, 40] == pytest.approx(100, abs=1)  # not on the square itself
    # The same points of the wall, 3.25 px further left in the right view.
    assert right.light[0, 32, 36:38] == pytest.approx([50, 50], abs=1)
    assert right.light[0, 5, 36:38] == pytest.approx([100, 100], abs=1)


def test_a_highlight_moves_with_the_eye() -> None:
    """On a glossy wall the right eye, which stands further right, sees the highlight on a point further right."""
    paint = painted(100)
    wall = Layer(Surface((Plane(20.0, 0, 0),), 0.1, 31), paint, None, Material(gloss=0.5, sharpness=400.0))
    scene = Scene(48, 128, (wall,), (camera(), camera()), 100.0, Light((0.0, 0.0, 1.0), 0.5))
    left, right = (render_view(scene, right=eye).light[0, 24] for eye in (False, True))
    assert left.max() > 200
    assert int(left.argmax()) == pytest.approx(64, abs=1)
    # In the right view too the highlight is about the centre, which shows the wall's point 20 px further right.
    assert int(right.argmax()) == pytest.approx(64, abs=1)


def test_what_shines_through_and_what_is_reflected() -> None:
    paint = painted(200)
    scene = hand_made(11.5)
    wall, square = scene.layers
    through = replace(scene, layers=(replace(wall, texture=paint), replace(square, material=Material(opacity=0.25))))
    view = render_view(through, right=False)
    assert view.light[0, 20, 40] == pytest.approx(0.75 * 200 + 0.25 * 100, abs=0.5)
    assert view.disparity[20, 40] == pytest.approx(11.5)
    mirror = replace(square, material=Material(reflection=0.5, virtual_disparity=3.0, surroundings=paint))
    view = render_view(replace(scene, layers=(wall, mirror)), right=False)
    assert view.light[0, 20, 40] == pytest.approx(150, abs=0.5)


def test_defocus_leaves_what_is_in_focus() -> None:
    light = np.random.default_rng(0).uniform(0, 255, (3, 40, 60)).astype(np.float32)
    disparity = np.full((40, 60), 5, np.float32)
    disparity[:, 30:] = 25
    blurred = Defocus(focus=5, reach=10, sigma=2.0).blurred(light, disparity)
    np.testing.assert_array_equal(blurred[..., :30], light[..., :30])
    assert blurred[..., 40:].std() < 0.3 * light[..., 40:].std()


def test_textures_are_flat_and_strong() -> None:
    def contrast(family: str) -> float:
        drawn = (textures.draw_texture(np.random.default_rng(seed), 96, 96, family) for seed in range(12))
        # The upper quartile of mean grey levels from one texel to the next.
        return float(np.quantile([np.abs(np.diff(image, axis=1)).mean() for image in drawn], 0.75))

    found = {family: contrast(family) for family in textures.FAMILIES}
    assert found[textures.FLAT] < 1.5
    assert sum(value > 4 for value in found.values()) >= 6
    assert max(found.values()) > 7


@pytest.mark.parametrize("family", textures.FAMILIES)
def test_textures_of_any_size(family: str) -> None:
    for height, width in ((48, 48), (48, 200), (200, 49)):
        image = textures.draw_texture(np.random.default_rng(height), height, width, family)
        assert image.shape == (height, width, 3)
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 255


@pytest.mark.parametrize("family", shapes.FAMILIES)
def test_shapes_of_any_size(family: str) -> None:
    covered = []
    for seed, (height, width) in enumerate([(12, 12), (12, 200), (200, 13), (150, 120), (90, 160)] * 3):
        mask = shapes.draw_mask(np.random.default_rng(seed), height, width, 1.3, family)
        assert mask.shape == (height, width)
        assert mask.dtype == np.uint8
        assert not mask[[0, 1, -2, -1]].any()
        assert not mask[:, [0, 1, -2, -1]].any()
        covered.append((mask > 127).mean())
    assert 0.005 < np.mean(covered) < 0.95


def test_a_block_is_what_rays_meet() -> None:
    """Its planes and silhouette, against the distances of rays to the six faces of the box in space."""
    camera = Pinhole(200.0, 64.0, 48.0)
    x, y = np.meshgrid(np.arange(128.0), np.arange(96.0))
    rays = np.stack([(x - 64) / 200, (y - 48) / 200, np.ones_like(x)], -1)
    seen = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        block = draw_block(rng, camera, (60.0, 45.0, 12.0), (30.0, 36.0), None, (0.5, 60.0))
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


def test_a_plane_keeps_its_points_and_its_normal() -> None:
    camera = Pinhole(300.0, 128.0, 64.0)
    point, normal = camera.point(100.0, 90.0, 8.0), np.array([0.3, -0.5, -0.8])
    plane = camera.plane(normal, point)
    assert plane.offset + plane.slope_x * 100 + plane.slope_y * 90 == pytest.approx(8.0)
    np.testing.assert_allclose(camera.normal(plane), normal / np.linalg.norm(normal), atol=1e-12)
    np.testing.assert_allclose(camera.project(point[None])[0], [100, 90, 8])


def test_every_preset_draws_what_its_style_names() -> None:
    for preset in PRESETS:
        style = STYLES[preset]
        config = replace(CLEAN, preset=preset)
        scenes = [draw_scene(np.random.default_rng([4, index]), config) for index in range(12)]
        objects = [layer for scene in scenes for layer in scene.layers if layer.outline is not None]
        assert 10 * 12 <= len(objects) <= 30 * 12
        faces = [len(layer.surface.planes) for layer in objects]
        assert max(faces) == 3
        assert any(layer.surface.dome for layer in objects)
        assert any(layer.surface.waves for layer in objects)
        assert set(style.shapes) <= set(shapes.FAMILIES)
        for layer in objects:
            assert len(layer.texture.faces) == (0 if len(layer.surface.planes) == 1 else len(layer.surface.planes))
    # A road: the farthest background is as good as at infinity, and most things are far.
    driving = [draw_scene(np.random.default_rng([4, i]), replace(CLEAN, preset="driving")) for i in range(12)]
    tabletop = [draw_scene(np.random.default_rng([4, i]), replace(CLEAN, preset="tabletop")) for i in range(12)]
    assert np.median([min(s.middle_disparities) for s in driving]) < np.median(
        [min(s.middle_disparities) for s in tabletop]
    )


def test_names_are_picked_by_their_weights() -> None:
    rng = np.random.default_rng(0)
    picked = [pick(rng, {"a": 1.0, "b": 3.0, "none": 0.0}) for _ in range(4000)]
    assert picked.count("a") == pytest.approx(1000, abs=120)
    assert picked.count("none") == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_occlusion_by_the_right_view_is_that_of_every_layer(preset: ScenePreset) -> None:
    """The fast form looks at the right view first; its twin evaluates every layer everywhere."""
    config = replace(CLEAN, preset=preset)
    for index in range(8):
        scene = draw_scene(np.random.default_rng([8, index]), config)
        for window in (Window(0, 0, 128, 256), Window(13, 57, 47, 101), Window(5, 9, 40, 3)):
            left, right = (render_view(scene, eye, window) for eye in (False, True))
            slow = find_occluded(scene, left, window)
            np.testing.assert_array_equal(find_occluded(scene, left, window, right), slow)


def test_canvases_are_kept_and_tones_stay_in_range() -> None:
    canvas = textures.draw_canvas(3, 96, 7)
    assert canvas is textures.draw_canvas(3, 96, 7)
    assert not canvas.flags.writeable
    assert canvas.shape == (96, 96, 4)
    assert not np.array_equal(canvas, textures.draw_canvas(4, 96, 7))
    for seed in range(20):
        tones = textures.draw_tones(np.random.default_rng(seed))
        assert tones.shape == (3, 256)
        assert 0 <= tones.min() <= tones.max() <= 255
        assert (np.diff(tones, axis=1) >= 0).all()
