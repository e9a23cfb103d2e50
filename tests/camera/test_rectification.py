"""Rectification: points of the scene land on one row, and the real pairs equal their reference."""

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import SHARED
from numpy.typing import NDArray

from stereo.camera.checks import find_matches, vertical_offset
from stereo.camera.model import Array, CameraModel, CameraPair, DistortionModel
from stereo.camera.rectification import Rectification, rectify
from stereo.errors import DataError

CAMERAS = SHARED / "cameras"
SIZE = (240, 320)
COEFFICIENTS: dict[DistortionModel, list[float]] = {
    "none": [],
    "plumb_bob": [-0.28, 0.07, 2e-4, 2e-5],
    "rational": [0.1, -0.02, 1e-4, 0.0, 0.001, 0.3, -0.01, 0.002],
    "fisheye": [-0.02, -0.007, 0.002, -0.001],
}
requires_cameras = pytest.mark.skipif(not CAMERAS.is_dir(), reason="needs ../shared/cameras")


def matrix(fx: float, fy: float, cx: float, cy: float) -> Array:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


def pair_of(model: DistortionModel) -> CameraPair:
    """Two cameras, 12 cm apart, the right one turned by about 2°."""
    distortion = np.array(COEFFICIENTS[model])
    left = CameraModel(SIZE, matrix(200, 201, 158, 122), distortion, model)
    right = CameraModel(SIZE, matrix(204, 203, 161, 117), distortion, model)
    rotation = np.asarray(cv2.Rodrigues(np.array([0.02, -0.03, 0.015]))[0], np.float64)
    return CameraPair(left, right, rotation, np.array([-0.12, 0.003, -0.002]))


def project(points: Array, camera: CameraModel, rotation: Array, translation: Array) -> Array:
    """Return the pixels [N, 2] of points [N, 3] of the left camera's axes."""
    turn = cv2.Rodrigues(rotation)[0]
    if camera.distortion_model == "fisheye":
        found = cv2.fisheye.projectPoints(points[:, None], turn, translation, camera.matrix, camera.distortion)
    else:
        found = cv2.projectPoints(points[:, None], turn, translation, camera.matrix, camera.distortion)
    return np.asarray(found[0], np.float64).reshape(-1, 2)


def rectified_position(pixels: NDArray[np.float32], valid: NDArray[np.bool_], at: Array) -> Array:
    """Return where the map shows an unrectified pixel: the nearest one, refined by the map's slope."""
    distance = np.where(valid, np.square(pixels - at).sum(axis=-1), np.inf)[1:-1, 1:-1]
    row, column = np.add(np.unravel_index(int(distance.argmin()), distance.shape), 1)
    along_x = (pixels[row, column + 1] - pixels[row, column - 1]) / 2
    along_y = (pixels[row + 1, column] - pixels[row - 1, column]) / 2
    return np.array([column, row]) + np.linalg.solve(np.column_stack([along_x, along_y]), at - pixels[row, column])


@pytest.mark.parametrize("model", COEFFICIENTS)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_point_lands_on_one_row_with_disparity_f_b_over_z(model: DistortionModel, alpha: float) -> None:
    pair = pair_of(model)
    found = rectify(pair, alpha=alpha)
    calibration = found.calibration
    assert calibration.baseline == pytest.approx(math.sqrt(0.12**2 + 0.003**2 + 0.002**2), rel=1e-6)
    assert calibration.disparity_offset == pytest.approx(0, abs=1e-9)
    assert calibration.cx is not None
    assert calibration.cy is not None
    # Near the center, where the maps are all but linear within a pixel.
    points = np.array([[0.0, 0.0, 2.0], [0.3, -0.2, 2.0], [-0.2, 0.3, 3.0], [0.1, 0.1, 1.2]])
    lefts = project(points, pair.left, np.eye(3), np.zeros(3))
    rights = project(points, pair.right, pair.rotation, pair.translation)
    for left, right in zip(lefts, rights, strict=True):
        x, y = rectified_position(found.left_map, found.left_valid, left)
        x_right, y_right = rectified_position(found.right_map, found.right_valid, right)
        assert y == pytest.approx(y_right, abs=0.02)
        # The point that the calibration makes of the disparity, at its true distance from the left camera.
        depth = calibration.focal_length * calibration.baseline / (x - x_right)
        across = np.array([(x - calibration.cx), (y - calibration.cy)]) / calibration.focal_length
        expected = points[np.abs(lefts - left).sum(axis=1).argmin()]
        assert depth * math.sqrt(1 + across @ across) == pytest.approx(float(np.linalg.norm(expected)), rel=2e-3)


def test_alpha_0_leaves_no_border_and_alpha_1_keeps_all() -> None:
    pair = pair_of("plumb_bob")
    # A line of a pixel's width may be left: OpenCV finds the inner rectangle from 9 × 9 points.
    assert rectify(pair, alpha=0).valid.mean() > 0.995
    kept = rectify(pair, alpha=1)
    assert not kept.valid.all()
    for pixels, valid in ((kept.left_map, kept.left_valid), (kept.right_map, kept.right_valid)):
        seen = pixels[valid]
        np.testing.assert_allclose([*seen.min(axis=0), *seen.max(axis=0)], [0, 0, 319, 239], atol=3)
    white = np.full((*SIZE, 3), 255, np.uint8)
    left, right = kept.apply(white, white)
    assert (left[~kept.left_valid] < 255).all()
    assert (right[kept.right_valid] == 255).all()


def test_a_polynomial_that_folds_back_shows_nothing_twice() -> None:
    """r (1 − 0.2 r²) grows up to r = √(5/3); farther rays would land inside the image again."""
    camera = CameraModel(SIZE, matrix(150, 150, 160, 120), np.array([-0.2, 0.0, 0.0, 0.0]), "plumb_bob")
    wide = np.array([[40.0, 0, 160, 0], [0, 40, 120, 0], [0, 0, 1, 0]])
    shifted = wide.copy()
    shifted[0, 3] = -4
    left = replace(camera, rectification=np.eye(3), projection=wide)
    right = replace(camera, rectification=np.eye(3), projection=shifted)
    valid = rectify(CameraPair(left, right, np.eye(3), np.array([-0.1, 0, 0]))).left_valid
    assert valid[120, 160]
    columns = np.flatnonzero(valid[120])
    assert columns.min() >= 160 - 40 * math.sqrt(5 / 3) - 1
    assert columns.max() <= 160 + 40 * math.sqrt(5 / 3) + 1


def test_rectifications_and_projections_of_the_file_are_used() -> None:
    camera = CameraModel(SIZE, matrix(200, 200, 160, 120), np.zeros(0), rectification=np.eye(3))
    projection = np.array([[100.0, 0, 150, 0], [0, 100, 110, 0], [0, 0, 1, 0]])
    other = np.array([[100.0, 0, 157, -25], [0, 100, 110, 0], [0, 0, 1, 0]])
    pair = CameraPair(
        replace(camera, projection=projection), replace(camera, projection=other), np.eye(3), np.array([-0.25, 0, 0])
    )
    found = rectify(pair)
    assert (found.calibration.focal_length, found.calibration.baseline) == (100, 0.25)
    assert (found.calibration.cx, found.calibration.cy, found.calibration.disparity_offset) == (150, 110, 7)
    np.testing.assert_allclose(found.left_map[110, 150], [160, 120], atol=1e-4)
    np.testing.assert_allclose(found.right_map[110, 167], [180, 120], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"translation": np.array([0.12, 0, 0])}, "exchange the cameras"),
        ({"translation": np.array([0.0, -0.12, 0])}, "one above the other"),
        ({"translation": np.zeros(3)}, "at one place"),
        ({"left": pair_of("fisheye").left}, "two pinhole cameras"),
        (
            {"left": replace(pair_of("none").left, size=None), "right": replace(pair_of("none").right, size=None)},
            "size",
        ),
        ({"right": replace(pair_of("none").right, size=(480, 640))}, "640×480, expected 320×240"),
    ],
)
def test_cameras_that_cannot_be_rectified_are_refused(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rectify(replace(pair_of("none"), **change))


def test_images_of_another_size_are_refused() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    with pytest.raises(DataError, match="left image is 160×120 but the calibration is of 320×240"):
        rectify(pair_of("none")).apply(image, image)


def read(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert image is not None, path
    return np.asarray(image, np.uint8)


def posed(
    left: CameraModel, right: CameraModel, left_pose: list[list[float]], right_pose: list[list[float]]
) -> CameraPair:
    """The pair of two cameras whose poses in the body are given by the first three rows of T_BS."""
    poses = [np.vstack([pose, [0, 0, 0, 1]]) for pose in (left_pose, right_pose)]
    motion = np.linalg.inv(poses[1]) @ poses[0]
    return CameraPair(left, right, motion[:3, :3], motion[:3, 3])


def euroc() -> CameraPair:
    return posed(
        CameraModel(
            (480, 752),
            matrix(458.654, 457.296, 367.215, 248.375),
            np.array([-0.28340811, 0.07395907, 0.00019359, 1.76187114e-05]),
            "plumb_bob",
        ),
        CameraModel(
            (480, 752),
            matrix(457.587, 456.134, 379.999, 255.238),
            np.array([-0.28368365, 0.07451284, -0.00010473, -3.55590700e-05]),
            "plumb_bob",
        ),
        [
            [0.0148655429818, -0.999880929698, 0.00414029679422, -0.0216401454975],
            [0.999557249008, 0.0149672133247, 0.025715529948, -0.064676986768],
            [-0.0257744366974, 0.00375618835797, 0.999660727178, 0.00981073058949],
        ],
        [
            [0.0125552670891, -0.999755099723, 0.0182237714554, -0.0198435579556],
            [0.999598781151, 0.0130119051815, 0.0251588363115, 0.0453689425024],
            [-0.0253898008918, 0.0179005838253, 0.999517347078, 0.00786212447038],
        ],
    )


def fisheye() -> CameraPair:
    return posed(
        CameraModel(
            (480, 752),
            matrix(366.163, 365.631, 380.573, 225.950),
            np.array([-0.020476443, -0.007108226, 0.002180580, -0.001192386]),
            "fisheye",
        ),
        CameraModel(
            (480, 752),
            matrix(367.032, 366.632, 379.304, 236.659),
            np.array([-0.019659843, -0.005079736, -0.001357391, 0.000419038]),
            "fisheye",
        ),
        [
            [-0.002506617, -0.999975268, 0.006571120, -0.003087790],
            [0.999995111, -0.002494275, 0.001885736, 0.001692289],
            [-0.001869299, 0.006575815, 0.999976632, -0.000023275],
        ],
        [
            [0.000468892, -0.999992519, 0.003839613, -0.004419063],
            [0.999987552, 0.000487955, 0.004965573, 0.122004189],
            [-0.004967410, 0.003837237, 0.999980300, -0.000145419],
        ],
    )


def row_error(found: Rectification, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    """Return the median distance of matches from one row, px, after rectification."""
    matches = find_matches(*found.apply(left, right))
    assert vertical_offset(matches).matches >= 100
    return float(np.median(np.abs(matches.left[:, 1] - matches.right[:, 1])))


@requires_cameras
def test_matches_of_euroc_lie_on_one_row() -> None:
    left, right = (read(CAMERAS / "euroc_unrectified" / name) for name in ("left_img_0.png", "right_img_0.png"))
    found = rectify(euroc())
    assert found.calibration.baseline == pytest.approx(0.11, abs=1e-3)
    assert row_error(found, left, right) <= 0.5


@requires_cameras
def test_a_calibration_that_does_not_fit_the_pair_is_told_after_rectification() -> None:
    """The calibration that puts the other pair of EuRoC on one row leaves this one some 6 px apart.

    Its lenses fit, the cameras' pose does not: with the pose that the matches themselves give, rows agree.
    """
    left, right = (read(CAMERAS / "euroc_unrectified" / name) for name in ("left_frame0000.jpg", "right_frame0000.jpg"))
    pair = euroc()
    offset = vertical_offset(find_matches(*rectify(pair).apply(left, right)))
    assert offset.median > 3
    assert offset.sentence is not None
    matches = find_matches(left, right)
    lefts, rights = (
        cv2.undistortPoints(points[:, None], camera.matrix, camera.distortion)
        for points, camera in ((matches.left, pair.left), (matches.right, pair.right))
    )
    essential, inliers = cv2.findEssentialMat(lefts, rights, np.eye(3), method=cv2.LMEDS)
    _, rotation, translation, _ = cv2.recoverPose(essential, lefts, rights, np.eye(3), mask=inliers)
    turn, ahead = (np.asarray(part, np.float64) for part in (rotation, translation))
    found = replace(pair, rotation=turn, translation=0.11 * ahead.ravel())
    assert row_error(rectify(found), left, right) <= 0.5


@requires_cameras
def test_the_fisheye_pair_equals_its_reference() -> None:
    folder = CAMERAS / "fisheye_unrectified"
    left, right = read(folder / "left_fisheye_img_0.png"), read(folder / "right_fisheye_img_0.png")
    found = rectify(fisheye())
    both = np.hstack(found.apply(left, right)).astype(np.float64)
    reference = read(folder / "sidebyside_ref_img_0.png")
    # The black border ends at other pixels: there it is the interpolation that differs.
    valid = np.hstack([found.left_valid, found.right_valid])
    assert np.abs(both - reference)[valid].mean() <= 0.5
    assert row_error(found, left, right) <= 0.5


def corners_of(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the 54 inner corners of the chessboard in an image, [54, 1, 2] px."""
    done, coarse = cv2.findChessboardCorners(image, (9, 6))
    assert done
    fine = cv2.cornerSubPix(image, coarse, (5, 5), (-1, -1), (3, 30, 0.01))
    return np.asarray(fine, np.float32).reshape(-1, 1, 2)


@requires_cameras
@pytest.mark.parametrize("own_lenses", [False, True])
def test_corners_of_the_chessboard_lie_on_one_row_as_well_as_its_calibration_fits(own_lenses: bool) -> None:
    """The file has no extrinsics; they are found from the board, whose squares are taken to be 25 mm.

    The file's distortion does not fit its pictures: the board's corners miss by 1.4 px (root mean square), so that rows
    cannot agree to 0.5 px. With the distortion that the same board gives they do.
    """
    folder = CAMERAS / "opencv_chessboard_unrectified"
    corners = [corners_of(read(folder / name)) for name in ("left01.jpg", "right01.jpg")]
    board = np.zeros((54, 3), np.float32)
    board[:, :2] = np.mgrid[:9, :6].T.reshape(-1, 2) * 0.025
    one = matrix(534.80326845051309, 534.80326845051309, 335.68643204394891, 240.66183054066337)
    other = matrix(534.80326845051309, 534.80326845051309, 334.55744527912015, 242.053245733766)
    bends = (
        np.array([0.29589439552724328, -1.0354662043042675, 0.0, 0.0, 0.0]),
        np.array([-0.16916358306948096, -0.11214173641213163, 0.0, 0.0, 0.0]),
    )
    flags = cv2.CALIB_FIX_INTRINSIC
    if own_lenses:
        bends = (np.zeros(5), np.zeros(5))
        flags = cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_FOCAL_LENGTH | cv2.CALIB_FIX_PRINCIPAL_POINT
        flags |= cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_K3
    error, *solved = cv2.stereoCalibrate(
        [board], corners[:1], corners[1:], one, bends[0], other, bends[1], (640, 480), flags=flags
    )
    left, left_bends, right, right_bends, rotation, translation = (np.asarray(part, np.float64) for part in solved[:6])
    pair = CameraPair(
        CameraModel((480, 640), left, left_bends.ravel(), "plumb_bob"),
        CameraModel((480, 640), right, right_bends.ravel(), "plumb_bob"),
        rotation,
        translation.ravel(),
    )
    found = rectify(pair, alpha=1)
    rows = [
        np.array([rectified_position(pixels, valid, corner.ravel().astype(np.float64))[1] for corner in view])
        for pixels, valid, view in (
            (found.left_map, found.left_valid, corners[0]),
            (found.right_map, found.right_valid, corners[1]),
        )
    ]
    before = np.median(np.abs(corners[0] - corners[1])[..., 1])
    assert np.median(np.abs(rows[0] - rows[1])) <= (0.25 if own_lenses else min(error, before / 10))
