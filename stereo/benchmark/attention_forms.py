"""The forms of attention that are measured, and what each should take by a count of its tensors and products."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from stereo.errors import ConfigError
from stereo.model.attention import Attention, DotProductAttention, EfficientAttention
from stereo.model.attention import FusedDotProductAttention as Fused
from stereo.model.attention.streaming import CHUNK_BYTES

Mode = Literal["forward", "forward+backward"]
MODES: tuple[Mode, ...] = ("forward", "forward+backward")


class Straightforward(EfficientAttention):
    """Efficient attention as it is usually written: head by head, everything held at once. The outside reference."""

    def forward(self, x: Tensor, guide: Tensor | None = None, **others: Tensor | None) -> Tensor:
        positions = x.flatten(2)
        queries, keys, values = self.queries(positions), self.keys(positions), self.values(positions)
        attended = []
        for query, key, value in zip(*(part.chunk(self.num_heads, 1) for part in (queries, keys, values)), strict=True):
            context = F.softmax(key, dim=2) @ value.transpose(1, 2)
            attended.append(context.transpose(1, 2) @ F.softmax(query, dim=1))
        return self.reprojection(torch.cat(attended, dim=1)).view_as(x) + x


@dataclass
class Widths:
    """Channels of the input, and of the guide where there is one, of keys and queries, of values; heads."""

    channels: int
    keys: int
    values: int
    heads: int
    # Slices of the volume, which a guided form's queries and keys are shared by.
    slices: int = 1

    def check(self) -> None:
        """Raise ConfigError unless the heads divide keys and values."""
        if self.keys % self.heads or self.values % self.heads:
            raise ConfigError(f"{self.heads} heads do not divide {self.keys} key and {self.values} value channels")


@dataclass
class Form:
    """One way to compute attention, and what it should take: per call, for N positions of one sample in float32."""

    module: type[Attention]
    options: dict[str, Any]
    # Elements that must be held beyond the input at the peak.
    elements: Callable[[int, Widths, Mode], int]
    multiplications: Callable[[int, Widths, Mode], int]
    # Over the plane of each slice, with queries and keys from a guide, instead of over the volume.
    guided: bool = False

    def build(self, widths: Widths) -> Attention:
        """Return fresh attention of this form."""
        options = self.options | ({"over": "plane", "guide_channels": widths.channels} if self.guided else {})
        return self.module(widths.channels, widths.keys, widths.values, widths.heads, **options)


def _linear_elements(n: int, w: Widths, mode: Mode) -> int:
    """Forward: queries and keys, one of them before and after its softmax, and values; or what stands around the
    output.

    With the backward pass the peak is at one of three steps, with the output held throughout:
    the reprojection: both softmaxes, values, attended values and their gradient, and oneDNN's blocked copies of the
    two widths; the softmaxes: both, values, both gradients, a contiguous copy of one and the result; the projections:
    the gradient of the input summed out of place beside three tensors of the keys' width.
    """
    if mode == "forward":
        return n * max(3 * w.keys + w.values, 2 * w.keys + 2 * w.values, w.values + 2 * w.channels)
    reprojection = 2 * w.keys + 4 * w.values + 2 * w.channels
    softmaxes = 6 * w.keys + w.values + w.channels
    return n * max(reprojection, softmaxes, 3 * w.keys + 4 * w.channels)


def _straightforward_elements(n: int, w: Widths, mode: Mode) -> int:
    """Forward: queries, keys and values to the end, the heads' results, those put together, and twice the output's
    width. The backward pass is that of the naive form."""
    forward = n * (2 * w.keys + 3 * w.values + 2 * w.channels)
    return forward if mode == "forward" else max(forward, _linear_elements(n, w, mode))


def _linear_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Projections and reprojection, then keys times values and context times queries within each head."""
    forward = n * (w.channels * (2 * w.keys + 2 * w.values) + 2 * w.keys * w.values // w.heads)
    return forward if mode == "forward" else 3 * forward


def _streaming_elements(n: int, w: Widths, mode: Mode) -> int:
    """The output and a chunk's softmax and its input; with the backward pass the gradient of the input too, and one
    more of the chunk. Chunks do not grow with N: so many bytes of 2 C + 2 K channels on a CPU."""
    chunk = min(n, max(1024, CHUNK_BYTES["cpu"] // (8 * (w.channels + w.keys))))
    return (n * w.channels + 2 * chunk * w.keys) if mode == "forward" else (2 * n * w.channels + 3 * chunk * w.keys)


def _streaming_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Four products of keys' by input channels at each position; ten more in the backward pass."""
    return n * w.keys * w.channels * (4 if mode == "forward" else 14)


def _quadratic_elements(n: int, w: Widths, mode: Mode) -> int:
    """The N×N map before and after its softmax; with the backward pass the softmax, its gradient and the gradient of
    the logits. For each head."""
    return w.heads * n * n * (2 if mode == "forward" else 3) + n * (2 * w.keys + w.values)


def _fused_elements(n: int, w: Widths, mode: Mode) -> int:
    """Padded queries, keys and values beside what they were made of, the last with one copy more.

    With the backward pass, of the padded width: queries, keys, values, result, the result's gradient and its
    contiguous copy, and the gradients of the three; the output; and each row's log-sum-exp.
    """
    padded = max(w.keys, w.values)
    if mode == "forward":
        return n * (2 * w.keys + w.values + 4 * padded)
    return n * (9 * padded + w.channels + w.heads)


def _quadratic_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Queries times keys, and the map times values; twice that again in the backward pass."""
    forward = n * n * (w.keys + w.values) + n * w.channels * (2 * w.keys + 2 * w.values)
    return forward if mode == "forward" else 3 * forward


def _guided_streaming_elements(n: int, w: Widths, mode: Mode) -> int:
    """The output; with the backward pass the gradient of the input too. Of a plane: queries and keys before and after
    their softmax, the queries once more with their channel of ones; with the backward pass the gradients of both."""
    plane = n // w.slices
    forward, backward = n * w.channels + 5 * plane * w.keys, 2 * n * w.channels + 8 * plane * w.keys
    return forward if mode == "forward" else backward


def _guided_streaming_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Two products of keys' by input channels at each position, six with the backward pass; the plane's projections."""
    projections = n // w.slices * w.channels * 2 * w.keys
    return (
        2 * n * w.keys * w.channels + projections
        if mode == "forward"
        else 6 * n * w.keys * w.channels + 3 * projections
    )


def _guided_naive_elements(n: int, w: Widths, mode: Mode) -> int:
    """Forward: values and attended values, one of them twice; or what stands around the output. With the backward pass
    the values, attended values and their gradient, and the output and its gradient. Queries and keys of a plane."""
    plane = 4 * n // w.slices * w.keys
    forward = max(3 * w.values, w.values + 2 * w.channels)
    return n * (forward if mode == "forward" else 4 * w.values + 2 * w.channels) + plane


def _guided_naive_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Values and reprojection at each position, keys times values and context times queries; the plane's
    projections."""
    forward = n * (2 * w.channels * w.values + 2 * w.keys * w.values // w.heads)
    forward += n // w.slices * w.channels * 2 * w.keys
    return forward if mode == "forward" else 3 * forward


def _guided_quadratic_elements(n: int, w: Widths, mode: Mode) -> int:
    """One map of a plane for all slices, for each head, before and after its softmax, and with the backward pass the
    gradient; beside it what the naive form holds."""
    plane = n // w.slices
    return w.heads * plane * plane * (2 if mode == "forward" else 3) + _guided_naive_elements(n, w, mode)


def _guided_fused_elements(n: int, w: Widths, mode: Mode) -> int:
    """Queries, keys and values padded to the width of all slices' values of a head, and the values that they were made
    of; with the backward pass the result, its gradient, a contiguous copy, and the gradients of the three too."""
    return n * (6 * w.values if mode == "forward" else 9 * w.values + 2 * w.channels)


def _guided_quadratic_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Queries times keys once, and the map times the values of each slice; values and reprojection."""
    plane = n // w.slices
    forward = plane * plane * w.keys + n * plane * w.values + 2 * n * w.channels * w.values
    return forward if mode == "forward" else 3 * forward


def _guided_fused_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """As the quadratic form, with queries and keys as wide as all slices' values."""
    plane = n // w.slices
    forward = 2 * n * plane * max(w.values, w.keys // w.slices) + 2 * n * w.channels * w.values
    return forward if mode == "forward" else 3 * forward


FORMS = {
    "efficient (streaming)": Form(EfficientAttention, {}, _streaming_elements, _streaming_multiplications),
    "efficient (naive)": Form(
        EfficientAttention, {"implementation": "naive"}, _linear_elements, _linear_multiplications
    ),
    "efficient (straightforward)": Form(Straightforward, {}, _straightforward_elements, _linear_multiplications),
    "dot_product": Form(DotProductAttention, {}, _quadratic_elements, _quadratic_multiplications),
    "sdpa": Form(Fused, {}, _fused_elements, _quadratic_multiplications),
    "guided efficient (streaming)": Form(
        EfficientAttention, {}, _guided_streaming_elements, _guided_streaming_multiplications, guided=True
    ),
    "guided efficient (naive)": Form(
        EfficientAttention,
        {"implementation": "naive"},
        _guided_naive_elements,
        _guided_naive_multiplications,
        guided=True,
    ),
    "guided dot_product": Form(
        DotProductAttention, {}, _guided_quadratic_elements, _guided_quadratic_multiplications, guided=True
    ),
    "guided sdpa": Form(Fused, {}, _guided_fused_elements, _guided_fused_multiplications, guided=True),
}
