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

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Logits are formed to base 2, since exp2 is faster than exp on a CPU.
_LOG2_E = math.log2(math.e)
# Sums of exponentials within 2^±64 have neither overflowed nor lost anything to underflow.
_SAFE = 2.0**64
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
) -> Tensor:
    """Return efficient attention over x, with its projections, reprojection and residual.

    Args:
        x: [B, C, *spatial], in any layout. Under autocast and in half precision sums are kept in float32.
        keys, queries, values, reprojection: weight and bias each; weights [K, C], [K, C], [V, C] and [C, V], trailing
            axes of one allowed.
        num_heads: Divides K and V.
        normalization: softmax or scaling.
        chunk_size: Positions in one chunk. None: as many as fit the cache.

    Returns: the shape, type and layout of x.
    Raises: RuntimeError on a second derivative, which this form does not have; the naive form does.
    """
    parameters = [
        tensor.flatten(1) if tensor.ndim > 1 else tensor
        for pair in (keys, queries, values, reprojection)
        for tensor in pair
    ]
    return _apply(x, *parameters, num_heads, normalization, chunk_size)


@torch.compiler.disable  # loops whose number depends on the shape; compiled around, not into
def _apply(x: Tensor, *arguments: Any) -> Tensor:
    with exact_sums(x):
        return _StreamingAttention.apply(x, *arguments)


def exact_sums(x: Tensor) -> torch.autocast:
    """Autocast would round what the chunks are summed from; half precision is taken up chunk by chunk instead."""
    return torch.autocast(x.device.type, enabled=False)


class _StreamingAttention(torch.autograd.Function):
    """Samples one by one, since each has its own context; the parameters' gradients are summed over them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *arguments: Any) -> Tensor:
        *parameters, heads, normalization, chunk_size = arguments
        flat = x.flatten(2)  # [B, C, N]; a copy only where the layout is neither channels-first nor channels-last
        output = torch.empty_like(flat)
        weights = _Parameters(*(parameter.to(sum_type(x.dtype)) for parameter in parameters))
        pass_over, _ = PASSES[normalization]
        statistics: list[Tensor] = []
        for sample, result in zip(flat, output, strict=True):
            statistics += pass_over(sample, result, weights, heads, _chunks(sample, weights, chunk_size))
        ctx.save_for_backward(flat, *parameters, *statistics)
        ctx.settings = (heads, normalization, chunk_size)
        return output.unflatten(2, x.shape[2:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        with exact_sums(grad_output):
            return _backward(ctx, grad_output)


def _backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
    flat, *saved = ctx.saved_tensors
    parameters, statistics = saved[:8], saved[8:]
    heads, normalization, chunk_size = ctx.settings
    weights = _Parameters(*(parameter.to(sum_type(flat.dtype)) for parameter in parameters))
    _, pass_back = PASSES[normalization]
    grad = torch.empty_like(flat) if ctx.needs_input_grad[0] else None
    totals = [torch.zeros_like(weight) for weight in weights]
    for index, (sample, upstream) in enumerate(zip(flat, grad_output.flatten(2), strict=True)):
        grad_sample = None
        if grad is not None:  # summed over two passes, which half precision would round in between
            grad_sample = grad[index].to(sum_type(flat.dtype))
        gradients = pass_back(
            sample,
            upstream,
            grad_sample,
            weights,
            heads,
            statistics[2 * index : 2 * index + 2],
            _chunks(sample, weights, chunk_size),
        )
        for total, gradient in zip(totals, gradients, strict=True):
            total += gradient
        if grad is not None and grad_sample is not None and grad.dtype != grad_sample.dtype:
            grad[index] = grad_sample
    return (
        None if grad is None else grad.unflatten(2, grad_output.shape[2:]),
        *(
            total.to(parameter.dtype) if needed else None
            for total, parameter, needed in zip(totals, parameters, ctx.needs_input_grad[1:9], strict=True)
        ),
        *(None, None, None),
    )


class _Parameters(NamedTuple):
    key_weight: Tensor  # [K, C]
    key_bias: Tensor  # [K]
    query_weight: Tensor  # [K, C]
    query_bias: Tensor  # [K]
    value_weight: Tensor  # [V, C]
    value_bias: Tensor  # [V]
    reprojection_weight: Tensor  # [C, V]
    reprojection_bias: Tensor  # [C]


# ------------------------------------------------------------------------------------------ softmax normalization


def _softmax_forward(x: Tensor, output: Tensor, weights: _Parameters, heads: int, chunks: list[slice]) -> list[Tensor]:
    """Write the output [C, N] of one sample; return T [K, C] and the base-2 log-sum-exp of the keys [K, 1]."""
    context, log_sum = _key_context(x, weights.key_weight, chunks)
    folded = _fold(heads, context, *weights[4:])
    for chunk in chunks:
        part = _part(x, chunk)
        _write_sum(output[:, chunk], part, folded, _query_softmax(part, weights, heads))
    return [context, log_sum]


def _softmax_backward(
    x: Tensor,
    upstream: Tensor,
    grad: Tensor | None,
    weights: _Parameters,
    heads: int,
    statistics: list[Tensor],
    chunks: list[slice],
) -> list[Tensor]:
    """Write the gradient of x [C, N] where it is wanted; return those of the eight parameters."""
    context, log_sum = statistics
    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in (context, *weights[4:])]
        folded = _fold(heads, *leaves)
    grad_folded = torch.zeros_like(folded)
    grad_query_weight = torch.zeros_like(weights.query_weight)
    grad_query_bias = torch.zeros_like(weights.query_bias)
    for chunk in chunks:
        part, upstream_part = _part(x, chunk), upstream[:, chunk].to(folded.dtype)
        softmax = _query_softmax(part, weights, heads)  # [K, n]
        grad_folded += _contract(upstream_part, softmax)
        grad_logits = (folded.detach().t() @ upstream_part).mul_(softmax)
        sums = grad_logits.unflatten(0, (heads, -1)).sum(1, keepdim=True)  # [heads, 1, n]
        _by_head(grad_logits, heads).addcmul_(_by_head(softmax, heads), sums, value=-1)
        grad_query_weight += _contract(grad_logits, part)
        grad_query_bias += grad_logits.sum(1)
        if grad is not None:
            _write_sum(grad[:, chunk], upstream_part, weights.query_weight.t(), grad_logits)

    grad_context, *grads_after = torch.autograd.grad(folded, leaves, grad_folded)
    row_term = (context * grad_context).sum(1, keepdim=True)  # Σ_n P ∂P
    key_weight_2 = weights.key_weight * _LOG2_E
    grad_key_weight = torch.zeros_like(weights.key_weight)
    for chunk in chunks:
        part = _part(x, chunk)
        softmax = torch.addmm(-log_sum, key_weight_2, part).exp2_()  # [K, n], of the whole row
        grad_logits = torch.addmm(-row_term, grad_context, part).mul_(softmax)
        grad_key_weight += _contract(grad_logits, part)
        if grad is not None:
            grad[:, chunk].addmm_(grad_context.t(), softmax).addmm_(weights.key_weight.t(), grad_logits)
    # Adding a number to a row of logits changes no softmax over that row.
    grad_key_bias = torch.zeros_like(weights.key_bias)
    return [grad_key_weight, grad_key_bias, grad_query_weight, grad_query_bias, *grads_after]


def _key_context(x: Tensor, key_weight: Tensor, chunks: list[slice]) -> tuple[Tensor, Tensor]:
    """Return T = P Xᵀ [K, C] and log2 of the sum of 2^logits [K, 1], by an online softmax.

    The reference that is subtracted from a row's logits is the maximum of its first chunk. It is raised only where a
    later chunk exceeds it by so much that sums might overflow: looking for the maximum of every chunk costs more than
    all else in a chunk but the products.
    """
    weight = key_weight * _LOG2_E
    reference = weight.new_full((len(weight), 1), -math.inf)
    total = weight.new_zeros(len(weight), 1)
    context = torch.zeros_like(weight)
    for chunk in chunks:
        part = _part(x, chunk)
        exponentials = torch.addmm(-reference, weight, part).exp2_()  # [K, n]
        sums = exponentials.sum(1, keepdim=True)
        if not sums.max() < _SAFE:  # the first chunk, or one far above those before; or not a number
            logits = weight @ part
            raised = torch.maximum(reference, logits.amax(1, keepdim=True))
            factor = torch.exp2(reference - raised)
            total, context, reference = total * factor, context * factor, raised
            exponentials = logits.sub_(reference).exp2_()
            sums = exponentials.sum(1, keepdim=True)
        total += sums
        context += _contract(exponentials, part)
    return context / total, reference + total.log2()


def _query_softmax(part: Tensor, weights: _Parameters, heads: int) -> Tensor:
    """S [K, n] of a chunk [C, n]: the softmax over each head's channels."""
    weight, bias = weights.query_weight * _LOG2_E, weights.query_bias[:, None] * _LOG2_E
    exponentials = torch.addmm(bias, weight, part).exp2_()
    by_head = _by_head(exponentials, heads)
    sums = by_head.sum(1, keepdim=True)  # [heads, 1, n]
    low, high = sums.aminmax()
    if not (low > 1 / _SAFE and high < _SAFE):  # large logits, which want their maximum subtracted
        logits = _by_head(torch.addmm(bias, weight, part), heads)
        torch.exp2(logits - logits.amax(1, keepdim=True), out=by_head)
        sums = by_head.sum(1, keepdim=True)
    by_head /= sums
    return exponentials


def _fold(
    heads: int,
    context: Tensor,
    value_weight: Tensor,
    value_bias: Tensor,
    reprojection_weight: Tensor,
    reprojection_bias: Tensor,
) -> Tensor:
    """M [C, K]: what each channel of the queries' softmax adds to the output."""
    ones = context.new_ones(len(context), 1)  # what each row of the keys' softmax sums to
    return reproject(heads, context, ones, value_weight, value_bias, reprojection_weight) + (
        reprojection_bias[:, None] / heads
    )


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
    values = _by_head(value_weight, heads).transpose(1, 2)  # [heads, C, V / heads]
    bias = _by_head(key_sums, heads) * value_bias.view(heads, 1, -1)
    per_head = context.unflatten(-2, (heads, -1)) @ values + bias  # [..., heads, K / heads, V / heads]
    reprojection = reprojection_weight.unflatten(1, (heads, -1)).movedim(1, 0)  # [heads, C, V / heads]
    return (reprojection @ per_head.transpose(-2, -1)).movedim(-3, -2).flatten(-2)


# ------------------------------------------------------------------------------------------ scaling normalization


def _scaling_forward(x: Tensor, output: Tensor, weights: _Parameters, heads: int, chunks: list[slice]) -> list[Tensor]:
    """Write the output [C, N] of one sample; return X Xᵀ [C, C] and the sum of X [C, 1]."""
    channels, count = x.shape
    gram = weights.key_weight.new_zeros(channels, channels)
    total = weights.key_weight.new_zeros(channels, 1)
    for chunk in chunks:
        part = _part(x, chunk)
        gram += _contract(part, part)
        total += part.sum(1, keepdim=True)
    matrix, offset = _affine(heads, count, gram, total, weights)
    for chunk in chunks:
        part = _part(x, chunk)
        _write_sum(output[:, chunk], part, matrix, part)
        output[:, chunk] += offset
    return [gram, total]


def _scaling_backward(
    x: Tensor,
    upstream: Tensor,
    grad: Tensor | None,
    weights: _Parameters,
    heads: int,
    statistics: list[Tensor],
    chunks: list[slice],
) -> list[Tensor]:
    """As :func:`_softmax_backward`."""
    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in (*statistics, *weights)]
        matrix, offset = _affine(heads, x.shape[1], leaves[0], leaves[1], _Parameters(*leaves[2:]))
    grad_matrix, grad_offset = torch.zeros_like(matrix), torch.zeros_like(offset)
    for chunk in chunks:
        upstream_part = upstream[:, chunk].to(matrix.dtype)
        grad_matrix += _contract(upstream_part, _part(x, chunk))
        grad_offset += upstream_part.sum(1, keepdim=True)
    grad_gram, grad_total, *grads = torch.autograd.grad([matrix, offset], leaves, [grad_matrix, grad_offset])
    if grad is not None:
        symmetric = grad_gram + grad_gram.t()
        for chunk in chunks:
            upstream_part = upstream[:, chunk].to(matrix.dtype)
            _write_sum(grad[:, chunk], upstream_part, matrix.detach().t(), upstream_part)
            grad[:, chunk].addmm_(symmetric, _part(x, chunk)).add_(grad_total)
    return grads


def _affine(heads: int, count: int, gram: Tensor, total: Tensor, weights: _Parameters) -> tuple[Tensor, Tensor]:
    """A [C, C] and a [C, 1] of Y = X + A X + a 1ᵀ, from X Xᵀ [C, C] and the sum of X [C, 1] over `count` positions."""
    scale = count**-0.5
    key_bias, query_bias = weights.key_bias[:, None], weights.query_bias[:, None]
    context = (weights.key_weight @ gram + key_bias @ total.t()) * scale  # [K, C]
    key_sums = (weights.key_weight @ total + count * key_bias) * scale  # [K, 1]
    folded = reproject(heads, context, key_sums, *weights[4:7]) * scale  # [C, K]
    return folded @ weights.query_weight, folded @ query_bias + weights.reprojection_bias[:, None]


# ------------------------------------------------------------------------------------------------------- chunks


def _chunks(x: Tensor, weights: _Parameters, size: int | None) -> list[slice]:
    """Slices over the positions of x [C, N]."""
    if size is None:
        keys, channels = weights.key_weight.shape
        budget = CHUNK_BYTES.get(x.device.type, _CHUNK_BYTES_ELSEWHERE)
        size = max(1024, budget // (weights.key_weight.element_size() * (2 * channels + 2 * keys)) // 64 * 64)
    return [slice(start, start + size) for start in range(0, x.shape[1], size)]


def _part(x: Tensor, chunk: slice) -> Tensor:
    return x[:, chunk].to(sum_type(x.dtype))


def sum_type(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def _by_head(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(0, (heads, -1))


def _write_sum(target: Tensor, addend: Tensor, matrix: Tensor, part: Tensor) -> None:
    """target = addend + matrix @ part, without a temporary where the types agree."""
    if target.dtype == addend.dtype:
        torch.addmm(addend, matrix.detach(), part, out=target)
    else:
        target.copy_(torch.addmm(addend, matrix, part))


def _contract(a: Tensor, b: Tensor) -> Tensor:
    """a [K, n] times the transpose of b [C, n], in as many blocks of n as there are threads.

    So small a product is not shared among threads by the library, however long the inner dimension.
    """
    blocks = torch.get_num_threads() if a.device.type == "cpu" else 1
    if blocks == 1 or a.shape[1] % blocks:
        return a @ b.t()
    return torch.bmm(a.unflatten(1, (blocks, -1)).movedim(1, 0), b.unflatten(1, (blocks, -1)).permute(1, 2, 0)).sum(0)


# The forward and the backward pass of each normalization.
PASSES: dict[str, tuple[Any, Any]] = {
    "softmax": (_softmax_forward, _softmax_backward),
    "scaling": (_scaling_forward, _scaling_backward),
}
