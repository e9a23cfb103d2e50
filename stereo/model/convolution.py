"""3D convolutions in the form that is fastest on a CPU; up to rounding, values and gradients are the same.

PyTorch gives a convolution of floats on a CPU to oneDNN with exceptions (`use_mkldnn` in ATen/native/Convolution.cpp):
kernels of one tap on one thread, and inputs with B·C·D·H of 20,480 or less, unless the channels come last. These it
unfolds in memory, several times slower. Of few output channels it computes a vector's worth all the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.model.convolution_gradients import one_channel_conv3d

_UNFOLDED = 20_480
# Output channels that half a vector of AVX-512 holds.
_HALF_VECTOR = 8
_pairs_allowed = True


class Conv3d(nn.Conv3d):
    """nn.Conv3d with other ways to compute it on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        if not _is_ours(self, x):
            return super().forward(x)
        if self.kernel_size == (1, 1, 1) and self.padding == (0, 0, 0):
            return self._one_tap(x)
        if self.out_channels == 1 and (self.kernel_size, self.stride, self.padding) == ((3,) * 3, (1,) * 3, (1,) * 3):
            return self._one_channel(x)
        if x.shape[:4].numel() <= _UNFOLDED and not torch.is_grad_enabled():  # in training the channels come last
            return self._transposed(x)
        if (self.kernel_size, self.stride, self.padding) == ((3,) * 3, (1,) * 3, (1,) * 3) and _pairs_pay(self, x):
            return self._paired(x)
        return super().forward(x)

    def _one_tap(self, x: Tensor) -> Tensor:
        """Return the convolution with a dilation, which one tap does not feel and oneDNN takes."""
        return F.conv3d(x, self.weight, self.bias, self.stride, dilation=2)

    def _one_channel(self, x: Tensor) -> Tensor:
        """Return the one output channel as the sum of three, one for each tap along D, shifted along D.

        oneDNN computes a block of channels even where one is wanted; so it has three, in a third of the work.
        """
        batch, depth = x.shape[0], x.shape[2]
        taps = self.weight[0].transpose(0, 1)  # [3, C, 3, 3]
        planes = F.conv2d(x.transpose(1, 2).flatten(0, 1), taps, padding=1).view(batch, depth, 3, *x.shape[3:])
        output = planes[:, :, 1].clone()
        output[:, 1:] += planes[:, :-1, 0]
        output[:, :-1] += planes[:, 1:, 2]
        output = output.unsqueeze(1)
        return output if self.bias is None else output + self.bias

    def _paired(self, x: Tensor) -> Tensor:
        """Return the convolution as one that gives two columns at once, from the four that they see; W is even."""
        left, right = F.pad(self.weight, (0, 1)), F.pad(self.weight, (1, 0))
        weight = torch.cat([left, right]).to(memory_format=torch.channels_last_3d)
        return _unpaired(F.conv3d(x, weight, _twice(self.bias), (1, 1, 2), padding=1))

    def _transposed(self, x: Tensor) -> Tensor:
        """Return the convolution with D and W in each other's place: W is longer, and oneDNN takes it."""
        stride, padding = self.stride[::-1], self.padding[::-1]
        output = F.conv3d(x.transpose(2, 4), self.weight.transpose(2, 4), self.bias, stride, padding)
        return output.transpose(2, 4)


class ConvTranspose3d(nn.ConvTranspose3d):
    """nn.ConvTranspose3d with another way to compute it on a CPU."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        doubles = (self.kernel_size, self.stride, self.padding) == ((4,) * 3, (2,) * 3, (1,) * 3)
        if (
            doubles
            and self.output_padding == (0, 0, 0)
            and output_size is None
            and _is_ours(self, x)
            and _pairs_pay(self, x)
        ):
            return self._paired(x)
        return super().forward(x, output_size)

    def _paired(self, x: Tensor) -> Tensor:
        """Return the transposed convolution as one that keeps W and gives the two columns of each at once."""
        # An even column is seen from the input column before its own (tap 3) and its own (1), an odd one from its own
        # (2) and the one after (0). Of three taps at stride 1 the last lies on the column before, the first on the one
        # after.
        none = torch.zeros_like(self.weight[..., 0])
        even = torch.stack([none, self.weight[..., 1], self.weight[..., 3]], dim=-1)
        odd = torch.stack([self.weight[..., 0], self.weight[..., 2], none], dim=-1)
        weight = torch.cat([even, odd], dim=1).to(memory_format=torch.channels_last_3d)
        return _unpaired(F.conv_transpose3d(x, weight, _twice(self.bias), (2, 2, 1), padding=1))


def _is_ours(layer: nn.Conv3d | nn.ConvTranspose3d, x: Tensor) -> bool:
    """Return whether a form of this file may be taken: on a CPU with oneDNN, of a layer without what no form knows.

    An exported or compiled network has its own way, and an exported one is not for this CPU alone.
    """
    if torch.compiler.is_compiling() or x.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    plain = (layer.groups, layer.dilation, layer.padding_mode) == (1, (1, 1, 1), "zeros")
    return plain and not isinstance(layer.padding, str)


def _pairs_pay(layer: nn.Conv3d | nn.ConvTranspose3d, x: Tensor) -> bool:
    """Return whether a layer of few output channels is faster, for inference, when it computes two columns at once.

    They take 4/3 of the multiplications and half of the vectors of 16 floats, of which AVX-512 alone has any. With the
    channels last the two columns' channels lie in memory as the channels of two columns do, so that nothing has to be
    moved. Training gains nothing: the backward pass is slower by what the forward pass is faster.
    """
    return (
        _pairs_allowed
        and not torch.is_grad_enabled()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and layer.out_channels <= _HALF_VECTOR
        and layer.weight.is_contiguous(memory_format=torch.channels_last_3d)
        and x.shape[:4].numel() > _UNFOLDED  # a transposed convolution with four taps along H and W is not unfolded
        and x.shape[-1] % 2 == 0
    )


@contextmanager
def single_columns() -> Iterator[None]:
    """Within the block no layer computes two columns at once: its multiplications are those of the network."""
    global _pairs_allowed
    before, _pairs_allowed = _pairs_allowed, False
    try:
        yield
    finally:
        _pairs_allowed = before


def _unpaired(x: Tensor) -> Tensor:
    """Return [B, C, D, H, 2W] of [B, 2C, D, H, W], whose channels are those of an even column and of an odd one."""
    columns = x.permute(0, 2, 3, 4, 1)  # no copy where the channels are last in memory
    batch, depth, height, width, channels = columns.shape
    return columns.reshape(batch, depth, height, 2 * width, channels // 2).permute(0, 4, 1, 2, 3)


def _twice(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias.repeat(2)


class CostConv3d(Conv3d):
    """The last convolution of a head, to costs: in float32 in mixed precision too.

    Of a cost of 20, bf16 keeps 3 digits, so that the softmax over the disparities would be wrong by several percent.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_autocast_enabled(x.device.type):
            return self._convolved(x)
        with torch.autocast(x.device.type, enabled=False):
            return self._convolved(x.float())

    def _convolved(self, x: Tensor) -> Tensor:
        if x.device.type != "cuda" or not torch.is_grad_enabled() or torch.compiler.is_compiling():
            return super().forward(x)
        if self.kernel_size != (3, 3, 3) or self.padding != (1, 1, 1) or self.out_channels > 1 or self.bias is not None:
            return super().forward(x)
        return one_channel_conv3d(x, self.weight)
