"""From costs to disparities."""

from typing import Literal

import pytest
import torch
import torch.nn.functional as F

from stereo.config import RegressionConfig
from stereo.model.features.base import Features
from stereo.model.regression import (
    ConvexUpsampling,
    TrilinearUpsampling,
    dominant_mode,
    estimate_bin,
    mode_mass,
    right_costs,
    soft_argmin,
)


def features_of(height: int, width: int) -> Features:
    """Random features of one image, of 8 channels at ¼ of this size and 4 at ½."""
    quarter, half = torch.randn(1, 8, height, width), torch.randn(1, 4, 2 * height, 2 * width)
    return Features(quarter, quarter, half, F.avg_pool2d(quarter, 2), F.avg_pool2d(quarter, 4))


def cost_of(probability: list[float]) -> torch.Tensor:
    return torch.tensor(probability, dtype=torch.float64).log().view(1, -1, 1, 1)


def test_soft_argmin_is_the_expectation() -> None:
    torch.testing.assert_close(soft_argmin(cost_of([0.1, 0.2, 0.7])).item(), 1.6)


def test_dominant_mode_ignores_the_other_surface() -> None:
    two_modes = cost_of([0.001, 0.3, 0.1, 0.001, 0.001, 0.001, 0.001, 0.001, 0.2, 0.394])
    assert 5 < soft_argmin(two_modes).item() < 7  # between the two: nothing is there
    # The peak of the smoothed distribution is bin 8, its window 6 … 10.
    expected = (0.001 * 6 + 0.001 * 7 + 0.2 * 8 + 0.394 * 9) / 0.596
    assert abs(dominant_mode(two_modes, 2).item() - expected) < 1e-9


def test_dominant_mode_prefers_mass_to_sharpness() -> None:
    """One sharp bin of 0.34 against three neighbors that sum to 0.6."""
    cost = cost_of([0.01, 0.34, 0.01, 0.01, 0.01, 0.2, 0.22, 0.2])
    assert abs(dominant_mode(cost, 1).item() - 6) < 0.2


def test_mode_mass_is_the_probability_around_the_peak_of_the_dominant_mode() -> None:
    two_modes = [0.001, 0.3, 0.1, 0.001, 0.001, 0.001, 0.001, 0.001, 0.2, 0.394]
    torch.testing.assert_close(mode_mass(cost_of(two_modes), 2).item(), 0.596)  # bins 6 … 9
    sharp = [0.01, 0.34, 0.01, 0.01, 0.01, 0.2, 0.22, 0.2]
    torch.testing.assert_close(mode_mass(cost_of(sharp), 1).item(), 0.62)  # bins 5 … 7, not the sharpest
    torch.testing.assert_close(mode_mass(cost_of([0.125] * 8), 1).item(), 0.375)  # no mode at all
    one = torch.full((1, 6, 1, 1), -1e4)
    one[0, 0] = 1e4
    assert mode_mass(one, 2).item() == 1


def test_a_match_costs_both_views_the_same() -> None:
    cost = torch.arange(12.0).view(1, 3, 1, 4)  # [B, D, H, W]
    none = -1e4
    expected = [[0, 1, 2, 3], [5, 6, 7, none], [10, 11, none, none]]  # left columns x + d
    assert right_costs(cost)[0, :, 0].tolist() == expected
    assert right_costs(cost[..., :2])[0, :, 0].tolist() == [[0, 1], [5, none], [none, none]]


def test_dominant_mode_equals_soft_argmin_for_a_wide_window() -> None:
    cost = torch.randn(2, 7, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(dominant_mode(cost, 7), soft_argmin(cost))


def test_dominant_mode_at_the_ends_and_without_overflow() -> None:
    cost = torch.full((1, 6, 1, 2), -1e4)
    cost[0, 0, 0, 0] = 1e4
    cost[0, 5, 0, 1] = 1e4
    assert dominant_mode(cost, 2).flatten().tolist() == [0, 5]


def test_convex_upsampling_keeps_a_constant_and_its_neighbors_bounds() -> None:
    upsampling = ConvexUpsampling(RegressionConfig(estimate="soft_argmin"), 8, 4)
    features = features_of(6, 9)
    constant = torch.full((1, 5, 6, 9), -50.0)
    constant[:, 3] = 50
    (prediction,) = upsampling([constant], features)
    assert prediction.disparity.shape == (1, 24, 36)
    torch.testing.assert_close(prediction.disparity, torch.full((1, 24, 36), 12.0))
    cost = torch.randn(1, 5, 6, 9)
    (prediction,) = upsampling([cost], features)
    coarse = 4 * soft_argmin(cost)
    assert coarse.min() - 1e-5 <= prediction.disparity.min()
    assert prediction.disparity.max() <= coarse.max() + 1e-5


@pytest.mark.parametrize("align_corners", [False, True])
def test_confidence_is_the_mass_at_a_quarter_upsampled(align_corners: bool) -> None:
    """Sure (one bin) in the left half, and torn between two bins far apart in the right one."""
    cost = torch.full((1, 9, 4, 8), -50.0)
    cost[:, 1] = 50
    cost[:, 7, :, 4:] = 50
    features = features_of(4, 8)
    for upsampling in (
        ConvexUpsampling(RegressionConfig(mode_radius=1), 8, 4),
        TrilinearUpsampling(RegressionConfig("trilinear", mode_radius=1), align_corners),
    ):
        confidence = upsampling.confidence(upsampling.mass(cost), features)
        assert confidence.shape == (1, 16, 32)
        torch.testing.assert_close(confidence[..., :12], torch.ones(1, 16, 12))
        torch.testing.assert_close(confidence[..., 20:], torch.full((1, 16, 12), 0.5))
        assert ((confidence >= 0.5 - 1e-6) & (confidence <= 1)).all()


def test_trilinear_upsampling_shape_and_center() -> None:
    cost = torch.full((1, 8, 4, 4), -50.0)
    cost[:, 3] = 50
    features = Features(*torch.zeros(5, 1, 1, 1, 1))
    (prediction,) = TrilinearUpsampling(RegressionConfig(estimate="soft_argmin", upsampling="trilinear"))(
        [cost], features
    )
    assert prediction.disparity.shape == (1, 16, 16)
    # align_corners false: bin 3 is centered between the planes 13 and 14.
    torch.testing.assert_close(prediction.disparity, torch.full((1, 16, 16), 13.5), atol=0.01, rtol=0)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("estimate", ["soft_argmin", "dominant_mode"])
@pytest.mark.parametrize("shape", [(2, 6, 5, 7), (1, 4, 9, 3), (1, 2, 1, 1)])
def test_rows_in_blocks_are_the_volume_upsampled_at_once(
    align_corners: bool, estimate: Literal["soft_argmin", "dominant_mode"], shape: tuple[int, ...]
) -> None:
    """Against the plain form, values and gradient; 16 rows a block leave a remainder."""
    cost = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    full = F.interpolate(cost.unsqueeze(1), scale_factor=4, mode="trilinear", align_corners=align_corners).squeeze(1)
    expected = estimate_bin(full, estimate, 8)
    upsampling = TrilinearUpsampling(RegressionConfig("trilinear", estimate), align_corners)
    (prediction,) = upsampling([cost], Features(*torch.zeros(5, 1, 1, 1, 1)))
    torch.testing.assert_close(prediction.disparity, expected)
    upstream = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(prediction.disparity, cost, upstream), torch.autograd.grad(expected, cost, upstream)
    )
    with torch.inference_mode():
        torch.testing.assert_close(upsampling([cost], None)[0].disparity, expected)


def test_the_expectation_keeps_its_precision_where_convolutions_are_bf16() -> None:
    cost = torch.randn(1, 48, 2, 3) * 3
    with torch.autocast("cpu", torch.bfloat16):
        found = soft_argmin(cost)
    torch.testing.assert_close(found, soft_argmin(cost))
