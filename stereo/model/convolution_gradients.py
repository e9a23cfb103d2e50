"""Convolutions with a backward pass of their own, for GPUs: up to rounding, values and gradients are the same.

cuDNN was seen to take slow kernels for some gradients: of depthwise weights, and of the heads' one channel, two fifths
of a training step of `compact` (docs/training_log.md). Both are few products, and so are they computed here: one for
each tap.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def depthwise_conv2d(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Return the convolution of each channel on its own: x [B, C, H, W], weight [C, 1, kh, kw].

    Raises: RuntimeError on a second derivative, which it does not have.
    """
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight = x.to(dtype), weight.to(dtype)
    output: Tensor = _DepthwiseConv2d.apply(x, weight, stride, padding)
    return output


def one_channel_conv3d(x: Tensor, weight: Tensor) -> Tensor:
    """Return the one output channel of a 3×3×3 convolution with padding: x [B, C, D, H, W], weight [1, C, 3, 3, 3].

    Beside its result it takes 9 times the memory of that for a while.

    Raises: RuntimeError on a second derivative, which it does not have.
    """
    output: Tensor = _OneChannelConv3d.apply(x, weight)
    return output


class _DepthwiseConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, padding = ctx.stride, ctx.padding
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            both, none = [padding, padding], [0, 0]
            wanted = [True, False, False]
            grad_x = torch.ops.aten.convolution_backward(
                upstream, x, weight, None, [stride, stride], both, [1, 1], False, none, len(weight), wanted
            )[0]
        if ctx.needs_input_grad[1]:
            padded = F.pad(x, (padding,) * 4)
            height, width = (stride * (size - 1) + 1 for size in upstream.shape[2:])  # from first to last tap
            taps = [
                (padded[:, :, row : row + height : stride, column : column + width : stride] * upstream).sum(
                    (0, 2, 3), dtype=torch.promote_types(weight.dtype, torch.float32)
                )
                for row in range(weight.shape[2])
                for column in range(weight.shape[3])
            ]
            grad_weight = torch.stack(taps, 1).view(weight.shape).to(weight.dtype)
        return grad_x, grad_weight, None, None


class _OneChannelConv3d(torch.autograd.Function):
    """Nine taps of one plane at a time, as matrix products over the channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        batch, _, depth, height, width = x.shape
        columns = _positions(x)
        output = x.new_zeros(batch, depth + 2, height + 2, width + 2)  # each tap adds to all of its window
        for plane, taps in enumerate(_taps(weight)):
            products = (taps @ columns.t()).view(9, batch, depth, height, width)
            for number, product in enumerate(products):
                output[_window(plane, number, x)] += product
        return output[:, None, 1:-1, 1:-1, 1:-1].contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        batch, channels, depth, height, width = x.shape
        padded = F.pad(upstream[:, 0], (1,) * 6)
        columns = _positions(x)
        grad_columns = torch.zeros_like(columns) if ctx.needs_input_grad[0] else None
        grad_taps = []
        for plane, taps in enumerate(_taps(weight)):
            # The gradient where each tap wrote: [9, B, D, H, W].
            shifted = torch.stack([padded[_window(plane, number, x)] for number in range(9)])
            if grad_columns is not None:
                grad_columns.addmm_(shifted.view(9, -1).t(), taps)
            # Slice by slice, since one sum over all positions is not shared among the parts of a GPU.
            slices = shifted.view(9, batch * depth, -1).movedim(1, 0)
            grad_taps.append((slices @ columns.view(batch * depth, -1, channels)).sum(0))
        grad_x = None
        if grad_columns is not None:
            grad_x = grad_columns.view(batch, depth, height, width, channels).movedim(-1, 1)
        grad_weight = torch.stack(grad_taps).permute(2, 0, 1).reshape(weight.shape)
        return grad_x, grad_weight


def _positions(x: Tensor) -> Tensor:
    """[B, C, D, H, W] as [B·D·H·W, C]: without a copy where the channels come last in memory."""
    return x.movedim(1, -1).reshape(-1, x.shape[1])


def _window(plane: int, number: int, x: Tensor) -> tuple[slice, ...]:
    """Where a tap, by its plane and its number there, writes in a map that is wider than x by one on each side."""
    offsets = (plane, *divmod(number, 3))
    return (
        slice(None),
        *(slice(2 - offset, 2 - offset + size) for offset, size in zip(offsets, x.shape[2:], strict=True)),
    )


def _taps(weight: Tensor) -> Tensor:
    """Weights [1, C, 3, 3, 3] as [3, 9, C]: along D, within a plane, channels."""
    return weight[0].permute(1, 2, 3, 0).flatten(1, 2)
