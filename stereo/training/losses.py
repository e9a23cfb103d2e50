"""What training minimizes, over all supervised outputs of the network."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stereo.config import LossConfig
from stereo.model.regression import SupervisedOutput, TrilinearUpsampling, Upsampling
from stereo.training.multi_modal import find_modes, laplace_mixture


class Truth(NamedTuple):
    """What the outputs of a batch, or of a part of it, are compared with.

    disparity: [B, H, W], px. known: bool [B, H, W]: pixels whose disparity is known and within the network's range.
    num_bins: D, of 4 px each.
    pixels, positions: so many known pixels, and positions of the volume with any of them, the whole batch has: the
        losses are means over these, so that those of its parts add up to that of the batch.
    """

    disparity: Tensor
    known: Tensor
    num_bins: int
    pixels: Tensor
    positions: Tensor

    def of(self, samples: slice) -> "Truth":
        """Return that of some samples, as a part of this batch."""
        return self._replace(disparity=self.disparity[samples], known=self.known[samples])


def truth_of(
    disparity: Tensor,
    valid: Tensor,
    max_disparity: int,
    config: LossConfig,
    regression: Upsampling | None = None,
) -> Truth:
    """Return what the outputs of a whole batch are compared with.

    Args:
        disparity: [B, H, W], px.
        valid: bool [B, H, W], ground truth is known. Pixels beyond the network's range are left out here.
        max_disparity: The network's range, px.
        regression: The network's, which says at what resolution it estimates disparity. None: at ¼.
    """
    known = valid & (disparity > 0) & (disparity < max_disparity)
    factor = _volume_factor(config, regression)
    positions = positions_of(known & (disparity < max_disparity - factor), factor)
    return Truth(disparity, known, max_disparity // 4, known.sum(), positions.sum())


def stereo_loss(
    predictions: Sequence[SupervisedOutput],
    disparity: Tensor,
    valid: Tensor,
    max_disparity: int,
    config: LossConfig,
    regression: Upsampling | None = None,
) -> Tensor:
    """Return the configured loss, summed over the supervised outputs with their weights: a scalar.

    Args:
        predictions: As for :func:`output_losses`. The others as for :func:`truth_of`.
    """
    truth = truth_of(disparity, valid, max_disparity, config, regression)
    return sum_of(output_losses(predictions, truth, config, regression))


def sum_of(parts: Sequence[Tensor]) -> Tensor:
    """Return the sum of some scalars, at least one."""
    return sum(parts[1:], parts[0])


def output_losses(
    predictions: Sequence[SupervisedOutput], truth: Truth, config: LossConfig, regression: Upsampling | None = None
) -> list[Tensor]:
    """Return the configured loss of each supervised output, times its weight.

    Args:
        predictions: The network's outputs, first to last; at least the first has a cost.
        regression: As for :func:`truth_of`.

    Returns: scalars; 0 (with a gradient of 0) where no pixel is valid.
    """
    output_loss = LOSSES[config.kind](truth, config, regression)
    weights = weights_of_outputs(predictions, config)
    return [weight * output_loss(prediction) for prediction, weight in zip(predictions, weights, strict=True)]


def weights_of_outputs(predictions: Sequence[SupervisedOutput], config: LossConfig) -> list[float]:
    """Return the weight of each supervised output."""
    costs = sum(prediction.cost is not None for prediction in predictions)
    return config.weights_of(costs, len(predictions) - costs)


def _volume_factor(config: LossConfig, regression: Upsampling | None) -> int:
    """Return how many pixels along each axis a position has at which the volume is compared with the truth."""
    return 1 if config.kind == "multi_modal" and isinstance(regression, TrilinearUpsampling) else 4


# The loss of one output of the network, a scalar.
OutputLoss = Callable[[SupervisedOutput], Tensor]


def _smooth_l1_loss(truth: Truth, config: LossConfig, regression: Upsampling | None) -> OutputLoss:
    return lambda prediction: smooth_l1(prediction.disparity, truth.disparity, truth.known, truth.pixels)


def _l1_loss(truth: Truth, config: LossConfig, regression: Upsampling | None) -> OutputLoss:
    return lambda prediction: l1(prediction.disparity, truth.disparity, truth.known, truth.pixels)


def _mixture_loss(truth: Truth, config: LossConfig, regression: Upsampling | None) -> OutputLoss:
    target, weight = mixture_target(truth.disparity, truth.known, truth.num_bins, config.laplace_scale)
    return _with_smooth_l1(
        lambda cost: mean_of_weight(cross_entropy(cost, target), weight, truth.positions), truth, config
    )


def _multi_modal_loss(truth: Truth, config: LossConfig, regression: Upsampling | None) -> OutputLoss:
    factor = _volume_factor(config, regression)
    bins = truth.num_bins * 4 // factor
    target, weight = multi_modal_target(truth.disparity, truth.known, bins, factor, config.laplace_scale)
    if not isinstance(regression, TrilinearUpsampling):
        return _with_smooth_l1(
            lambda cost: mean_of_weight(cross_entropy(cost, target), weight, truth.positions), truth, config
        )

    def of_rows(volume: Tensor, rows: Tensor) -> Tensor:
        return cross_entropy(volume, target[:, :, rows.long()])

    return _with_smooth_l1(
        lambda cost: mean_of_weight(regression.map_rows(cost, of_rows), weight, truth.positions), truth, config
    )


def _with_smooth_l1(volume_loss: Callable[[Tensor], Tensor], truth: Truth, config: LossConfig) -> OutputLoss:
    """Return the loss of the costs plus smooth_l1_weight times the smooth-L1 of the disparity."""

    def loss(prediction: SupervisedOutput) -> Tensor:
        error = smooth_l1(prediction.disparity, truth.disparity, truth.known, truth.pixels)
        if prediction.cost is None:  # refined: there is no distribution over bins to compare with the target
            return error
        return volume_loss(prediction.cost) + config.smooth_l1_weight * error

    return loss


# By loss.kind: from the truth, the settings and the network's regression (None: at ¼) to the loss of each output. What
# all outputs share is computed once.
LOSSES: dict[str, Callable[[Truth, LossConfig, Upsampling | None], OutputLoss]] = {
    "smooth_l1": _smooth_l1_loss,
    "l1": _l1_loss,
    "mixture": _mixture_loss,
    "multi_modal": _multi_modal_loss,
}


def smooth_l1(prediction: Tensor, disparity: Tensor, known: Tensor, count: Tensor | None = None) -> Tensor:
    """Return the mean smooth-L1 (Huber at 1 px) over the known pixels; all [B, H, W].

    Args:
        count: So many pixels are known, where these are a part of them.

    Source: PSMNet, section 3.6.
    """
    return _mean_of_known(F.smooth_l1_loss(prediction, disparity, reduction="none"), known, count)


def l1(prediction: Tensor, disparity: Tensor, known: Tensor, count: Tensor | None = None) -> Tensor:
    """Return the mean absolute error over the known pixels, as :func:`smooth_l1`. Source: GC-Net, eq. 2."""
    return _mean_of_known((prediction - disparity).abs(), known, count)


def _mean_of_known(errors: Tensor, known: Tensor, count: Tensor | None) -> Tensor:
    # where, not indexing: the shape stays static; and an unknown pixel's value (it may be inf) must not reach the sum.
    return torch.where(known, errors, 0).sum() / _at_least_one(known.sum() if count is None else count)


def _at_least_one(count: Tensor) -> Tensor:
    """Return a number of pixels to divide by; 1 where there are none. Of several processes it is a mean, and broken."""
    return torch.where(count > 0, count, 1)


def positions_of(usable: Tensor, factor: int) -> Tensor:
    """Return which positions have a usable pixel: [B, H, W] to bool [B, H/factor, W/factor]."""
    return F.max_pool2d(usable.float().unsqueeze(1), factor, ceil_mode=True).squeeze(1) > 0


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


def cross_entropy(cost: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of softmax(cost) and the target at each position: [B, D, h, w] twice to [B, h, w]."""
    return -(cost.log_softmax(dim=1) * target).sum(dim=1)


def mean_of_weight(values: Tensor, weight: Tensor, count: Tensor | None = None) -> Tensor:
    """Return the mean of the values over the positions of weight 1, `count` in all; 0 where there are none."""
    return (values * weight).sum() / _at_least_one(weight.sum() if count is None else count)
