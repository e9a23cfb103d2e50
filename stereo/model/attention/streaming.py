"""Efficient attention in constant extra memory: exact, in two passes over chunks of positions, forward and backward.

The naive form (:class:`stereo.model.attention.EfficientAttention`, `implementation="naive"`) holds queries, keys,
values, both softmaxes and the result for every position. Here X is [C, N], and weights act from the left:

    P = softmax over positions of Wk X          [K, N]   the bias of the keys cancels
    T = P Xᵀ                                    [K, C]   pass one, with a running sum (online softmax)
    M = Wo (T Wvᵀ + bv)ᵀ + bo 1ᵀ / heads        [C, K]   values, reprojection and its bias folded, head by head
    S = softmax over channels of Wq X + bq      [K, N]
    Y = X + M S                                          pass two

since each row of P sums to one, and S sums to one over the channels of each head. With scaling normalization the whole
is one affine map, Y = X + A X + a 1ᵀ, with A and a from X Xᵀ and the sum of X. Beside the output the extra memory is
that of one chunk; 4 K C multiplications for each position replace 2 K C + C V + 2 K V + V C.

The backward pass recomputes chunk by chunk from X, T and the log of the key softmax's sum. What the key softmax's
gradient subtracts, Σ_n P ∂P, is Σ_c T ∂T, so that it too takes one pass.

Source: the algebra is this project's (shared/design.md, "Streaming form"); the online softmax is Milakov & Gimelshein,
    arXiv 1805.02867.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stereo.model.attention.products import Parameters, exact_sums, sum_type
from stereo.model.attention.streaming_scaling import scaling_backward, scaling_forward
from stereo.model.attention.streaming_softmax import softmax_backward, softmax_forward

# Size of one chunk's working set. On a CPU it should stay in the last cache while its products are large enough to be
# shared among the cores; a GPU wants enough work for each of its launches.
CHUNK_BYTES = {"cpu": 4 << 20}
_CHUNK_BYTES_ELSEWHERE = 256 << 20


def streaming_attention(
    x: Tensor,
    keys: tuple[Tensor, Tensor],
    queries: tuple[Tensor, Tensor],
    values: tuple[Tensor, Tensor],
    reprojection: tuple[Tensor, Tensor],
    num_heads: int = 1,
    normalization: str = "softmax",
    chunk_size: int | None = None,
    onto: Tensor | None = None,
) -> Tensor:
    """Return efficient attention over x, with its projections and reprojection, added to x or to another map.

    Args:
        x: [B, C, *spatial], in any layout. Under autocast and in half precision sums are kept in float32.
        keys, queries, values, reprojection: weight and bias each; weights [K, C], [K, C], [V, C] and [C, V], trailing
            axes of one allowed.
        num_heads: Divides K and V.
        normalization: softmax or scaling.
        chunk_size: Positions in one chunk. None: as many as fit the cache.
        onto: [B, C, *spatial], what the attention is added to. None: x.

    Returns: the shape, type and layout of what it is added to.
    Raises: RuntimeError on a second derivative, which this form does not have; the naive form does.
    """
    parameters = [
        tensor.flatten(1) if tensor.ndim > 1 else tensor
        for pair in (keys, queries, values, reprojection)
        for tensor in pair
    ]
    return _apply(x, onto, *parameters, num_heads, normalization, chunk_size)


@torch.compiler.disable  # loops whose number depends on the shape; compiled around, not into
def _apply(x: Tensor, *arguments: Any) -> Tensor:
    with exact_sums(x):
        return _StreamingAttention.apply(x, *arguments)


class _StreamingAttention(torch.autograd.Function):
    """Samples have each their own context; the parameters' gradients are summed over them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, onto: Tensor | None, *arguments: Any) -> Tensor:
        *parameters, heads, normalization, chunk_size = arguments
        flat = x.flatten(2)  # [B, C, N]; a copy only where the layout is neither channels-first nor channels-last
        addend = flat if onto is None else onto.flatten(2)
        output = torch.empty_like(addend)
        weights = Parameters(*(parameter.to(sum_type(x.dtype)) for parameter in parameters))
        pass_over, _ = PASSES[normalization]
        statistics: list[Tensor] = []
        for group in _groups(flat):
            chunks = _chunks(flat[group], weights, chunk_size)
            statistics += pass_over(flat[group], addend[group], output[group], weights, heads, chunks)
        ctx.save_for_backward(flat, *parameters, *statistics)
        ctx.settings = (heads, normalization, chunk_size, onto is None)
        return output.unflatten(2, x.shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        with exact_sums(grad_output):
            return _backward(ctx, grad_output)


def _backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
    flat, *saved = ctx.saved_tensors
    parameters, statistics = saved[:8], saved[8:]
    heads, normalization, chunk_size, onto_itself = ctx.settings
    weights = Parameters(*(parameter.to(sum_type(flat.dtype)) for parameter in parameters))
    _, pass_back = PASSES[normalization]
    upstream = grad_output.flatten(2)
    grad = None
    if ctx.needs_input_grad[0]:  # to which the passes add
        grad = torch.empty_like(flat).copy_(upstream) if onto_itself else torch.zeros_like(flat)
    totals = [torch.zeros_like(weight) for weight in weights]
    for index, group in enumerate(_groups(flat)):
        grad_group = None
        if grad is not None:  # summed over two passes, which half precision would round in between
            grad_group = grad[group].to(sum_type(flat.dtype))
        kept = statistics[2 * index : 2 * index + 2]
        chunks = _chunks(flat[group], weights, chunk_size)
        gradients = pass_back(flat[group], upstream[group], grad_group, weights, heads, kept, chunks)
        for total, gradient in zip(totals, gradients, strict=True):
            total += gradient
        if grad is not None and grad_group is not None and grad.dtype != grad_group.dtype:
            grad[group] = grad_group
    return (
        None if grad is None else grad.unflatten(2, grad_output.shape[2:]),
        grad_output if ctx.needs_input_grad[1] else None,
        *(
            total.to(parameter.dtype) if needed else None
            for total, parameter, needed in zip(totals, parameters, ctx.needs_input_grad[2:10], strict=True)
        ),
        *(None, None, None),
    )


def _groups(x: Tensor) -> list[slice]:
    """Slices over the samples of x [B, C, N] that go through the passes together.

    A CPU takes them one by one, since the working set of one should stay in its cache; a GPU takes all at once, since
    the launches of one take longer than its work.
    """
    size = 1 if x.device.type == "cpu" else len(x)
    return [slice(start, start + size) for start in range(0, len(x), max(1, size))]


def _chunks(x: Tensor, weights: Parameters, size: int | None) -> list[slice]:
    """Slices over the positions of x [G, C, N]."""
    if size is None:
        keys, channels = weights.key_weight.shape
        budget = CHUNK_BYTES.get(x.device.type, _CHUNK_BYTES_ELSEWHERE)
        size = budget // (len(x) * weights.key_weight.element_size() * (2 * channels + 2 * keys)) // 64 * 64
        size = max(1024, size)
    return [slice(start, start + size) for start in range(0, x.shape[-1], size)]


# The forward and the backward pass of each normalization.
PASSES: dict[str, tuple[Any, Any]] = {
    "softmax": (softmax_forward, softmax_backward),
    "scaling": (scaling_forward, scaling_backward),
}
