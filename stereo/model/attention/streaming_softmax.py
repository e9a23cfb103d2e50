"""The two passes of streaming attention with softmax normalization, forward and backward."""

import math

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from stereo.model.attention.products import (
    Parameters,
    add_product,
    by_head,
    contract,
    part_of,
    product,
    reproject,
    write_sum,
)

# Logits are formed to base 2, since exp2 is faster than exp on a CPU.
_LOG2_E = math.log2(math.e)
# Sums of exponentials within 2^±64 have neither overflowed nor lost anything to underflow.
_SAFE = 2.0**64


def softmax_forward(
    x: Tensor, addend: Tensor, output: Tensor, weights: Parameters, heads: int, chunks: list[slice]
) -> list[Tensor]:
    """Write addend plus attention over x of some samples, all [G, C, N].

    Returns: T [G, K, C] and the base-2 log-sum-exp of the keys [G, K, 1].
    """
    context, log_sum = _key_context(x, weights.key_weight, chunks)
    folded = _fold(heads, context, *weights[4:])
    for chunk in chunks:
        part = part_of(x, chunk)
        write_sum(output[..., chunk], part_of(addend, chunk), folded, _query_softmax(part, weights, heads))
    return [context, log_sum]


def softmax_backward(
    x: Tensor,
    upstream: Tensor,
    grad: Tensor | None,
    weights: Parameters,
    heads: int,
    statistics: list[Tensor],
    chunks: list[slice],
) -> list[Tensor]:
    """Add the gradient of x [G, C, N] through the attention to `grad`, where it is wanted.

    Returns: the gradients of the eight parameters.
    """
    context, log_sum = statistics
    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in (context, *weights[4:])]
        folded = _fold(heads, *leaves)
    grad_folded = torch.zeros_like(folded)
    grad_query_weight = torch.zeros_like(weights.query_weight)
    grad_query_bias = torch.zeros_like(weights.query_bias)
    for chunk in chunks:
        part, upstream_part = part_of(x, chunk), upstream[..., chunk].to(folded.dtype)
        softmax = _query_softmax(part, weights, heads)  # [G, K, n]
        grad_folded += contract(upstream_part, softmax)
        grad_logits = product(folded.detach().mT, upstream_part).mul_(softmax)
        sums = by_head(grad_logits, heads).sum(-2, keepdim=True)  # [G, heads, 1, n]
        by_head(grad_logits, heads).addcmul_(by_head(softmax, heads), sums, value=-1)
        grad_query_weight += contract(grad_logits, part).sum(0)
        grad_query_bias += grad_logits.sum(-1).sum(0)
        if grad is not None:
            add_product(grad[..., chunk], weights.query_weight.t(), grad_logits)

    grad_context, *grads_after = torch.autograd.grad(folded, leaves, grad_folded)
    row_term = (context * grad_context).sum(-1, keepdim=True)  # Σ_n P ∂P
    key_weight_2 = weights.key_weight * _LOG2_E
    grad_key_weight = torch.zeros_like(weights.key_weight)
    for chunk in chunks:
        part = part_of(x, chunk)
        softmax = product(key_weight_2, part, -log_sum).exp2_()  # [G, K, n], of the whole row
        grad_logits = product(grad_context, part, -row_term).mul_(softmax)
        grad_key_weight += contract(grad_logits, part).sum(0)
        if grad is not None:
            add_product(grad[..., chunk], grad_context.mT, softmax)
            add_product(grad[..., chunk], weights.key_weight.t(), grad_logits)
    # Adding a number to a row of logits changes no softmax over that row.
    grad_key_bias = torch.zeros_like(weights.key_bias)
    return [grad_key_weight, grad_key_bias, grad_query_weight, grad_query_bias, *grads_after]


def _key_context(x: Tensor, key_weight: Tensor, chunks: list[slice]) -> tuple[Tensor, Tensor]:
    """Return T = P Xᵀ [G, K, C] and log2 of the sum of 2^logits [G, K, 1], by an online softmax.

    The reference that is subtracted from a row's logits is the maximum of its first chunk. It is raised only where a
    later chunk exceeds it by so much that sums might overflow: looking for the maximum of every chunk costs more than
    all else in a chunk but the products.
    """
    weight = key_weight * _LOG2_E
    samples = len(x)
    reference = weight.new_full((samples, len(weight), 1), -math.inf)
    total = weight.new_zeros(samples, len(weight), 1)
    context = weight.new_zeros(samples, *weight.shape)
    for chunk in chunks:
        part = part_of(x, chunk)
        exponentials = product(weight, part, -reference).exp2_()  # [G, K, n]
        sums = exponentials.sum(-1, keepdim=True)
        # The first chunk, or one far above those before; or not a number.
        if not (_can_be_looked_at(sums) and sums.max() < _SAFE):
            logits = product(weight, part)
            raised = torch.maximum(reference, logits.amax(-1, keepdim=True))
            factor = torch.exp2(reference - raised)
            total, context, reference = total * factor, context * factor, raised
            exponentials = logits.sub_(reference).exp2_()
            sums = exponentials.sum(-1, keepdim=True)
        total += sums
        context += contract(exponentials, part)
    return context / total, reference + total.log2()


def _can_be_looked_at(x: Tensor) -> bool:
    """Return whether values cost nothing to look at: a GPU would have to be waited for, a fake tensor has none."""
    return x.device.type == "cpu" and not isinstance(x, FakeTensor)


def _query_softmax(part: Tensor, weights: Parameters, heads: int) -> Tensor:
    """S [G, K, n] of a chunk [G, C, n]: the softmax over each head's channels."""
    weight, bias = weights.query_weight * _LOG2_E, weights.query_bias[None, :, None] * _LOG2_E
    exponentials = product(weight, part, bias).exp2_()
    per_head = by_head(exponentials, heads)
    sums = per_head.sum(-2, keepdim=True)  # [G, heads, 1, n]
    low, high = sums.aminmax()
    # Large logits want their maximum subtracted.
    if not (_can_be_looked_at(sums) and low > 1 / _SAFE and high < _SAFE):
        logits = by_head(product(weight, part, bias), heads)
        torch.exp2(logits - logits.amax(-2, keepdim=True), out=per_head)
        sums = per_head.sum(-2, keepdim=True)
    per_head /= sums
    return exponentials


def _fold(
    heads: int,
    context: Tensor,
    value_weight: Tensor,
    value_bias: Tensor,
    reprojection_weight: Tensor,
    reprojection_bias: Tensor,
) -> Tensor:
    """M [G, C, K]: what each channel of the queries' softmax adds to the output."""
    alone = context.squeeze(0)  # one sample is computed as if there were no others, as in `product`
    ones = context.new_ones(alone.shape[-2], 1)  # what each row of the keys' softmax sums to
    folded = reproject(heads, alone, ones, value_weight, value_bias, reprojection_weight)
    return (folded + reprojection_bias[:, None] / heads).view(len(context), *folded.shape[-2:])
