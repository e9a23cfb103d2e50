"""The adaptive multi-modal ground truth: what the disparities around a pixel say of the modes its distribution has."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# The three as published, see `find_modes`.
_REACH = 4  # pixels to each side of a pixel, so 1×9 in all
_GAP = 3.0  # px; disparities further apart than that, with none between them, are of two surfaces
_OWN_WEIGHT = 0.8  # of the cluster that the pixel itself is in, before the pixels around it share the rest


class Modes(NamedTuple):
    """The modes that the distribution of each pixel should have, [B, K, H, W]; the weights of a pixel sum to 1, or to 0
    where it is not known itself."""

    means: Tensor  # px
    weights: Tensor  # 0 … 1, and 0 of a mode that is not there


def find_modes(disparity: Tensor, known: Tensor) -> Modes:
    """Return the modes of each pixel: one Laplace for each cluster of the disparities in its 1×9 neighborhood.

    Disparities are of one cluster where a chain of steps of at most 3 px joins them. A mode lies at its cluster's mean.
    The pixel's own cluster has the weight 0.8, and the other known pixels share the remaining 0.2 evenly, each for its
    cluster; a pixel without a known neighbor has one mode of weight 1.

    Args:
        disparity, known: [B, H, W], px. What is not known may have any value.

    Source: Xu et al., "Adaptive Multi-Modal Cross-Entropy Loss for Stereo Matching", CVPR 2024. DBSCAN, which they
        cluster by, is this rule where there is one dimension and one pixel makes a cluster. They reflect what lies
        beyond the image; here it is not known.
    """
    width = disparity.shape[-1]
    # Sorted, an infinite disparity comes last, and makes no cluster.
    padded = F.pad(torch.where(known, disparity, torch.inf), (_REACH, _REACH), value=torch.inf)
    columns = torch.stack([padded[..., shift : shift + width] for shift in range(2 * _REACH + 1)], dim=1)
    ordered = columns.sort(dim=1).values  # [B, 9, H, W]
    there = ordered.isfinite()
    values = torch.where(there, ordered, 0)
    begins = there[:, 1:] & (values[:, 1:] - values[:, :-1] > _GAP)
    label = F.pad(begins.long().cumsum(dim=1), (0, 0, 0, 0, 1, 0))
    clusters = int(label.max()) + 1  # nearly always two or three, so that 9 would be much idle work

    shape = (disparity.shape[0], clusters, *disparity.shape[1:])
    counts = disparity.new_zeros(shape).scatter_add_(1, label, there.to(disparity.dtype))
    means = disparity.new_zeros(shape).scatter_add_(1, label, values) / counts.clamp_min(1)
    # The first of the sorted values that is the pixel's own.
    position = (ordered == padded[:, None, :, _REACH : _REACH + width]).to(torch.uint8).argmax(dim=1, keepdim=True)
    own = torch.zeros(shape, dtype=torch.bool, device=disparity.device)
    own.scatter_(1, label.gather(1, position), True)

    others = counts.sum(dim=1, keepdim=True) - 1
    shared = (1 - _OWN_WEIGHT) * (counts - own.to(counts.dtype)) / others.clamp_min(1)
    own_weight = 1 - (1 - _OWN_WEIGHT) * (others > 0).to(counts.dtype)
    weights = torch.where(own, own_weight + shared, shared)
    return Modes(means, torch.where(known[:, None], weights, 0))


def laplace_mixture(means: Tensor, weights: Tensor, num_bins: int, scale: float) -> Tensor:
    """Return the sum of Laplaces over the bins: [B, K, H, W] twice to [B, D, H, W].

    Args:
        means: In bins.
        weights: Of each Laplace, which sums to 1 over the bins.
        num_bins: D.
        scale: In bins.
    """
    bins = torch.arange(num_bins, device=means.device, dtype=means.dtype).view(1, -1, 1, 1)
    mixture = means.new_zeros(means.shape[0], num_bins, *means.shape[2:])
    for mean, weight in zip(means.split(1, dim=1), weights.split(1, dim=1), strict=True):  # all at once: K volumes
        mixture += weight * torch.softmax(-(bins - mean).abs() / scale, dim=1)
    return mixture
