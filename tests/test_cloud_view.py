"""Pictures of point clouds from another place."""

import numpy as np
import pytest

from stereo.cloud_view import BACKGROUND, draw_cloud
from stereo.data.sample import Calibration, Image
from stereo.errors import DataError
from stereo.geometry import PointCloud, point_cloud

CAMERA = Calibration(focal_length=20.0, baseline=0.1, cx=19.5, cy=14.5)
RED, BLUE = (255, 0, 0), (0, 0, 255)


def points(*places: tuple[float, float, float], colors: list[tuple[int, int, int]] | None = None) -> PointCloud:
    return PointCloud(
        np.array(places, np.float32), np.array(colors or [RED] * len(places), np.uint8).reshape(len(places), 3)
    )


def columns_of(picture: Image, color: tuple[int, int, int]) -> list[int]:
    return sorted(set(np.nonzero((picture == color).all(axis=2))[1].tolist()))


def middle_of(picture: Image, channel: int) -> tuple[float, float]:
    """Column and row of what has this color alone."""
    others = np.delete(picture, channel, axis=2).max(axis=2)
    rows, columns = np.nonzero((picture[..., channel] > 60) & (others < 40))
    return float(columns.mean()), float(rows.mean())


def test_without_angles_it_is_the_view_again() -> None:
    left = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    cloud = point_cloud(np.full((30, 40), 4, np.float32), CAMERA, left)
    assert np.array_equal(draw_cloud(cloud, CAMERA, 30, 40, dot=1), left)


def test_a_near_point_hides_a_far_one_whatever_their_order() -> None:
    near, far = (0.0, 0.0, 1.0), (0.0, 0.0, 2.0)
    for cloud in (points(near, far, colors=[RED, BLUE]), points(far, near, colors=[BLUE, RED])):
        picture = draw_cloud(cloud, CAMERA, 30, 40)
        assert columns_of(picture, RED)
        assert not columns_of(picture, BLUE)


def test_the_camera_goes_to_the_right_and_up() -> None:
    """What lies behind the middle moves to the right and up, what lies before it to the left and down."""
    cloud = points((0, 0, 1), (0, 0, 2), (0, 0, 3), colors=[RED, (0, 255, 0), BLUE])
    # The middle is 2 m away. At 30° the far point stands 0.5 m to the right and 2.866 m away, the near one 0.5 m to the
    # left and 1.134 m away: 20 · 0.5 / 2.866 = 3.49 px, 20 · 0.5 / 1.134 = 8.82 px.
    beside = draw_cloud(cloud, CAMERA, 30, 40, yaw=30)
    assert middle_of(beside, 2) == pytest.approx((19.5 + 3.49, 14.5), abs=0.5)
    assert middle_of(beside, 0) == pytest.approx((19.5 - 8.82, 14.5), abs=0.5)
    above = draw_cloud(cloud, CAMERA, 30, 40, pitch=30)
    assert middle_of(above, 2) == pytest.approx((19.5, 14.5 - 3.49), abs=0.5)
    assert middle_of(above, 0) == pytest.approx((19.5, 14.5 + 8.82), abs=0.5)


def test_farther_away_all_is_smaller() -> None:
    cloud = points((-0.5, 0, 1), (0.5, 0, 1))
    near, far = (columns_of(draw_cloud(cloud, CAMERA, 30, 40, distance=share), RED) for share in (1, 2))
    assert (near[0], near[-1]) == (9, 30)  # 19.5 ± 20 · 0.5 / 1, and a point covers two pixels
    assert (far[0], far[-1]) == (14, 25)


def test_points_behind_the_viewer_are_left_out() -> None:
    cloud = points((0, 0, 1), (0, 0, 1), (0, 0, 9), colors=[RED, RED, BLUE])
    picture = draw_cloud(cloud, CAMERA, 30, 40, yaw=180)
    assert columns_of(picture, RED)
    assert not columns_of(picture, BLUE)


def test_without_colors_it_is_white_on_the_background() -> None:
    picture = draw_cloud(PointCloud(np.array([[0, 0, 1]], np.float32)), CAMERA, 30, 40)
    assert {tuple(color) for color in picture.reshape(-1, 3).tolist()} >= {BACKGROUND, (255, 255, 255)}


def test_an_empty_cloud_is_refused() -> None:
    with pytest.raises(DataError, match="no point"):
        draw_cloud(PointCloud(np.zeros((0, 3), np.float32)), CAMERA, 30, 40)
