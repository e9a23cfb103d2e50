"""Colors where they belong, black where nothing is known, panels of the right make-up."""

import numpy as np
import pytest

from stereo import visualize
from stereo.errors import DataError
from stereo.visualize import (
    ERROR_BINS,
    color_disparity,
    color_error,
    color_limit,
    evaluation_panel,
    preview_panel,
    preview_picture,
)


def test_disparity_runs_from_blue_to_red_and_is_clipped_beyond() -> None:
    colors = color_disparity(np.array([[10, 60, 70, 1000]], np.float32), maximum=70).astype(int)
    red, _, blue = colors[0].T
    assert blue[0] > red[0]
    assert red[1] > blue[1]
    np.testing.assert_array_equal(colors[0, 2], colors[0, 3])


def test_what_is_unknown_is_black() -> None:
    disparity = np.array([[10, np.nan, np.inf, 10]], np.float32)
    valid = np.array([[True, True, True, False]])
    assert color_disparity(disparity, 20, valid=valid).any(axis=2).tolist() == [[True, False, False, False]]
    assert color_disparity(disparity, 20).any(axis=2).tolist() == [[True, False, False, True]]
    error = color_error(np.array([[0, 2, 99, 1]], np.float32), valid)
    assert error.any(axis=2).tolist() == [[True, True, True, False]]


def test_error_colors_turn_from_blue_to_warm_above_three_pixels() -> None:
    error = np.array([[0.0, 3.0, 3.01, 1e6, np.nan]], np.float32)
    colors = color_error(error, np.ones(error.shape, bool)).astype(int)[0]
    assert (colors[:2, 2] > colors[:2, 0]).all()
    assert (colors[2:, 0] > colors[2:, 2]).all()
    np.testing.assert_array_equal(colors[3], colors[4])
    assert 3.0 in ERROR_BINS


def test_the_limit_ignores_outliers_and_what_is_unknown() -> None:
    disparity = np.full((40, 50), 20, np.float32)
    disparity[0, 0] = 5000
    disparity[1] = np.nan
    assert color_limit(disparity) == pytest.approx(20, rel=0.01)
    assert color_limit(np.full((4, 4), np.nan, np.float32)) == 1


@pytest.mark.parametrize(("height", "width"), [(32, 40), (150, 200), (300, 400)])
def test_panels_hold_the_image_and_the_maps_unchanged(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    left = rng.integers(1, 256, (height, width, 3), dtype=np.uint8)
    disparity = rng.uniform(0, 50, (height, width)).astype(np.float32)
    valid = np.ones((height, width), bool)
    preview = preview_panel(left, disparity, maximum=50)
    panel = evaluation_panel(left, disparity, disparity, valid, "EPE 0.00")
    for picture, parts in (
        (preview, (left, color_disparity(disparity, 50))),
        (panel, (left, color_error(np.zeros_like(disparity), valid))),
    ):
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        for part in parts:
            assert _contains(picture, part)
    assert preview.shape[0] > height
    assert panel.shape[0] > 2 * height
    assert panel.shape[1] > 2 * width


def test_a_preview_of_things_close_by_uses_all_colors() -> None:
    left = np.zeros((200, 240, 3), np.uint8)
    ramp = np.broadcast_to(np.linspace(50, 100, 240, dtype=np.float32), (200, 240))
    np.testing.assert_array_equal(
        preview_picture(left, ramp + 0), preview_panel(left, ramp, float(np.percentile(ramp, 99.5)), 45)
    )
    far = ramp - 45
    np.testing.assert_array_equal(preview_picture(left, far), preview_panel(left, far))


def _contains(picture: np.ndarray, part: np.ndarray) -> bool:
    height, width = part.shape[:2]
    candidates = np.argwhere((picture[: 1 - height, : 1 - width] == part[0, 0]).all(axis=2))
    return any(np.array_equal(picture[y : y + height, x : x + width], part) for y, x in candidates)


def test_unknown_ground_truth_draws_without_warnings() -> None:
    left = np.zeros((40, 40, 3), np.uint8)
    unknown = np.full((40, 40), np.inf, np.float32)
    evaluation_panel(left, unknown, unknown, np.zeros((40, 40), bool))


def test_sizes_that_do_not_belong_together_are_named() -> None:
    with pytest.raises(DataError, match=r"\[40, 41\] does not fit"):
        preview_panel(np.zeros((40, 40, 3), np.uint8), np.zeros((40, 41), np.float32))


@pytest.mark.parametrize("height", [120, 160, 184, 400])
def test_labels_of_a_scale_do_not_touch(height: int) -> None:
    for begin in (14.6, 14.8, 14.99):  # the lowest label, 15, is moved up into the picture
        scale = visualize._disparity_scale(height, 20.4, begin)
        font_scale = visualize._font_scale(height)
        labels = scale[:, round(52 * font_scale) :].any(axis=(1, 2))
        edges = np.flatnonzero(np.diff(np.pad(labels.astype(int), 1)))
        heights = edges[1::2] - edges[::2]
        assert len(heights) >= 4
        assert heights.max() <= 2 * round(11 * font_scale) + 3
