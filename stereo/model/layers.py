"""The building blocks that the 2D and 3D parts share: convolution, batch normalization, ReLU."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import reduce
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import skip_init
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint

from stereo.model.convolution import Conv3d, ConvTranspose3d

Layer = TypeVar("Layer", bound=nn.Module)


def conv2d(
    in_channels: int,
    out_channels: int,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    relu: bool = True,
) -> nn.Sequential:
    """Return a 2D convolution that keeps the size (over stride), batch normalization and, by default, ReLU."""
    padding = dilation * (kernel // 2)
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def conv3d(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """Return a 3D convolution that keeps the size (over stride), batch normalization and, by default, ReLU."""
    layers: list[nn.Module] = [
        Conv3d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm3d(out_channels),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def upconv3d(in_channels: int, out_channels: int, kernel: int = 4) -> nn.Sequential:
    """Return a 3D transposed convolution that doubles every axis, and batch normalization.

    Kernel 4 at stride 2 covers each output equally often, where 3, as in PSMNet, leaves a checkerboard.
    """
    return nn.Sequential(
        ConvTranspose3d(in_channels, out_channels, kernel, stride=2, padding=1, output_padding=kernel % 2, bias=False),
        nn.BatchNorm3d(out_channels),
    )


class PointwiseConv(nn.Conv1d):
    """A 1×1 convolution over flattened positions, [B, C, N] to [B, C', N].

    Its weights are the same for 1, 2 and 3 spatial axes, so a state dictionary written for one of them (the official
    2D module's weight is [C', C, 1, 1]) loads into any: trailing axes of size one are dropped or added on loading.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=1)

    def parts(self) -> tuple[Tensor, Tensor]:
        """Return the weight and the bias."""
        assert self.bias is not None
        return self.weight, self.bias

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        weight = state_dict.get(prefix + "weight")
        if isinstance(weight, Tensor) and weight.ndim >= 2 and all(size == 1 for size in weight.shape[2:]):
            state_dict[prefix + "weight"] = weight.reshape(*weight.shape[:2], 1)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def zeroed(kind: type[Layer], *arguments: Any, **options: Any) -> Layer:
    """Return a layer whose parameters are zero, made without a random draw: all other weights are as without it."""
    layer: Layer = skip_init(kind, *arguments, device=torch.get_default_device(), **options)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around a skip connection, [B, C, H, W] to the same."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(conv2d(channels, channels, dilation=dilation), conv2d(channels, channels, relu=False))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.body(x))


def concatenate(maps: list[Tensor]) -> Tensor:
    """Return maps [B, C, H, W] one after the other along the channels; without gradients with the channels last.

    That is how convolutions want them on a CPU. torch.cat gives them so where all maps are so already.
    """
    if torch.is_grad_enabled() or maps[0].device.type != "cpu":
        return torch.cat(maps, dim=1)
    channels = [each.shape[1] for each in maps]
    batch, _, height, width = maps[0].shape
    dtype = reduce(torch.promote_types, (each.dtype for each in maps))
    whole = maps[0].new_empty(batch, height, width, sum(channels), dtype=dtype).permute(0, 3, 1, 2)
    for part, each in zip(whole.split(channels, dim=1), maps, strict=True):
        part.copy_(each)
    return whole


def upsample(x: Tensor) -> Tensor:
    """Return a map [B, C, H, W] at twice its resolution, interpolated between pixel centers."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def recomputed(module: nn.Module, *inputs: Any) -> Any:
    """Return module(*inputs); its intermediate results are not kept for the backward pass but computed again in it."""
    if not torch.is_grad_enabled():
        return module(*inputs)
    contexts = lambda: (nullcontext(), _kept_statistics(module))  # noqa: E731
    return checkpoint(module, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def _kept_statistics(module: nn.Module) -> Iterator[None]:
    """Within the block, batch normalization updates no running statistics: it has seen the batch before."""
    buffers = [buffer for child in module.modules() if isinstance(child, _BatchNorm) for buffer in child.buffers()]
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:  # recomputation is ended by an exception once it has what is needed
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)


def use_group_norm(module: nn.Module) -> None:
    """Put group normalization in the place of all batch normalization within a module.

    A group has 8 channels, or as many as divide both 8 and the layer's. Source: Wu & He, ECCV 2018.
    """
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            channels = child.num_features
            setattr(module, name, nn.GroupNorm(channels // math.gcd(channels, 8), channels, child.eps))
        else:
            use_group_norm(child)


def fold_batch_norm(module: nn.Module) -> None:
    """Fold batch normalization into the convolution before it, in every sequence of the module, in place.

    For inference alone: the outputs are the same up to rounding, one pass over each map is saved, and the state
    dictionary is another. Raises: ValueError in training mode.
    """
    if module.training:
        raise ValueError("batch normalization can be folded in evaluation mode only")
    for sequence in module.modules():
        if not isinstance(sequence, nn.Sequential):
            continue
        for index in range(len(sequence) - 1):
            convolution, normalization = sequence[index], sequence[index + 1]
            if isinstance(convolution, nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d) and isinstance(
                normalization, _BatchNorm
            ):
                transposed = isinstance(convolution, nn.ConvTranspose3d)
                sequence[index] = fuse_conv_bn_eval(convolution, normalization, transpose=transposed)
                sequence[index + 1] = nn.Identity()
