"""The adaptive multi-modal cross-entropy against a loop over pixels, in values and gradients."""

import math

import pytest
import torch
from helpers import tiny_model
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from torch import Tensor

from stereo.config import LossConfig, RegressionConfig
from stereo.model.network import StereoNetwork
from stereo.model.regression import SupervisedOutput, TrilinearUpsampling
from stereo.training.losses import stereo_loss
from stereo.training.multi_modal import find_modes

LOSS = LossConfig(kind="multi_modal", output_weights=[1.0], smooth_l1_weight=0)


def naive_modes(row: list[float], column: int) -> list[tuple[float, float]]:
    """(mean, weight) of each mode of one pixel of a row; NaN is not known."""
    own = row[column]
    if math.isnan(own):
        return []
    around = sorted(value for value in row[max(0, column - 4) : column + 5] if not math.isnan(value))
    clusters = [[around[0]]]
    for value in around[1:]:
        if value - clusters[-1][-1] > 3:
            clusters.append([])
        clusters[-1].append(value)
    modes = []
    for cluster in clusters:
        members = len(cluster) - (own in cluster)  # beside the pixel itself
        share = 0.2 * members / (len(around) - 1) if len(around) > 1 else 0.0
        modes.append((sum(cluster) / len(cluster), share + (own in cluster) * (0.8 if len(around) > 1 else 1.0)))
    return modes


def naive_target(row: list[float], column: int, bins: int, factor: int, scale: float) -> Tensor:
    target = torch.zeros(bins, dtype=torch.float64)
    for mean, weight in naive_modes(row, column):
        laplace = torch.tensor([math.exp(-abs(d - mean / factor) / scale) for d in range(bins)], dtype=torch.float64)
        target += weight * laplace / laplace.sum()
    return target


def naive_loss(volume: Tensor, disparity: Tensor, factor: int, scale: float = 0.8) -> Tensor:
    """The mean cross-entropy of a volume [B, D, h, w] whose positions have factor × factor pixels; NaN is not known."""
    losses = []
    rows = disparity.where(disparity < factor * (volume.shape[1] - 1), math.nan)
    for batch, height, width in torch.cartesian_prod(
        *(torch.arange(volume.shape[axis]) for axis in (0, 2, 3))
    ).tolist():
        pixels = [(height * factor + y, width * factor + x) for y in range(factor) for x in range(factor)]
        known = [(y, x) for y, x in pixels if not math.isnan(rows[batch, y, x])]
        if known:
            targets = [naive_target(rows[batch, y].tolist(), x, volume.shape[1], factor, scale) for y, x in known]
            target = torch.stack(targets).mean(0)
            losses.append(-(volume[batch, :, height, width].log_softmax(0) * target).sum())
    return torch.stack(losses).mean()


def test_modes_by_hand() -> None:
    # Seven pixels around the middle one: two surfaces, a step of exactly 3 px within the first.
    disparity = torch.tensor([[[20.0, 20.0, 10.0, 10.0, 13.0, math.inf, 20.0]]], dtype=torch.float64)
    modes = find_modes(disparity, disparity.isfinite())
    pixel = (0, slice(None), 0, 3)
    assert modes.means[pixel].tolist() == [11.0, 20.0]
    # 0.8 + 0.2 · 2/5 and 0.2 · 3/5
    torch.testing.assert_close(modes.weights[pixel], torch.tensor([0.88, 0.12], dtype=torch.float64))
    assert modes.weights[0, :, 0, 5].tolist() == [0, 0]


def test_a_pixel_alone_has_one_mode() -> None:
    disparity = torch.full((1, 2, 11), 7.0)
    known = torch.zeros(1, 2, 11, dtype=torch.bool)
    known[0, 0, 0] = known[0, 1, 5] = known[0, 0, 5] = True  # none within 4 columns of the same row
    modes = find_modes(disparity, known)
    assert torch.equal(modes.weights.sum(1), known.float())
    assert torch.equal(modes.means[:, 0][known], disparity[known])


@example_settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.just(math.nan), st.integers(4, 100).map(lambda n: n / 4)), min_size=1, max_size=14))
def test_modes_are_those_of_the_loop(row: list[float]) -> None:
    disparity = torch.tensor(row, dtype=torch.float64).view(1, 1, -1)
    modes = find_modes(disparity, ~disparity.isnan())
    for column in range(len(row)):
        found = zip(modes.means[0, :, 0, column].tolist(), modes.weights[0, :, 0, column].tolist(), strict=True)
        present = [mode for mode in found if mode[1] > 0]
        assert present == [pytest.approx(mode) for mode in naive_modes(row, column)]


def ground_truth(height: int, width: int) -> Tensor:
    """Two samples with two slanted surfaces each, a tenth of the pixels not known, and some beyond 32 px."""
    columns = torch.arange(width, dtype=torch.float64)
    near = torch.rand(2, height, 1, dtype=torch.float64) * 20 + 10 + 0.3 * columns
    far = 3 + 0.1 * columns.expand(2, height, width)
    disparity = torch.where(torch.rand(2, height, width) < 0.4, near, far)
    return disparity.where(torch.rand(2, height, width) > 0.1, math.nan)


@pytest.mark.parametrize("align_corners", [None, False, True], ids=["quarter", "full", "full, corners aligned"])
def test_loss_and_gradient_are_those_of_the_loop(align_corners: bool | None) -> None:
    torch.manual_seed(0)
    disparity = ground_truth(12, 20)
    cost = torch.randn(2, 8, 3, 5, dtype=torch.float64, requires_grad=True)
    regression = None if align_corners is None else TrilinearUpsampling(RegressionConfig(), align_corners)
    output = SupervisedOutput(torch.zeros_like(disparity), cost)
    loss = stereo_loss([output], disparity, disparity.isfinite(), 32, LOSS, regression)
    volume, factor = cost, 4
    if align_corners is not None:
        interpolated = torch.nn.functional.interpolate(
            cost.unsqueeze(1), scale_factor=4, mode="trilinear", align_corners=align_corners
        )
        # Along disparity, as along the rows, the network interpolates as PyTorch does.
        volume, factor = interpolated.squeeze(1), 1
    expected = naive_loss(volume, disparity, factor)
    torch.testing.assert_close(loss, expected)
    (gradient,), (expected_gradient,) = (torch.autograd.grad(value, cost) for value in (loss, expected))
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("upsampling", ["convex", "trilinear"])
def test_the_loss_of_a_network_has_a_finite_gradient(upsampling: str) -> None:
    """Also where one sample of two, or both, have no valid pixel."""
    torch.manual_seed(0)
    settings = tiny_model()
    settings.regression.upsampling = upsampling  # type: ignore[assignment]
    model = StereoNetwork(settings).train()
    predictions = model(*torch.rand(2, 2, 3, 48, 64)).predictions
    disparity = torch.full((2, 48, 64), 8.0)
    for known in (1, 0):
        valid = torch.zeros(2, 48, 64, dtype=torch.bool)
        valid[:known] = True
        config = LossConfig(kind="multi_modal")
        loss = stereo_loss(predictions, disparity, valid, model.max_disparity, config, model.regression)
        assert (loss.item() > 0) == bool(known)
        gradients = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True, allow_unused=True)
        sums = [gradient.abs().sum().item() for gradient in gradients if gradient is not None]
        assert all(math.isfinite(total) for total in sums)
        assert any(sums) == bool(known)
