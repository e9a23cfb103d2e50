"""The checks of a pair without calibration: what they say of rectified pairs, and of such that were altered."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import SHARED
from numpy.typing import NDArray

from stereo.camera.checks import Matches, black_border, find_matches, same_image, swapped_eyes, vertical_offset

Image = NDArray[np.uint8]
REAL = SHARED / "real"
PAIRS = [
    ("middlebury2006/Aloe/view1.png", "middlebury2006/Aloe/view5.png"),
    ("middlebury2003/Cones/imL.png", "middlebury2003/Cones/imR.png"),
    ("eth3d/two_view_training/playground_1l/im0.png", "eth3d/two_view_training/playground_1l/im1.png"),
    ("kitti2015/training/image_2/000046_10.png", "kitti2015/training/image_3/000046_10.png"),
]
requires_real = pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/real")


def textured() -> Image:
    noise = np.random.default_rng(0).random((260, 360), np.float32)
    coarse = cv2.GaussianBlur(noise, (0, 0), 2.5)
    gray = (255 * (coarse - coarse.min()) / np.ptp(coarse)).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def moved(image: Image, x: float = 0, y: float = 0, degrees: float = 0) -> Image:
    height, width = image.shape[:2]
    matrix = np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1), np.float64)
    matrix[:, 2] += np.array([x, y])
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def test_a_rectified_pair_draws_no_word() -> None:
    left = textured()
    matches = find_matches(left, moved(left, x=-12))
    assert np.median(matches.left[:, 0] - matches.right[:, 0]) == pytest.approx(12, abs=0.3)
    offset, eyes, same = vertical_offset(matches), swapped_eyes(matches), same_image(matches)
    assert offset.median == pytest.approx(0, abs=0.1)
    assert offset.matches >= 0.9 * len(matches.left)
    assert (eyes.negative, same.still) == (0, 0)
    assert (offset.sentence, eyes.sentence, same.sentence) == (None, None, None)


def test_the_median_vertical_offset_is_told() -> None:
    left = textured()
    offset = vertical_offset(find_matches(left, moved(left, x=-12, y=6)))
    assert offset.median == pytest.approx(6, abs=0.2)
    assert offset.sentence == f"this pair looks unrectified: {offset.median:.1f} px median vertical offset"


def test_a_turned_camera_is_told_though_its_offsets_cancel() -> None:
    left = textured()
    matches = find_matches(left, moved(left, x=-12, degrees=1))
    offset = vertical_offset(matches)
    low, high = np.percentile(matches.left[:, 0], [10, 90])
    assert offset.spread == pytest.approx((high - low) * np.tan(np.radians(1)), abs=0.3)
    assert offset.sentence is not None


def test_wrong_matches_do_not_count() -> None:
    draw = np.random.default_rng(1)
    left = draw.uniform(0, 400, (200, 2))
    right = left - [15, 0]
    right[:60] = draw.uniform(0, 400, (60, 2))
    offset = vertical_offset(Matches(left, right))
    assert offset.median < 0.1
    assert 140 <= offset.matches <= 145
    assert offset.sentence is None


def test_swapped_eyes_are_told() -> None:
    left = textured()
    eyes = swapped_eyes(find_matches(moved(left, x=-12), left))
    assert eyes.negative > 100
    assert eyes.positive == 0
    assert eyes.sentence is not None
    assert eyes.sentence.startswith("the right image seems to be the left one")


def test_eyes_are_not_judged_by_disparities_of_both_signs() -> None:
    left = np.random.default_rng(2).uniform(0, 400, (200, 2))
    right = left + np.where(np.arange(200) % 2, 10, -10)[:, None] * [1, 0]
    eyes = swapped_eyes(Matches(left, right))
    assert (eyes.positive, eyes.negative, eyes.sentence) == (100, 100, None)


def test_eyes_of_an_unrectified_pair_are_not_judged() -> None:
    left = textured()
    eyes = swapped_eyes(find_matches(moved(left, x=-12, y=9), left))
    assert eyes.negative > 100
    assert eyes.sentence is None


def test_one_image_twice_is_told_also_after_jpeg() -> None:
    image = textured()
    again = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], cv2.IMREAD_COLOR)
    same = same_image(find_matches(image, np.asarray(again, np.uint8)))
    assert same.still > 0.9
    assert same.sentence is not None


@pytest.mark.parametrize("value", [0, 255])
def test_images_without_features_draw_no_word(value: int) -> None:
    image = np.full((64, 96, 3), value, np.uint8)
    matches = find_matches(image, image)
    assert len(matches.left) == 0
    assert [check(matches).sentence for check in (vertical_offset, swapped_eyes, same_image)] == [None] * 3


def test_a_black_border_is_found_where_it_is() -> None:
    image = np.maximum(textured(), 40)
    expected = np.zeros(image.shape[:2], np.bool_)
    rows = np.arange(260)
    for row in rows:
        expected[row, : int(20 - 18 * np.sin(np.pi * row / 259))] = True
    expected[-7:] = True
    found = black_border(np.where(expected[..., None], np.uint8(0), image))
    assert (found.mask == expected).all()
    assert found.share == pytest.approx(expected.mean())
    assert found.sentence is not None


def test_what_is_dark_in_a_scene_is_no_border() -> None:
    image = np.maximum(textured(), 40)
    image[100:160, 100:200] = 0  # does not touch the edge
    ragged = np.random.default_rng(3).integers(0, 60, 260)
    for row, depth in enumerate(ragged):
        image[row, :depth] = 0
    found = black_border(image)
    assert (found.mask.any(), found.share, found.sentence) == (False, 0, None)


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None, path
    return np.asarray(image, np.uint8)


@requires_real
@pytest.mark.parametrize("names", PAIRS)
def test_real_pairs_are_judged_rightly_before_and_after_they_are_altered(names: tuple[str, str]) -> None:
    left, right = (read(REAL / name) for name in names)
    matches = find_matches(left, right)
    assert [check(matches).sentence for check in (vertical_offset, swapped_eyes, same_image)] == [None] * 3
    assert black_border(left).sentence is None
    assert vertical_offset(find_matches(left, moved(right, y=3))).median == pytest.approx(3, abs=0.3)
    assert vertical_offset(find_matches(left, moved(right, degrees=0.5))).sentence is not None
    assert swapped_eyes(find_matches(right, left)).sentence is not None
