"""The sample: its calibration moves with its pixels, and its parts must fit one another."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers import textured_sample, truth_of, with_truth

from stereo.data.sample import Calibration, GroundTruth, StereoSample, check_pair
from stereo.data.transforms import horizontal_flip, random_crop, resize, vertical_flip
from stereo.errors import DataError

HEIGHT, WIDTH = 40, 64
CALIBRATION = Calibration(70.0, 0.3, disparity_offset=4.0, cx=30.0, cy=18.0, focal_length_y=75.0)
POINT = np.array([0.11, -0.07, 2.0])  # x to the right, y down, z away from the left camera, m


def project(calibration: Calibration, point: np.ndarray) -> tuple[float, float, float]:
    """Return the left column, the row and the right column of a point, px, by the pinhole model of both cameras."""
    assert calibration.cx is not None
    assert calibration.cy is not None
    x, y, z = point
    focal_y = calibration.focal_length if calibration.focal_length_y is None else calibration.focal_length_y
    left = calibration.focal_length * x / z + calibration.cx
    row = focal_y * y / z + calibration.cy
    right = calibration.focal_length * (x - calibration.baseline) / z + calibration.cx + calibration.disparity_offset
    return left, row, right


def resized(position: float, ratio: float) -> float:
    """Where a pixel's center lies after a resize: views reach from −½ on."""
    return (position + 0.5) * ratio - 0.5


LEFT, ROW, RIGHT = project(CALIBRATION, POINT)
X, Y, Z = POINT
MOVES: dict[str, tuple[Calibration, np.ndarray, tuple[float, float, float]]] = {
    "cropped": (CALIBRATION.cropped(5, 9), POINT, (LEFT - 9, ROW - 5, RIGHT - 9)),
    "resized": (CALIBRATION.resized(1.5, 1.5), POINT, (resized(LEFT, 1.5), resized(ROW, 1.5), resized(RIGHT, 1.5))),
    "stretched": (CALIBRATION.resized(2.0, 0.5), POINT, (resized(LEFT, 2), resized(ROW, 0.5), resized(RIGHT, 2))),
    "upside_down": (CALIBRATION.upside_down(HEIGHT), np.array([X, -Y, Z]), (LEFT, HEIGHT - 1 - ROW, RIGHT)),
    # The right camera is the left one, and x counts from it to the other side.
    "mirrored": (
        CALIBRATION.mirrored(WIDTH),
        np.array([CALIBRATION.baseline - X, Y, Z]),
        (WIDTH - 1 - RIGHT, ROW, WIDTH - 1 - LEFT),
    ),
}


def test_calibration_for_image_of_another_size() -> None:
    calibration = Calibration(70.0, 0.3, disparity_offset=4.0, cx=30.0, cy=18.0)
    assert calibration.for_image(HEIGHT, WIDTH, (HEIGHT, WIDTH)) is calibration
    assert calibration.for_image(HEIGHT, WIDTH) is calibration
    assert calibration.for_image(20, 32, (40, 64)) == calibration.resized(0.5, 0.5)
    # 1242×375 at half size, rounded down or up.
    for height in (187, 188):
        assert calibration.for_image(height, 621, (375, 1242)) == calibration.resized(0.5, height / 375)
    with pytest.raises(DataError, match=r"images are 640×400 but the calibration is of 640×480 "):
        calibration.for_image(400, 640, (480, 640))
    with pytest.raises(DataError, match=r"images are 400×640 .*640×400"):  # on its side
        calibration.for_image(640, 400, (400, 640))


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_without_a_size_the_principal_point_tells_another_one(ratio: float) -> None:
    calibration = Calibration(70.0, 0.3, cx=30.0, cy=18.0)
    with pytest.raises(DataError, match=r"principal point at \(30, 18\), far from their middle"):
        calibration.for_image(int(HEIGHT * ratio), int(WIDTH * ratio))
    assert Calibration(70.0, 0.3).for_image(3, 5) == Calibration(70.0, 0.3)  # nothing to tell it by


@pytest.mark.parametrize("name", MOVES)
def test_a_point_stays_on_its_pixel(name: str) -> None:
    calibration, point, pixel = MOVES[name]
    left, row, right = project(calibration, point)
    assert (left, row, right) == pytest.approx(pixel)
    depth = calibration.focal_length * calibration.baseline / (left - right + calibration.disparity_offset)
    assert depth == pytest.approx(Z)


@pytest.mark.parametrize("name", MOVES)
def test_what_is_not_known_stays_unknown(name: str) -> None:
    plain = Calibration(70.0, 0.3)
    moves: dict[str, Callable[[Calibration], Calibration]] = {
        "cropped": lambda one: one.cropped(5, 9),
        "resized": lambda one: one.resized(1.5, 1.5),
        "stretched": lambda one: one.resized(2.0, 0.5),
        "upside_down": lambda one: one.upside_down(HEIGHT),
        "mirrored": lambda one: one.mirrored(WIDTH),
    }
    moved = moves[name](plain)
    assert (moved.cx, moved.cy, moved.disparity_offset) == (None, None, 0)
    assert moved.focal_length_y == (35.0 if name == "stretched" else None)  # square pixels unless stretched


def test_back_and_forth_is_where_it_was() -> None:
    assert CALIBRATION.mirrored(WIDTH).mirrored(WIDTH) == CALIBRATION
    assert CALIBRATION.upside_down(HEIGHT).upside_down(HEIGHT) == CALIBRATION
    assert CALIBRATION.cropped(3, 4).cropped(-3, -4) == CALIBRATION


def calibrated() -> StereoSample:
    sample = textured_sample(HEIGHT, WIDTH, 8)
    sample = with_truth(sample, disparity_right=truth_of(sample).disparity, occluded=np.zeros((HEIGHT, WIDTH), bool))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    sample = with_truth(sample, foreground=(rows + 2 * columns) % 7 < 3)
    return replace(sample, calibration=CALIBRATION)


def test_every_transform_moves_the_calibration() -> None:
    sample = calibrated()
    assert vertical_flip(sample).calibration == CALIBRATION.upside_down(HEIGHT)
    assert horizontal_flip(sample).calibration == CALIBRATION.mirrored(WIDTH)
    assert resize(sample, 0.5, 2.0).calibration == CALIBRATION.resized(1.0, 0.5)
    cropped = random_crop(sample, 32, 48, np.random.default_rng(3))
    (place,) = [
        (top, left)
        for top in range(HEIGHT - 32 + 1)
        for left in range(WIDTH - 48 + 1)
        if np.array_equal(sample.left[top : top + 32, left : left + 48], cropped.left)
    ]
    assert cropped.calibration == CALIBRATION.cropped(*place)


def test_a_window_is_the_same_part_of_everything() -> None:
    sample = calibrated()
    part = sample.window(3, 5, 20, 30)
    here = (slice(3, 23), slice(5, 35))
    np.testing.assert_array_equal(part.left, sample.left[here])
    np.testing.assert_array_equal(part.right, sample.right[here])
    for name in ("disparity", "valid", "occluded", "disparity_right", "foreground"):
        array = getattr(truth_of(part), name)
        np.testing.assert_array_equal(array, getattr(truth_of(sample), name)[here])
        assert array.flags.c_contiguous
    assert part.calibration == CALIBRATION.cropped(3, 5)
    assert part.name == sample.name
    assert sample.window(0, 0, HEIGHT, WIDTH) is sample
    assert replace(sample, truth=None, calibration=None).window(3, 5, 20, 30).truth is None


MAP, MASK = np.zeros((4, 6), np.float32), np.zeros((4, 6), bool)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"disparity": MAP.astype(np.float64)}, "disparity is float64, expected float32"),
        ({"valid": MASK.astype(np.uint8)}, "valid is uint8, expected bool"),
        ({"occluded": MAP}, "occluded is float32, expected bool"),
        ({"disparity_right": MASK}, "disparity_right is bool, expected float32"),
        ({"foreground": MAP}, "foreground is float32, expected bool"),
        ({"valid": MASK[:, :5]}, r"valid is \[4, 5\] but disparity is \[4, 6\] \[H, W\]"),
        ({"occluded": MASK[:3]}, r"occluded is \[3, 6\] but disparity is \[4, 6\]"),
        ({"disparity": MAP[..., None]}, r"disparity is \[4, 6, 1\]"),
    ],
)
def test_ground_truth_that_does_not_fit(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        GroundTruth(**({"disparity": MAP, "valid": MASK} | parts))


VIEW = np.zeros((4, 6, 3), np.uint8)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"left": VIEW.astype(np.float32)}, r"one: the left image is float32 \[4, 6, 3\], expected RGB uint8"),
        ({"right": VIEW[..., 0]}, r"one: the right image is uint8 \[4, 6\]"),
        ({"right": VIEW[:, :5]}, "one: the left image is 6×4 but the right one is 5×4"),
        ({"truth": GroundTruth(MAP[:3], MASK[:3])}, "one: disparity is 6×3 but the images are 6×4"),
    ],
)
def test_parts_of_a_sample_that_do_not_fit(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(StereoSample(VIEW, VIEW, name="one"), **parts)


def test_a_purpose_that_needs_ground_truth() -> None:
    sample = textured_sample(4, 6, 1)
    assert sample.require_truth("a test") is sample.truth
    with pytest.raises(DataError, match="plane/0: has no ground truth, which a test needs"):
        replace(sample, truth=None).require_truth("a test")
    with pytest.raises(DataError, match="the pair: has no ground truth"):
        replace(sample, truth=None, name="").require_truth("a test")


def test_the_least_size_of_a_pair() -> None:
    view = np.zeros((32, 32, 3), np.uint8)
    check_pair(view, view)
    with pytest.raises(DataError, match=r"the images are 31×32.*expected 32 px or more on each side"):
        check_pair(view[:, 1:], view[:, 1:])
