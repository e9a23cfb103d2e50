"""check_views: what is said of a pair depends on where it comes from."""

import cv2
import numpy as np
import pytest

from stereo.camera.checked_views import check_views
from stereo.camera.rig import RectifiedViews
from stereo.data.sample import Image, Mask


def textured() -> Image:
    noise = np.random.default_rng(0).random((200, 320), np.float32)
    coarse = cv2.GaussianBlur(noise, (0, 0), 2.0)
    gray = (20 + 235 * (coarse - coarse.min()) / np.ptp(coarse)).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("shown", "vertical", "sentence"),
    [
        (None, False, "this pair looks unrectified: 6.0 px median vertical offset"),
        (None, True, "this pair looks unrectified: 6.0 px median horizontal offset"),
        (
            np.ones((200, 320), np.bool_),
            False,
            "rows do not fit after rectification: 6.0 px median vertical offset; check that the calibration is of "
            "these cameras, and that both images were taken at once",
        ),
    ],
)
def test_rows_that_do_not_fit_are_told(shown: Mask | None, vertical: bool, sentence: str) -> None:
    left = textured()
    right = np.roll(left, (6, -8), axis=(0, 1))
    checked = check_views(RectifiedViews(left, right, None, shown, shown), vertical=vertical)
    assert checked.warnings == {"rows": sentence}


def test_borders_are_looked_for_where_they_are_not_known() -> None:
    left = textured()
    right = np.roll(left, -8, axis=1)
    left[:20] = 0
    checked = check_views(RectifiedViews(left, right))
    assert "black border" in checked.warnings["border"]
    assert checked.views.left_shown is not None
    np.testing.assert_array_equal(checked.views.left_shown.all(axis=1), np.arange(200) >= 20)
    everywhere = np.ones((200, 320), np.bool_)
    assert check_views(RectifiedViews(left, right, None, everywhere, everywhere)).warnings == {}
    assert checked.largest == pytest.approx(8, abs=1)
