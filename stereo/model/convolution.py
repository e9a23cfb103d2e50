"""3D convolutions in the form that is fastest on a CPU; up to rounding, values and gradients are the same.

PyTorch gives a convolution of floats on a CPU to oneDNN with exceptions (`use_mkldnn` in ATen/native/Convolution.cpp):
kernels of one tap on one thread, and inputs with B·C·D·H of 20,480 or less, unless the channels come last. These it
unfolds in memory, several times slower.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.model.convolution_gradients import one_channel_conv3d

_UNFOLDED = 20_480


class Conv3d(nn.Conv3d):
    """nn.Conv3d with other ways to compute it on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        # An exported or compiled network has its own way, and an exported one is not for this CPU alone.
        if torch.compiler.is_compiling() or x.device.type != "cpu":
            return super().forward(x)
        if not torch.backends.mkldnn.is_available():
            return super().forward(x)
        if self.kernel_size == (1, 1, 1) and self.padding == (0, 0, 0):
            return self._one_tap(x)
        if self.out_channels == 1 and (self.kernel_size, self.stride, self.padding) == ((3,) * 3, (1,) * 3, (1,) * 3):
            return self._one_channel(x)
        if x.shape[:4].numel() <= _UNFOLDED and not torch.is_grad_enabled():  # in training the channels come last
            return self._transposed(x)
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

    def _transposed(self, x: Tensor) -> Tensor:
        """Return the convolution with D and W in each other's place: W is longer, and oneDNN takes it."""
        stride, padding = self.stride[::-1], self.padding[::-1]
        output = F.conv3d(x.transpose(2, 4), self.weight.transpose(2, 4), self.bias, stride, padding)
        return output.transpose(2, 4)


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
