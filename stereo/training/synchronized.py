"""Batch normalization over the shares of all processes, on a CPU; for CUDA PyTorch has nn.SyncBatchNorm."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """Batch normalization whose statistics, in training, are those of the batch of all processes together.

    Args:
        like: Its parameters and buffers are taken over, under the same names.
        group: The processes. It should be their own for this: gradients are exchanged meanwhile.
    """

    def __init__(self, like: _BatchNorm, group: distributed.ProcessGroup | None) -> None:
        super().__init__(like.num_features, like.eps, like.momentum, like.affine, like.track_running_stats)
        self.weight, self.bias = like.weight, like.bias
        self.running_mean, self.running_var = like.running_mean, like.running_var
        self.num_batches_tracked = like.num_batches_tracked
        self.group = group

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        x = input.float()
        axes = [0, *range(2, x.ndim)]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        own = x.new_tensor([x.numel() / x.shape[1]])
        sums = _Total.apply(torch.cat([x.sum(axes), own]), self.group)
        count = sums[-1]
        mean = sums[:-1] / count
        centered = x - mean.view(shape)
        variance = _Total.apply((centered**2).sum(axes), self.group) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1))
        normalized = centered * torch.rsqrt(variance + self.eps).view(shape)
        return (normalized * self.weight.view(shape) + self.bias.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class _Total(torch.autograd.Function):
    """The sum of a tensor over the processes of a group, whose gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, group: distributed.ProcessGroup | None) -> Tensor:
        ctx.group = group
        return _total(own, group)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _total(gradient, ctx.group), None


def _total(own: Tensor, group: distributed.ProcessGroup | None) -> Tensor:
    total = own.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total, group=group)
    return total


def share_batch_norm(module: nn.Module, group: distributed.ProcessGroup | None = None) -> None:
    """Let all batch normalization within a module share its statistics among the processes, in place."""
    group = distributed.new_group() if group is None else group
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, SharedBatchNorm(child, group))
        else:
            share_batch_norm(child, group)
