"""The scale of ground truth is estimated from the views: any factor, an offset, and depth in place of disparity."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers import textured_sample, truth_of, with_truth
from numpy.typing import NDArray

from stereo.data.sample import GroundTruth, Map, StereoSample
from stereo.data.scale import ScaleEstimate, correlate, estimate_scale
from stereo.data.warping import SWAPPED


def slanted(low: float = 6.0, high: float = 30.0) -> StereoSample:
    """A textured plane whose disparity rises from the left edge to the right one: exact by resampling."""
    height, width = 64, 240
    noise = np.random.default_rng(0).random((height, width + 60), np.float32)
    canvas = cv2.GaussianBlur(noise, (0, 0), 1.2)
    canvas = 255 * (canvas - canvas.min()) / np.ptp(canvas)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    disparity = low + (high - low) * columns / (width - 1)
    right = canvas[:, :width]
    left = cv2.remap(right, columns - disparity, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    views = [np.repeat(np.clip(view, 0, 255).astype(np.uint8)[..., None], 3, axis=2) for view in (left, right)]
    truth = GroundTruth(disparity, columns - disparity > 8)
    return StereoSample(views[0], views[1], truth, name="slanted")


def altered(change: Callable[[Map], Map], sample: StereoSample | None = None) -> ScaleEstimate:
    sample = slanted() if sample is None else sample
    estimate = estimate_scale(with_truth(sample, disparity=change(truth_of(sample).disparity).astype(np.float32)))
    assert estimate is not None
    return estimate


@pytest.mark.parametrize("factor", [0.00390625, 0.37, 0.9, 1.0, 1.25, 2.0, 2.54, 100.0, 240.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_any_factor_is_estimated(factor: float, sign: int) -> None:
    estimate = altered(lambda disparity: disparity * sign / factor)
    assert estimate.kind == "scale"
    assert estimate.factor == pytest.approx(sign * factor, rel=0.01)
    assert abs(estimate.factor - sign * factor) < 3 * estimate.error < 0.06 * factor
    assert estimate.confirmed == (factor == sign == 1)
    assert (estimate.problem is None) == (factor == sign == 1)


@pytest.mark.parametrize("factor", [5.0, 1000.0, 0.3])
def test_depth_is_told_from_disparity(factor: float) -> None:
    estimate = altered(lambda disparity: factor / disparity)
    assert estimate.kind == "depth"
    assert estimate.factor == pytest.approx(factor, rel=0.01)
    assert estimate.problem is not None
    assert estimate.problem.startswith("the values seem to be depth, not disparity")


@pytest.mark.parametrize("offset", [-40.0, -5.0, 4.0, 25.0])
def test_an_offset_is_told_from_a_scale(offset: float) -> None:
    estimate = altered(lambda disparity: disparity - offset)
    assert estimate.kind == "offset"
    assert estimate.factor == pytest.approx(offset, abs=0.2)
    assert estimate.problem is not None


def test_ground_truth_that_is_off_by_a_px_here_and_there_is_not_called_wrongly_scaled() -> None:
    rows, columns = np.mgrid[:64, :240].astype(np.float32)
    off = 1.2 * np.sin(rows / 7) * np.cos(columns / 40)
    assert altered(lambda disparity: disparity * 1.04).problem is not None
    for scattered in (altered(lambda disparity: disparity * 1.04 + off), altered(lambda disparity: disparity + off)):
        assert (scattered.kind, scattered.problem, scattered.confirmed) == ("scale", None, True)
    assert altered(lambda disparity: disparity * 1.5 + off).problem is not None
    assert altered(lambda disparity: disparity + 0.3).problem is None


def test_what_is_said_of_a_scale() -> None:
    assert "about 1/2, × the values" in str(altered(lambda disparity: disparity * 2).problem)
    assert "about 1/256, × the values" in str(altered(lambda disparity: disparity * 256).problem)
    assert altered(lambda disparity: -disparity).problem == SWAPPED
    assert str(altered(lambda disparity: -2 * disparity).problem).endswith("with the views or the sign exchanged")


def test_exposure_and_wrong_ground_truth_of_a_third_do_not_count() -> None:
    sample = slanted()
    assert altered(lambda disparity: disparity, replace(sample, right=sample.right // 3 + 20)).confirmed

    def partly_wrong(disparity: Map) -> Map:
        disparity = disparity.copy()
        disparity[:20] = 77
        return disparity

    assert altered(partly_wrong, sample).factor == pytest.approx(1, rel=0.01)


def test_views_that_tell_nothing() -> None:
    sample = slanted()
    unknown = np.zeros_like(truth_of(sample).valid)
    assert estimate_scale(replace(sample, truth=None)) is None
    assert estimate_scale(with_truth(sample, valid=unknown)) is None
    assert estimate_scale(replace(sample, left=np.zeros_like(sample.left))) is None
    other = textured_sample(64, 240, 6)
    assert estimate_scale(replace(sample, right=other.right)) is None


def test_large_views_are_searched_at_a_smaller_size() -> None:
    sample, four = slanted(), np.ones((4, 4))
    truth = truth_of(sample)
    left, right = (
        np.asarray(cv2.resize(view, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), np.uint8)
        for view in (sample.left, sample.right)
    )
    large = StereoSample(
        left,
        right,
        GroundTruth(np.kron(truth.disparity, four).astype(np.float32), np.kron(truth.valid, four).astype(bool)),
    )
    estimate = estimate_scale(large)
    assert estimate is not None
    assert estimate.factor == pytest.approx(4, rel=0.02)


def test_a_sound_pair_is_glanced_at_and_a_wrong_one_is_looked_at_in_full() -> None:
    sound, wrong, partly = altered(np.copy), altered(lambda disparity: disparity * 2), slanted()
    assert sound.confirmed
    assert sound.matches < 45 <= wrong.matches
    # A quarter of the matches at another disparity: too many for a glance, too few to call the rest wrong.
    shown = truth_of(partly).disparity.copy()
    shown[:16] += 6
    estimate = altered(lambda _: shown, partly)
    assert estimate.confirmed
    assert estimate.matches / estimate.share >= 45


def plain_correlation(window: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    """The definition, with norms of a gray level a pixel or more."""
    window, place = window - window.mean(), place - place.mean()
    norms = [max(float(np.sqrt((part**2).sum())), 11.0) for part in (window, place)]
    return float((window * place).sum() / (norms[0] * norms[1]))


def test_correlation_is_that_of_each_window_at_each_place() -> None:
    rng = np.random.default_rng(4)
    right = rng.integers(0, 256, (3, 11, 40)).astype(np.float32)
    right[1] = 200  # without texture
    band = np.repeat([0, 1, 2], [12, 1, 2])  # more of one band than one matrix product takes
    windows = rng.integers(0, 256, (15, 11, 11)).astype(np.float32)
    windows[3] = right[0, :, 7:18] // 2 + 30
    windows[14] = 90
    scores = correlate(windows.reshape(15, 121), band, right)
    expected = [
        [plain_correlation(window.astype(float), right[at, :, x : x + 11].astype(float)) for x in range(30)]
        for window, at in zip(windows, band, strict=True)
    ]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores[3, 7] > 0.999
    assert np.abs(scores[[12, 14]]).max() < 1e-5


def test_ground_truth_in_a_few_rows_is_enough() -> None:
    sample = slanted()
    rows = np.isin(np.arange(64), [9, 10, 11, 12, 13, 40, 41, 42, 43, 44])
    estimate = estimate_scale(with_truth(sample, valid=truth_of(sample).valid & rows[:, None]))
    assert estimate is not None
    assert estimate.confirmed


@pytest.mark.parametrize(("height", "width"), [(32, 32), (11, 300), (64, 23)])
def test_small_views_do_no_harm(height: int, width: int) -> None:
    estimate = estimate_scale(textured_sample(height, width, 3))
    assert estimate is None or estimate.confirmed
