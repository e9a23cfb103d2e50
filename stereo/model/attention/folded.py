"""Efficient attention of many slices by queries and keys that they share: exact, without values for each position.

Guided attention takes queries and keys from the left image, [K, P] for the P positions of a plane, and values from each
of S disparity slices X_s [C, P]. With the normalized keys R and queries U,

    T_s = X_s Rᵀ                                   [C, K]
    M_s = Wo (Wv T_s + bv (R 1)ᵀ), head by head    [C, K]   values and reprojection folded
    Y_s = X_s + M_s U + bo 1ᵀ

so that a position takes 2 K C multiplications where the plain form has 2 C V + 2 K V / heads, and nothing as wide as
the volume is formed but the output. Queries and keys are small beside the volume and need no chunks: this is what
:mod:`stereo.model.attention.streaming` does, with less to stream. The backward pass forms nothing as wide as the volume
but the gradient of X.

Source: the algebra is this project's (shared/design.md, "Guided form").
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stereo.model.attention.products import exact_sums, reproject, sum_type


@torch.compiler.disable  # it writes into views of its output, which the compiler does not follow
def folded_attention(
    x: Tensor,
    keys: Tensor,
    queries: Tensor,
    values: tuple[Tensor, Tensor],
    reprojection: tuple[Tensor, Tensor],
    num_heads: int = 1,
    onto: Tensor | None = None,
) -> Tensor:
    """Return efficient attention of each slice of x, with its values and reprojection, added to x or to another map.

    Args:
        x: [B, C, S, P], in any layout. Under autocast and in half precision sums are kept in float32.
        keys, queries: Normalized, [B, K, P].
        values, reprojection: weight and bias each; weights [V, C] and [C, V], trailing axes of one allowed.
        num_heads: Divides K and V.
        onto: [B, C, S, P], what the attention is added to. None: x.

    Returns: the shape, type and layout of what it is added to.
    Raises: RuntimeError on a second derivative, which this form does not have; the naive form does.
    """
    weights = [tensor.flatten(1) if tensor.ndim > 1 else tensor for tensor in (*values, *reprojection)]
    kept = sum_type(x.dtype)
    # A channel of ones in the queries brings the reprojection's bias along.
    queries = torch.cat([queries, torch.ones_like(queries[:, :1])], dim=1)
    with exact_sums(x):
        output: Tensor = _FoldedAttention.apply(
            x, onto, keys.to(kept), queries.to(kept), *(weight.to(kept) for weight in weights), num_heads
        )
    return output


class _FoldedAttention(torch.autograd.Function):
    """Samples one by one; the parameters' gradients are summed over them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, onto: Tensor | None, keys: Tensor, queries: Tensor, *arguments: Any) -> Tensor:
        *parameters, heads = arguments
        addend = x if onto is None else onto
        output = torch.empty_like(addend)
        contexts = []
        for sample, added, result, key, query in zip(x, addend, output, keys, queries, strict=True):
            slices = _slices(sample)
            context = torch.bmm(slices, _shared(key.t(), slices))
            folded = _fold(heads, context, key.sum(1), *parameters)
            _write_sum(result.movedim(1, 0), slices if onto is None else _slices(added), folded, query)
            contexts.append(context)
        ctx.save_for_backward(x, keys, queries, *parameters, *contexts)
        ctx.heads, ctx.onto_itself = heads, onto is None
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        with exact_sums(grad_output):
            return _backward(ctx, grad_output)


def _backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
    x, keys, queries, *saved = ctx.saved_tensors
    parameters, contexts = saved[:4], saved[4:]
    grad = torch.empty_like(x) if ctx.needs_input_grad[0] else None
    grad_keys, grad_queries = torch.empty_like(keys), torch.empty_like(queries)
    totals = [torch.zeros_like(parameter) for parameter in parameters]
    for index, (sample, key, query, context) in enumerate(zip(x, keys, queries, contexts, strict=True)):
        slices, upstream = _slices(sample), _slices(grad_output[index])  # [S, C, P]
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in (context, key.sum(1), *parameters)]
            folded = _fold(ctx.heads, *leaves)
        grad_folded = torch.bmm(upstream, _shared(query.t(), upstream))
        grad_context, grad_sums, *gradients = torch.autograd.grad(folded, leaves, grad_folded)
        grad_queries[index] = _summed_product(folded.detach(), upstream)
        grad_keys[index] = _summed_product(grad_context, slices) + grad_sums[:, None]
        if grad is not None:
            passed = upstream if ctx.onto_itself else torch.zeros_like(slices)
            _write_sum(grad[index].movedim(1, 0), passed, grad_context, key)
        for total, gradient in zip(totals, gradients, strict=True):
            total += gradient
    return (grad, grad_output if ctx.needs_input_grad[1] else None, grad_keys, grad_queries, *totals, None)


def _fold(
    heads: int,
    context: Tensor,
    key_sums: Tensor,
    value_weight: Tensor,
    value_bias: Tensor,
    reprojection_weight: Tensor,
    reprojection_bias: Tensor,
) -> Tensor:
    """M and, as one more channel of keys, the reprojection's bias: [S, C, K + 1], from T [S, C, K] and R 1 [K]."""
    folded = reproject(heads, context.transpose(1, 2), key_sums[:, None], value_weight, value_bias, reprojection_weight)
    bias = reprojection_bias[:, None].expand(len(context), -1, 1)
    return torch.cat([folded, bias], dim=2)


def _slices(sample: Tensor) -> Tensor:
    """[C, S, P] as [S, C, P], in the type that sums are kept in."""
    return sample.movedim(1, 0).to(sum_type(sample.dtype))


def _shared(matrix: Tensor, slices: Tensor) -> Tensor:
    """The same matrix for each slice, without a copy."""
    return matrix.expand(len(slices), -1, -1)


def _summed_product(matrices: Tensor, slices: Tensor) -> Tensor:
    """Σ_s of the transpose of a matrix [C, K] times its slice [C, P]: [K, P]."""
    zero = slices.new_zeros(())
    return torch.addbmm(zero, matrices.transpose(1, 2), slices, beta=0)


def _write_sum(target: Tensor, addend: Tensor, matrices: Tensor, part: Tensor) -> None:
    """target = addend + matrices @ part, slice by slice, without a temporary where the types agree."""
    if target.dtype == addend.dtype:
        torch.baddbmm(addend, matrices, _shared(part, addend), out=target)
    else:
        target.copy_(torch.baddbmm(addend, matrices, _shared(part, addend)))
