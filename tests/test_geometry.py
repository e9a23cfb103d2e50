"""Depth and point clouds: against the scenes of the procedural world, and against what data sets document."""

import math
from pathlib import Path

import numpy as np
import pytest
from helpers import SHARED, truth_of
from helpers.world import CLEAN, scene_of

from stereo.data.families.middlebury import Middlebury
from stereo.data.formats import read_ply
from stereo.data.sample import Calibration, Map
from stereo.data.synthetic import SyntheticWorld
from stereo.errors import ConfigError, DataError
from stereo.geometry import depth, flying_points, point_cloud

# Middlebury 2014, Motorcycle at full size, whose calib.txt has mm.
MOTORCYCLE = Calibration(3997.684, 0.193001, disparity_offset=131.111, cx=1176.728, cy=1011.728)
PLAIN = Calibration(100.0, 0.1)


def disparities(*values: float) -> Map:
    """One row of disparities, px."""
    return np.array([values], np.float32)


def test_depth_is_baseline_times_focal_length_over_disparity_and_offset() -> None:
    # 193.001 mm · 3997.684 / (100 + 131.111)
    assert depth(disparities(100), MOTORCYCLE)[0, 0] == pytest.approx(3.338470, rel=1e-6)
    assert depth(disparities(50), MOTORCYCLE.resized(0.5, 0.5))[0, 0] == pytest.approx(3.338470, rel=1e-6)


def test_depth_of_what_is_unknown_or_beyond_infinity() -> None:
    found = depth(disparities(2, 0, -3, np.nan, np.inf), PLAIN)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, disparities(5, np.inf, np.inf, np.nan, np.nan))
    offset = Calibration(100.0, 0.1, disparity_offset=4.0)
    np.testing.assert_array_equal(depth(disparities(0, -2, -4), offset), disparities(2.5, 5, np.inf))


def test_points_by_hand() -> None:
    calibration = Calibration(100.0, 0.1, cx=1.0, cy=0.5, focal_length_y=50.0)
    colors = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    cloud = point_cloud(np.full((2, 2), 5, np.float32), calibration, colors)  # depth 2 m
    x, y = [-0.02, 0, -0.02, 0], [-0.02, -0.02, 0.02, 0.02]
    np.testing.assert_allclose(cloud.points, np.stack([x, y, [2] * 4], -1), rtol=1e-6)
    assert cloud.colors is not None
    np.testing.assert_array_equal(cloud.colors, colors.reshape(4, 3))


def test_an_unknown_principal_point_is_the_middle() -> None:
    points = point_cloud(np.full((5, 3), 5, np.float32), PLAIN).points
    np.testing.assert_allclose(points.mean(axis=0), [0, 0, 2], atol=1e-6)


@pytest.mark.parametrize("index", range(3))
def test_the_cloud_is_the_scene(index: int) -> None:
    """Of every pixel the point where its ray meets the surface, by the scene's own camera."""
    sample, owner, _ = SyntheticWorld(CLEAN).annotated(index)
    assert sample.calibration is not None
    points = point_cloud(truth_of(sample).disparity, sample.calibration, max_jump=None).points
    assert points.shape == (sample.height * sample.width, 3)
    scene = scene_of(CLEAN, index)
    for row, column in np.random.default_rng(index).integers(0, (sample.height, sample.width), (200, 2)):
        surface = scene.layers[owner[row, column]].surface
        expected = scene.camera.point(column, row, surface.at_point(column, row))
        found = points[row * sample.width + column]
        assert np.abs(found - expected).max() <= 1e-3 * expected[2], (row, column)


def test_the_cloud_of_a_window_is_that_part_of_the_scene() -> None:
    sample = SyntheticWorld(CLEAN)[0]
    part = sample.window(20, 50, 40, 60)
    assert sample.calibration is not None
    assert part.calibration is not None
    whole = point_cloud(truth_of(sample).disparity, sample.calibration, max_jump=None).points
    points = point_cloud(truth_of(part).disparity, part.calibration, max_jump=None).points
    expected = whole.reshape(sample.height, sample.width, 3)[20:60, 50:110].reshape(-1, 3)
    np.testing.assert_allclose(points, expected, rtol=1e-5, atol=1e-6)


def test_middlebury_gives_the_documented_depth_at_full_and_half_size() -> None:
    folder = SHARED / "real" / "middlebury2014"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    scenes = Middlebury(folder, 2014)
    for sample in (scenes[index] for index in range(3)):
        calibration, truth = sample.calibration, truth_of(sample)
        assert calibration is not None
        calib = Path(next(folder.rglob(f"{sample.name.rpartition('/')[2]}/calib.txt"))).read_text()
        numbers = {
            key.strip(): float(value.strip().lstrip("[").split()[0])
            for key, value in (line.split("=") for line in calib.splitlines())
        }
        millimeters = numbers["baseline"] * numbers["cam0"] / (truth.disparity + numbers["doffs"])
        known = truth.valid
        np.testing.assert_allclose(1000 * depth(truth.disparity, calibration)[known], millimeters[known], rtol=1e-5)
        # Every second pixel of a view at half size is off by half a pixel, its disparity is half.
        half = depth(truth.disparity[::2, ::2] * np.float32(0.5), calibration.resized(0.5, 0.5))
        np.testing.assert_allclose(1000 * half[known[::2, ::2]], millimeters[::2, ::2][known[::2, ::2]], rtol=1e-5)
        assert 300 < millimeters[known].min() < millimeters[known].max() < 30_000  # scenes of a room


def test_cuts() -> None:
    disparity = disparities(1, 2, 5, 10, np.nan, -1)  # 10, 5, 2, 1 m
    colors = np.zeros((1, 6, 3), np.uint8)
    confidence = np.array([[0.9, 0.2, 0.9, 0.5, 0.9, 0.9]], np.float32)
    mask = np.array([[True, True, False, True, True, True]])

    def depths(**cuts: object) -> list[float]:
        cloud = point_cloud(disparity, PLAIN, colors, max_jump=None, confidence=confidence, **cuts)  # type: ignore[arg-type]
        assert cloud.colors is not None
        assert len(cloud) == len(cloud.colors)
        return [float(z) for z in cloud.points[:, 2]]

    assert depths() == [10, 5, 2, 1]
    assert depths(min_depth=2, max_depth=5) == [5, 2]
    assert depths(min_confidence=0.5) == [10, 2, 1]
    assert depths(mask=mask) == [10, 5, 1]
    assert depths(min_depth=20) == []


def test_points_in_the_air_between_two_surfaces_fly() -> None:
    edge = np.full((7, 12), 40, np.float32)
    edge[:, 6:] = 20
    assert not flying_points(edge, PLAIN).any()
    edge[:, 5], edge[:, 6] = 33, 26  # blended
    expected = np.zeros(edge.shape, bool)
    expected[:, 5:7] = True
    np.testing.assert_array_equal(flying_points(edge, PLAIN), expected)
    np.testing.assert_array_equal(flying_points(edge.T, PLAIN), expected.T)
    assert len(point_cloud(edge, PLAIN)) == edge.size - expected.sum()
    # The offset counts: far from zero the same pixels differ by less than 5 %.
    assert not flying_points(edge, Calibration(100.0, 0.1, disparity_offset=1000.0)).any()


def test_what_is_not_between_does_not_fly() -> None:
    pole = np.full((7, 9), 10, np.float32)
    pole[:, 4] = 30
    assert not flying_points(pole, PLAIN).any()
    slanted = np.broadcast_to(np.arange(100, 160, 2, dtype=np.float32), (6, 30))  # less than 5 % in two pixels
    assert not flying_points(slanted, PLAIN).any()
    holes = np.full((7, 9), 10, np.float32)
    holes[:, 3], holes[:, 5] = np.nan, np.inf
    assert not flying_points(holes, PLAIN).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_depth": 5, "max_depth": 2}, "min_depth is 5 m and max_depth 2 m"),
        ({"min_depth": math.nan}, "min_depth is nan"),
        ({"min_confidence": 80}, "min_confidence is 80, expected 0 … 1"),
        ({"max_jump": 0}, "max_jump is 0, expected a share of the depth above 0"),
    ],
)
def test_numbers_that_cannot_be(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        point_cloud(disparities(1, 2), PLAIN, **arguments)  # type: ignore[arg-type]


def test_what_does_not_belong_together() -> None:
    with pytest.raises(DataError, match=r"left view is \[1, 3, 3\], expected \[1, 2, 3\]"):
        point_cloud(disparities(1, 2), PLAIN, np.zeros((1, 3, 3), np.uint8))
    with pytest.raises(DataError, match=r"confidence is \[1, 3\], expected \[1, 2\]"):
        point_cloud(disparities(1, 2), PLAIN, confidence=disparities(1, 1, 1))
    with pytest.raises(DataError, match="the mask is uint8, expected bool"):
        point_cloud(disparities(1, 2), PLAIN, mask=np.ones((1, 2), np.uint8))
    with pytest.raises(DataError, match=r"disparity is int64 \[2\]"):
        depth(np.array([1, 2]), PLAIN)
    for broken in (Calibration(0.0, 0.1), Calibration(100.0, -0.1), Calibration(math.nan, 0.1)):
        with pytest.raises(ConfigError, match=r"the calibration's \w+ is .*, expected a number above 0"):
            depth(disparities(1), broken)


def test_a_cloud_is_written_as_ply(tmp_path: Path) -> None:
    cloud = point_cloud(disparities(1, 2), PLAIN, np.full((1, 2, 3), 7, np.uint8))
    cloud.write(tmp_path / "cloud.ply")
    points, colors = read_ply(tmp_path / "cloud.ply")
    np.testing.assert_array_equal(points, cloud.points)
    assert colors is not None
    np.testing.assert_array_equal(colors, cloud.colors)
