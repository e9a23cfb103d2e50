"""What the streaming and the folded form of efficient attention share: the parameters, and products of their parts."""

from typing import NamedTuple

import torch
from torch import Tensor


class Parameters(NamedTuple):
    """The weights and biases of efficient attention, without axes of one."""

    key_weight: Tensor  # [K, C]
    key_bias: Tensor  # [K]
    query_weight: Tensor  # [K, C]
    query_bias: Tensor  # [K]
    value_weight: Tensor  # [V, C]
    value_bias: Tensor  # [V]
    reprojection_weight: Tensor  # [C, V]
    reprojection_bias: Tensor  # [C]


def sum_type(dtype: torch.dtype) -> torch.dtype:
    """Return the type that sums are kept in: float32 for half precision, else the type itself."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def exact_sums(x: Tensor) -> torch.autocast:
    """Return a context without autocast, which would round what is summed; parts are made float32 one by one."""
    return torch.autocast(x.device.type, enabled=False)


def part_of(x: Tensor, chunk: slice) -> Tensor:
    """Return a chunk of the positions of x [C, N], in the type that sums are kept in."""
    return x[:, chunk].to(sum_type(x.dtype))


def by_head(x: Tensor, heads: int) -> Tensor:
    """Return x [heads · c, n] as [heads, c, n]."""
    return x.unflatten(0, (heads, -1))


def write_sum(target: Tensor, addend: Tensor, matrix: Tensor, part: Tensor) -> None:
    """Write target = addend + matrix @ part, without a temporary where the types agree."""
    if target.dtype == addend.dtype:
        torch.addmm(addend, matrix.detach(), part, out=target)
    else:
        target.copy_(torch.addmm(addend, matrix, part))


def contract(a: Tensor, b: Tensor) -> Tensor:
    """Return a [K, n] times the transpose of b [C, n], in as many blocks of n as there are threads.

    So small a product is not shared among threads by the library, however long the inner dimension.
    """
    blocks = torch.get_num_threads() if a.device.type == "cpu" else 1
    if blocks == 1 or a.shape[1] % blocks:
        return a @ b.t()
    return torch.bmm(a.unflatten(1, (blocks, -1)).movedim(1, 0), b.unflatten(1, (blocks, -1)).permute(1, 2, 0)).sum(0)


def reproject(
    heads: int,
    context: Tensor,
    key_sums: Tensor,
    value_weight: Tensor,
    value_bias: Tensor,
    reprojection_weight: Tensor,
) -> Tensor:
    """Return values of the context, then the reprojection: T [..., K, C] to [..., C, K].

    Args:
        key_sums: [K, 1], over the positions of the normalized keys.
    """
    values = by_head(value_weight, heads).transpose(1, 2)  # [heads, C, V / heads]
    bias = by_head(key_sums, heads) * value_bias.view(heads, 1, -1)
    per_head = context.unflatten(-2, (heads, -1)) @ values + bias  # [..., heads, K / heads, V / heads]
    reprojection = reprojection_weight.unflatten(1, (heads, -1)).movedim(1, 0)  # [heads, C, V / heads]
    return (reprojection @ per_head.transpose(-2, -1)).movedim(-3, -2).flatten(-2)
