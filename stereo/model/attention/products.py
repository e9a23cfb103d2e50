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
    """Return a chunk of the positions of x [..., N], in the type that sums are kept in."""
    return x[..., chunk].to(sum_type(x.dtype))


def by_head(x: Tensor, heads: int) -> Tensor:
    """Return x [..., heads · c, n] as [..., heads, c, n]."""
    return x.unflatten(-2, (heads, -1))


def product(matrix: Tensor, part: Tensor, addend: Tensor | None = None) -> Tensor:
    """Return matrix @ part, and what is to be added: [K, C] or [G, K, C] times [G, C, n] to [G, K, n].

    One sample has products of its own kind, which are faster on a CPU than those of a batch of one. As everywhere here,
    what is added may have axes of one.
    """
    if len(part) == 1:
        alone = matrix if matrix.ndim == 2 else matrix[0]
        return (alone @ part[0] if addend is None else torch.addmm(addend[0], alone, part[0])).unsqueeze(0)
    matrices = matrix.expand(len(part), -1, -1)
    return torch.bmm(matrices, part) if addend is None else torch.baddbmm(addend, matrices, part)


def add_product(target: Tensor, matrix: Tensor, part: Tensor) -> None:
    """Add matrix @ part to target [G, K, n] in place; the shapes are those of `product`."""
    if len(part) == 1:
        target[0].addmm_(matrix if matrix.ndim == 2 else matrix[0], part[0])
    else:
        target.baddbmm_(matrix.expand(len(part), -1, -1), part)


def write_sum(target: Tensor, addend: Tensor, matrix: Tensor, part: Tensor) -> None:
    """Write target = addend + matrix @ part, without a temporary where the types agree; shapes as in `product`."""
    if target.dtype != addend.dtype:
        target.copy_(product(matrix, part, addend))
    elif len(part) == 1:
        torch.addmm(addend[0], (matrix if matrix.ndim == 2 else matrix[0]).detach(), part[0], out=target[0])
    else:
        torch.baddbmm(addend, matrix.detach().expand(len(part), -1, -1), part, out=target)


# Positions that one part of a GPU sums over.
_GPU_BLOCK = 2048


def contract(a: Tensor, b: Tensor) -> Tensor:
    """Return a [G, K, n] times the transpose of b [G, C, n]: [G, K, C], in blocks of n that are summed.

    So small a product is not shared among threads, or among the parts of a GPU, by the library, however long the inner
    dimension. On a CPU there are as many blocks as threads, if they come out even.
    """
    length = a.shape[-1]
    size = _block_size(length, a.device)
    blocked = length // size * size
    if blocked == length == size:
        return torch.bmm(a, b.transpose(1, 2)) if len(a) > 1 else (a[0] @ b[0].t()).unsqueeze(0)
    whole, rest = (slice(0, blocked), slice(blocked, length))
    one, other = (x[..., whole].unflatten(2, (-1, size)).movedim(2, 1).flatten(0, 1) for x in (a, b))
    sums = torch.bmm(one, other.transpose(1, 2)).unflatten(0, (len(a), -1)).sum(1)
    return sums if blocked == length else torch.baddbmm(sums, a[..., rest], b[..., rest].transpose(1, 2))


def _block_size(length: int, device: torch.device) -> int:
    if device.type != "cpu":
        return min(length, _GPU_BLOCK)
    threads = torch.get_num_threads()
    return length if length % threads else length // threads


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
