"""The losses against hand-computed cases."""

import math

import pytest
import torch
import torch.nn.functional as F

from stereo.config import LossConfig
from stereo.model.regression import SupervisedOutput
from stereo.training.losses import LOSSES, cross_entropy, l1, mean_of_weight, mixture_target, smooth_l1, stereo_loss


def test_smooth_l1_by_hand() -> None:
    prediction = torch.tensor([[[1.5, 4.0, 9.0]]])
    truth = torch.tensor([[[1.0, 1.0, math.inf]]])
    known = torch.tensor([[[True, True, False]]])
    # 0.5 · 0.5² and 3 − 0.5
    torch.testing.assert_close(smooth_l1(prediction, truth, known).item(), (0.125 + 2.5) / 2)


def test_l1_by_hand() -> None:
    prediction = torch.tensor([[[1.5, 4.0, 9.0]]], requires_grad=True)
    loss = l1(prediction, torch.tensor([[[1.0, 7.0, math.inf]]]), torch.tensor([[[True, True, False]]]))
    loss.backward()
    assert loss.item() == (0.5 + 3) / 2
    assert prediction.grad is not None
    assert prediction.grad.tolist() == [[[0.5, -0.5, 0.0]]]


def test_unknown_pixels_leave_no_trace_in_the_gradient() -> None:
    prediction = torch.zeros(1, 1, 2, requires_grad=True)
    truth = torch.tensor([[[2.0, math.inf]]])
    smooth_l1(prediction, truth, torch.tensor([[[True, False]]])).backward()
    assert prediction.grad is not None
    assert prediction.grad.tolist() == [[[-1.0, 0.0]]]


def test_target_is_the_mean_of_the_pixels_laplaces() -> None:
    disparity = torch.full((1, 4, 8), 8.0, dtype=torch.float64)
    disparity[0, :2, :4] = 20.0  # half of the first position's pixels
    disparity[0, :, 4:] = 0.0  # nothing known at the second
    target, weight = mixture_target(disparity, disparity > 0, num_bins=10, laplace_scale=0.8)
    bins = torch.arange(10, dtype=torch.float64)
    near, far = (F.softmax(-(bins - d / 4).abs() / 0.8, dim=0) for d in (20, 8))
    torch.testing.assert_close(target[0, :, 0, 0], (near + far) / 2)
    assert weight.tolist() == [[[1.0, 0.0]]]
    assert target[0, :, 0, 1].abs().sum() == 0


def test_target_leaves_out_what_lies_beyond_the_bins() -> None:
    disparity = torch.full((1, 4, 4), 38.0)  # bin 9.5 of 10: the last bin is 9
    _, weight = mixture_target(disparity, disparity > 0, num_bins=10, laplace_scale=0.8)
    assert weight.item() == 0


def test_cross_entropy_is_least_where_the_distribution_is_the_target() -> None:
    target = torch.rand(1, 6, 2, 2, dtype=torch.float64)
    target = target / target.sum(1, keepdim=True)
    weight = torch.ones(1, 2, 2, dtype=torch.float64)
    cost = target.log().requires_grad_()
    loss = mean_of_weight(cross_entropy(cost, target), weight)
    (gradient,) = torch.autograd.grad(loss, cost)
    assert gradient.abs().max() < 1e-12
    entropy = -(target * target.log()).sum(1).mean()
    torch.testing.assert_close(loss.detach(), entropy)


def prediction() -> SupervisedOutput:
    cost = torch.randn(1, 8, 2, 3, dtype=torch.float64, requires_grad=True)
    disparity = torch.rand(1, 8, 12, dtype=torch.float64, requires_grad=True)
    return SupervisedOutput(disparity, cost)


@pytest.mark.parametrize("kind", sorted(LOSSES))
def test_outputs_are_summed_with_their_weights(kind: str) -> None:
    outputs = [prediction(), prediction()]
    disparity = torch.rand(1, 8, 12, dtype=torch.float64) * 20 + 1
    valid = torch.rand(1, 8, 12) > 0.3

    def loss(*weights: float) -> float:
        config = LossConfig(kind=kind, output_weights=list(weights))  # type: ignore[arg-type]
        return stereo_loss(outputs, disparity, valid, 32, config).item()

    assert loss(1, 0) != pytest.approx(loss(0, 1))
    assert loss(0.5, 2) == pytest.approx(0.5 * loss(1, 0) + 2 * loss(0, 1))


@pytest.mark.parametrize("kind", sorted(LOSSES))
def test_no_valid_pixel_gives_zero_and_no_nan(kind: str) -> None:
    output = prediction()
    config = LossConfig(kind=kind, output_weights=[1.0])  # type: ignore[arg-type]
    disparity = torch.full((1, 8, 12), 100.0, dtype=torch.float64)  # beyond the range
    loss = stereo_loss([output], disparity, torch.ones(1, 8, 12, dtype=torch.bool), 32, config)
    loss.backward()
    assert loss.item() == 0
    assert output.disparity.grad is not None
    assert output.disparity.grad.abs().sum() == 0
