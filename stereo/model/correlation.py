"""The correlation volume of training on a CPU, with a backward pass of its own.

Autograd keeps a padded copy of each plane, and adds the planes' gradients one by one to maps of the whole view: several
times the work of the sums themselves. Here each plane is added where it lies, in float32, and W is last in memory, so
that a CPU adds up the channels of many columns at once.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def correlate(left: Tensor, right: Tensor, start: int, stop: int) -> Tensor:
    """Return the sums of products over the channels of each group at the shifts start … stop − 1.

    Args:
        left, right: [B, G, C, H, W].

    Returns: [B, G, stop − start, H, W] of the type of the views, laid out with the groups last; 0 where the shifted
        column lies outside.
    Raises: RuntimeError on a second derivative, which it does not have.
    """
    volume: Tensor = _Correlation.apply(left, right, start, stop)
    return volume


class _Correlation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, start: int, stop: int) -> Tensor:
        exact = torch.promote_types(left.dtype, torch.float32)
        ctx.type, ctx.start = left.dtype, start
        left, right = (view.to(exact).contiguous() for view in (left, right))
        ctx.save_for_backward(left, right)
        batch, groups, _, height, width = left.shape
        volume = left.new_zeros(batch, stop - start, height, width, groups, dtype=ctx.type).permute(0, 4, 1, 2, 3)
        for index, shift in enumerate(range(start, min(stop, width))):
            volume[:, :, index, :, shift:] = (left[..., shift:] * right[..., : width - shift]).sum(2)
        return volume

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        left, right = ctx.saved_tensors
        width = left.shape[-1]
        planes = upstream.movedim(2, 0).to(left.dtype).contiguous().unsqueeze(3)  # [D, B, G, 1, H, W]
        grad_left, grad_right = torch.zeros_like(left), torch.zeros_like(right)
        for shift, plane in zip(range(ctx.start, width), planes, strict=False):
            plane = plane[..., shift:]
            grad_left[..., shift:].addcmul_(plane, right[..., : width - shift])
            grad_right[..., : width - shift].addcmul_(plane, left[..., shift:])
        return grad_left.to(ctx.type), grad_right.to(ctx.type), None, None
