"""The two passes of streaming attention with scaling normalization, forward and backward."""

import torch
from torch import Tensor

from stereo.model.attention.products import Parameters, add_product, contract, part_of, reproject, write_sum


def scaling_forward(
    x: Tensor, addend: Tensor, output: Tensor, weights: Parameters, heads: int, chunks: list[slice]
) -> list[Tensor]:
    """Write addend plus attention over x of some samples, all [G, C, N].

    Returns: X Xᵀ [G, C, C] and the sum of X [G, C, 1].
    """
    samples, channels, count = x.shape
    gram = weights.key_weight.new_zeros(samples, channels, channels)
    total = weights.key_weight.new_zeros(samples, channels, 1)
    for chunk in chunks:
        part = part_of(x, chunk)
        gram += contract(part, part)
        total += part.sum(-1, keepdim=True)
    matrix, offset = _affine(heads, count, gram, total, weights)
    for chunk in chunks:
        write_sum(output[..., chunk], part_of(addend, chunk), matrix, part_of(x, chunk))
        output[..., chunk] += offset
    return [gram, total]


def scaling_backward(
    x: Tensor,
    upstream: Tensor,
    grad: Tensor | None,
    weights: Parameters,
    heads: int,
    statistics: list[Tensor],
    chunks: list[slice],
) -> list[Tensor]:
    """As :func:`stereo.model.attention.streaming_softmax.softmax_backward`."""
    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in (*statistics, *weights)]
        matrix, offset = _affine(heads, x.shape[-1], leaves[0], leaves[1], Parameters(*leaves[2:]))
    grad_matrix, grad_offset = torch.zeros_like(matrix), torch.zeros_like(offset)
    for chunk in chunks:
        upstream_part = upstream[..., chunk].to(matrix.dtype)
        grad_matrix += contract(upstream_part, part_of(x, chunk))
        grad_offset += upstream_part.sum(-1, keepdim=True)
    grad_gram, grad_total, *grads = torch.autograd.grad([matrix, offset], leaves, [grad_matrix, grad_offset])
    if grad is not None:
        symmetric = grad_gram + grad_gram.mT
        for chunk in chunks:
            upstream_part = upstream[..., chunk].to(matrix.dtype)
            add_product(grad[..., chunk], matrix.detach().mT, upstream_part)
            add_product(grad[..., chunk], symmetric, part_of(x, chunk))
            grad[..., chunk] += grad_total
    return grads


def _affine(heads: int, count: int, gram: Tensor, total: Tensor, weights: Parameters) -> tuple[Tensor, Tensor]:
    """A [G, C, C] and a [G, C, 1] of Y = X + A X + a 1ᵀ, from X Xᵀ and the sum of X over `count` positions, of the same
    shapes."""
    scale = count**-0.5
    samples, gram, total = len(gram), gram.squeeze(0), total.squeeze(0)  # one sample as if alone, as in `product`
    key_bias, query_bias = weights.key_bias[:, None], weights.query_bias[:, None]
    context = (weights.key_weight @ gram + key_bias @ total.mT) * scale  # [G, K, C]
    key_sums = (weights.key_weight @ total + count * key_bias) * scale  # [G, K, 1]
    folded = reproject(heads, context, key_sums, *weights[4:7]) * scale  # [G, C, K]
    matrix, offset = folded @ weights.query_weight, folded @ query_bias + weights.reprojection_bias[:, None]
    return matrix.view(samples, *matrix.shape[-2:]), offset.view(samples, -1, 1)
