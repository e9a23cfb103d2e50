"""What a scene is: surfaces that both views evaluate exactly, and planes in space."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.world import CLEAN, PRESETS, scene_of

from stereo.data.synthetic.scene.pinhole import Pinhole


def test_surfaces_are_solved_exactly_and_stay_monotone() -> None:
    x, y = np.arange(-64, 256, 0.5)[None], np.arange(128.0)[:, None]
    for index in range(20):
        for layer in scene_of(replace(CLEAN, seed=3), index).layers:
            if layer.surface.dome is not None:  # solved within its own box only, see below
                continue
            disparity = layer.surface.from_right(x, y)
            np.testing.assert_allclose(layer.surface.at(x + disparity, y), disparity, atol=1e-3)
            assert np.abs(np.diff(layer.surface.at(x, y), axis=1)).max() < 0.5 * 0.5


def test_domes_are_solved_exactly_and_bulge_towards_the_camera() -> None:
    x, y = np.arange(-64, 256, 0.5)[None], np.arange(128.0)[:, None]
    kinds = set()
    for index in range(20):
        for layer in scene_of(replace(CLEAN, seed=3), index).objects:
            surface, outline = layer.surface, layer.outline
            if surface.dome is None:
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


def test_the_gradient_of_a_surface_is_that_of_its_disparity() -> None:
    x, y = np.meshgrid(np.linspace(20, 200, 40), np.linspace(10, 110, 30))
    step = 1e-3
    for index in range(10):
        for layer in scene_of(replace(CLEAN, seed=3), index).layers:
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


def test_one_point_has_the_disparity_that_it_has_among_many() -> None:
    """And float32 stays float32, which is faster than float64."""
    points = np.random.default_rng(0).uniform(0, 128, (6, 2)).tolist()
    for preset in PRESETS:
        for layer in scene_of(replace(CLEAN, preset=preset), 7).layers:
            surface = layer.surface
            for x, y in points:
                at = surface.at(np.array([x]), np.array([y]))[0]
                assert surface.at_point(x, y) == pytest.approx(at, rel=1e-5, abs=1e-5)  # domes are in float32
            x, y = np.arange(20, dtype=np.float32)[None], np.arange(10, dtype=np.float32)[:, None]
            assert surface.at(x, y).dtype == surface.from_right(x, y).dtype == np.float32
            assert all(slope.dtype == np.float32 or slope.strides == (0, 0) for slope in surface.gradient(x, y))


def test_a_grid_has_the_disparities_of_its_points() -> None:
    """The waves of a row and a column are computed in another way than those of a list of points."""
    x, y = np.arange(70, dtype=np.float64)[None], np.arange(40, dtype=np.float64)[:, None]
    columns, rows = (np.broadcast_to(part, (40, 70)).copy() for part in (x, y))
    waved = 0
    for index in range(10):
        for layer in scene_of(replace(CLEAN, seed=3), index).layers:
            surface = layer.surface
            waved += len(surface.waves) > 0
            np.testing.assert_allclose(surface.at(x, y), surface.at(columns, rows), atol=1e-10)
            np.testing.assert_allclose(surface.from_right(x, y), surface.from_right(columns, rows), atol=1e-10)
    assert waved > 20


def test_a_plane_keeps_its_points_and_its_normal() -> None:
    camera = Pinhole(300.0, 128.0, 64.0)
    point, normal = camera.point(100.0, 90.0, 8.0), np.array([0.3, -0.5, -0.8])
    plane = camera.plane(normal, point)
    assert plane.offset + plane.slope_x * 100 + plane.slope_y * 90 == pytest.approx(8.0)
    np.testing.assert_allclose(camera.normal(plane), normal / np.linalg.norm(normal), atol=1e-12)
    np.testing.assert_allclose(camera.project(point[None])[0], [100, 90, 8])


def test_the_principal_point_lies_half_a_pixel_beside_the_middle_of_the_frame() -> None:
    camera = scene_of(CLEAN, 0).camera
    assert (camera.center_x, camera.center_y) == ((256 - 1) / 2 + 0.5, (128 - 1) / 2 + 0.5)
    np.testing.assert_allclose(camera.point(camera.center_x, camera.center_y, 2.0), [0, 0, camera.focal_length / 2])
