"""What training minimizes, over all supervised outputs of the network."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stereo.config import LossConfig
from stereo.model.regression import SupervisedOutput, TrilinearUpsampling, Upsampling
from stereo.training.multi_modal import find_modes, laplace_mixture


def stereo_loss(
    predictions: Sequence[SupervisedOutput],
    disparity: Tensor,
    valid: Tensor,
    max_disparity: int,
    config: LossConfig,
    regression: Upsampling | None = None,
) -> Tensor:
    """Return the configured loss, summed over the supervised outputs with their weights.

    Args:
        predictions: The network's outputs, first to last; at least the first has a cost.
        disparity: [B, H, W], px.
        valid: bool [B, H, W], ground truth is known. Pixels beyond the network's range are left out here.
        max_disparity: The network's range, px.
        regression: The network's, which says at what resolution it estimates disparity. None: at ¼.

    Returns: a scalar; 0 (with a gradient of 0) where no pixel is valid.
    """
    known = valid & (disparity > 0) & (disparity < max_disparity)
    costs = [prediction.cost for prediction in predictions if prediction.cost is not None]
    output_loss = LOSSES[config.kind](disparity, known, costs[0].shape[1], config, regression)
    total = disparity.new_zeros(())
    weights = config.weights_of(len(costs), len(predictions) - len(costs))
    for prediction, weight in zip(predictions, weights, strict=True):
        total = total + weight * output_loss(prediction)
    return total


# The loss of one output of the network, a scalar.
OutputLoss = Callable[[SupervisedOutput], Tensor]


def _smooth_l1_loss(
    disparity: Tensor, known: Tensor, num_bins: int, config: LossConfig, regression: Upsampling | None
) -> OutputLoss:
    return lambda prediction: smooth_l1(prediction.disparity, disparity, known)


def _l1_loss(
    disparity: Tensor, known: Tensor, num_bins: int, config: LossConfig, regression: Upsampling | None
) -> OutputLoss:
    return lambda prediction: l1(prediction.disparity, disparity, known)


def _mixture_loss(
    disparity: Tensor, known: Tensor, num_bins: int, config: LossConfig, regression: Upsampling | None
) -> OutputLoss:
    target, weight = mixture_target(disparity, known, num_bins, config.laplace_scale)
    return _with_smooth_l1(lambda cost: mixture_cross_entropy(cost, target, weight), disparity, known, config)


def _multi_modal_loss(
    disparity: Tensor, known: Tensor, num_bins: int, config: LossConfig, regression: Upsampling | None
) -> OutputLoss:
    if not isinstance(regression, TrilinearUpsampling):
        target, weight = multi_modal_target(disparity, known, num_bins, 4, config.laplace_scale)
        return _with_smooth_l1(lambda cost: mixture_cross_entropy(cost, target, weight), disparity, known, config)
    target, weight = multi_modal_target(disparity, known, 4 * num_bins, 1, config.laplace_scale)

    def of_rows(volume: Tensor, rows: Tensor) -> Tensor:
        return cross_entropy(volume, target[:, :, rows.long()])

    return _with_smooth_l1(
        lambda cost: mean_of_weight(regression.map_rows(cost, of_rows), weight), disparity, known, config
    )


def _with_smooth_l1(
    volume_loss: Callable[[Tensor], Tensor], disparity: Tensor, known: Tensor, config: LossConfig
) -> OutputLoss:
    """Return the loss of the costs plus smooth_l1_weight times the smooth-L1 of the disparity."""

    def loss(prediction: SupervisedOutput) -> Tensor:
        error = smooth_l1(prediction.disparity, disparity, known)
        if prediction.cost is None:  # refined: there is no distribution over bins to compare with the target
            return error
        return volume_loss(prediction.cost) + config.smooth_l1_weight * error

    return loss


# By loss.kind: from the disparity [B, H, W] px, which pixels are known [B, H, W], the number of bins at ¼, the settings
# and the network's regression (None: at ¼) to the loss of each output. What all outputs share is computed once.
LOSSES: dict[str, Callable[[Tensor, Tensor, int, LossConfig, Upsampling | None], OutputLoss]] = {
    "smooth_l1": _smooth_l1_loss,
    "l1": _l1_loss,
    "mixture": _mixture_loss,
    "multi_modal": _multi_modal_loss,
}


def smooth_l1(prediction: Tensor, disparity: Tensor, known: Tensor) -> Tensor:
    """Return the mean smooth-L1 (Huber at 1 px) over the known pixels; all [B, H, W]. Source: PSMNet, section 3.6."""
    errors = F.smooth_l1_loss(prediction, disparity, reduction="none")
    # where, not indexing: the shape stays static; and an unknown pixel's value (it may be inf) must not reach the sum.
    return torch.where(known, errors, 0).sum() / known.sum().clamp_min(1)


def l1(prediction: Tensor, disparity: Tensor, known: Tensor) -> Tensor:
    """Return the mean absolute error over the known pixels; all [B, H, W]. Source: GC-Net, eq. 2."""
    errors = (prediction - disparity).abs()
    return torch.where(known, errors, 0).sum() / known.sum().clamp_min(1)


def mixture_target(disparity: Tensor, known: Tensor, num_bins: int, laplace_scale: float) -> tuple[Tensor, Tensor]:
    """Return the distribution over bins that each ¼ position should have.

    It is the mean, over the position's 4×4 known pixels, of a Laplace of `laplace_scale` bins around each pixel's
    disparity, normalized over the bins. A position at a border thus has the two modes that its pixels have, instead of
    a disparity between them that no surface is at.

    Args:
        disparity, known: [B, H, W], px.
        num_bins: D, of 4 px each.
        laplace_scale: In bins.

    Returns: the target [B, D, H/4, W/4], summing to one over D where there is anything to learn, and the weight
        [B, H/4, W/4]: 1 where at least one of the 16 pixels is known and within the bins, 0 elsewhere.
    Source: the Laplace target follows AcfNet (Zhang et al., AAAI 2020) and the mixture the edge-aware supervision of
        later works; the form over the 4×4 pixels is this project's.
    """
    position = F.pixel_unshuffle(disparity.unsqueeze(1), 4) / 4  # [B, 16, H/4, W/4], in bins
    usable = F.pixel_unshuffle(known.unsqueeze(1).to(disparity.dtype), 4).bool() & (position < num_bins - 1)
    bins = torch.arange(num_bins, device=disparity.device, dtype=disparity.dtype).view(1, -1, 1, 1)
    target = disparity.new_zeros(disparity.shape[0], num_bins, *position.shape[2:])
    for pixel in range(16):  # one at a time: all 16 at once would hold 16 volumes
        distance = (bins - position[:, pixel : pixel + 1]).abs() / laplace_scale
        laplace = torch.softmax(-distance, dim=1)
        target += torch.where(usable[:, pixel : pixel + 1], laplace, 0)
    count = usable.sum(dim=1, keepdim=True)
    return target / count.clamp_min(1), (count.squeeze(1) > 0).to(disparity.dtype)


def multi_modal_target(
    disparity: Tensor, known: Tensor, num_bins: int, factor: int, laplace_scale: float
) -> tuple[Tensor, Tensor]:
    """Return the distribution over bins that each position should have: the mean of its pixels' multi-modal ones.

    Args:
        disparity, known: [B, H, W], px.
        num_bins: D, of `factor` px each.
        factor: A position has so many pixels along each axis: 1 at full resolution, 4 at ¼.
        laplace_scale: In bins.

    Returns: the target [B, D, H/factor, W/factor], summing to one over D where there is anything to learn, and the
        weight [B, H/factor, W/factor]: 1 where at least one pixel is known and within the bins, 0 elsewhere.
    Source: Xu et al., CVPR 2024, at full resolution with a scale of 0.8 px; the mean over pixels is this project's.
    """
    usable = known & (disparity < factor * (num_bins - 1))
    modes = find_modes(disparity, usable)
    count = F.pixel_unshuffle(usable.unsqueeze(1).to(disparity.dtype), factor).sum(dim=1, keepdim=True)
    means = F.pixel_unshuffle(modes.means, factor) / factor  # [B, K factor², h, w], in bins
    weights = F.pixel_unshuffle(modes.weights, factor) / count.clamp_min(1)
    return laplace_mixture(means, weights, num_bins, laplace_scale), (count.squeeze(1) > 0).to(disparity.dtype)


def mixture_cross_entropy(cost: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the mean cross-entropy of softmax(cost) [B, D, h, w] and the target over the positions of weight 1."""
    return mean_of_weight(cross_entropy(cost, target), weight)


def cross_entropy(cost: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of softmax(cost) and the target at each position: [B, D, h, w] twice to [B, h, w]."""
    return -(cost.log_softmax(dim=1) * target).sum(dim=1)


def mean_of_weight(values: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of the values over the positions of weight 1; 0 where there are none."""
    return (values * weight).sum() / weight.sum().clamp_min(1)
