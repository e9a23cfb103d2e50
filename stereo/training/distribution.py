"""One network trained by several processes, each with its share of the batch."""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from stereo.model.network import StereoNetwork
from stereo.processes import Processes


def distribute(
    network: StereoNetwork, processes: Processes, device: torch.device, synchronize_batch_norm: bool
) -> nn.Module:
    """Return the network wrapped for training in several processes; itself where there is one.

    Args:
        synchronize_batch_norm: Batch normalization takes its statistics over the whole batch, and not over each
            process's share. The network itself is changed, but neither its weights nor what it gives in evaluation.
    """
    if processes.size == 1:
        return network
    on_cuda = device.type == "cuda"
    if synchronize_batch_norm:
        if on_cuda:
            nn.SyncBatchNorm.convert_sync_batchnorm(network)
        else:
            _synchronize(network)
    # Statistics need no broadcast: where they are not synchronized, those of process 0 are saved and validated.
    return nn.parallel.DistributedDataParallel(module=network, device_ids=[device.index] if on_cuda else None)


class SynchronizedBatchNorm(_BatchNorm):
    """Batch normalization over the batches of all processes: torch.nn.SyncBatchNorm, which is for GPUs alone, on a CPU.

    The mean comes first and then the mean square of what is left, since the difference of two large sums would lose the
    digits of a small variance. Sums and their gradients go around in single precision.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Take input with any number of axes."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        count = x.new_full((1,), x.numel() / x.shape[1])
        sums = _Total.apply(torch.cat([x.sum(axes), count]))
        mean, count = sums[:-1] / sums[-1], sums[-1].detach()
        centered = x - mean.view(shape)
        variance = _Total.apply(centered.square().sum(axes)) / count
        self._update_statistics(mean.detach(), variance.detach() * count / (count - 1))
        scaled = centered * (variance + self.eps).rsqrt().view(shape)
        return (scaled * self.weight.view(shape) + self.bias.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _update_statistics(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked += 1


class _Total(torch.autograd.Function):
    """The sum of a tensor over all processes, whose gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Total.forward(ctx, gradient)


def _synchronize(module: nn.Module) -> None:
    """Replace every batch normalization of a module, in place, by one that has the same weights and statistics."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            replacement = SynchronizedBatchNorm(child.num_features, child.eps, child.momentum)
            for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                setattr(replacement, part, getattr(child, part))
            replacement.train(child.training)
            setattr(module, name, replacement)
        else:
            _synchronize(child)
