"""Dot-product attention, with its N×N map in memory, and the same by PyTorch's fused kernels."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from stereo.model.attention.base import Attention

# The kernels of sdpa. MATH is left out on purpose: it is PyTorch's silent fallback, and it materializes the N×N map.
FUSED_BACKENDS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION]


class DotProductAttention(Attention):
    """Dot-product attention, A = ρ(Q Kᵀ) V, with its N×N map in memory: the non-local block.

    With `softmax`, ρ is the softmax over the keys' positions, without the 1/√K of the Transformer (embedded Gaussian
    of Wang et al., "Non-local Neural Networks", CVPR 2018, eq. 3); with `scaling`, ρ is division by N (eq. 4).
    """

    normalizations: ClassVar[Mapping[str, Any]] = {
        "softmax": lambda similarity: similarity.softmax(dim=3),
        "scaling": lambda similarity: similarity / similarity.shape[3],
    }

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        similarity = queries.transpose(2, 3) @ keys  # [B, heads, N, N]
        similarity = self.normalizations[self.normalization](similarity)
        # Not values @ similarityᵀ, whose gradient would be one more transposed copy of the map.
        return (similarity @ values.transpose(2, 3)).transpose(2, 3)


class FusedDotProductAttention(Attention):
    """Softmax dot-product attention by PyTorch's fused kernels, which never hold the N×N map.

    The same function as :class:`DotProductAttention` with softmax, and the same quadratic work.

    Raises: RuntimeError by PyTorch where no fused kernel takes the input (on CUDA: float64).
    """

    normalizations: ClassVar[Mapping[str, Any]] = {"softmax": None}  # the kernels' own

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        value_channels = values.shape[2]
        # The kernels want positions before channels, channels adjacent in memory, and as many for keys as for values:
        # zeros change neither the products of queries and keys nor the values that are kept.
        channels = max(keys.shape[2], value_channels)
        queries, keys, values = (_pad_channels(part, channels) for part in (queries, keys, values))  # [B, heads, N, C]
        with sdpa_kernel(FUSED_BACKENDS):
            attended = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        return attended[..., :value_channels].transpose(2, 3)


def _pad_channels(x: Tensor, channels: int) -> Tensor:
    """Return x [B, heads, c, N] as contiguous [B, heads, N, channels]."""
    return F.pad(x.transpose(2, 3), (0, channels - x.shape[2])).contiguous()
