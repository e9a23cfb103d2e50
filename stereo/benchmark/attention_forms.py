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
from stereo.model.streaming import CHUNK_BYTES

Mode = Literal["forward", "forward+backward"]
MODES: tuple[Mode, ...] = ("forward", "forward+backward")


class Straightforward(EfficientAttention):
    """Efficient attention as it is usually written: head by head, everything held at once. The outside reference."""

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        positions = x.flatten(2)
        queries, keys, values = self.queries(positions), self.keys(positions), self.values(positions)
        attended = []
        for query, key, value in zip(*(part.chunk(self.num_heads, 1) for part in (queries, keys, values)), strict=True):
            context = F.softmax(key, dim=2) @ value.transpose(1, 2)
            attended.append(context.transpose(1, 2) @ F.softmax(query, dim=1))
        return self.reprojection(torch.cat(attended, dim=1)).view_as(x) + x


@dataclass
class Widths:
    """Channels of the input, of keys and queries, of values; heads."""

    channels: int
    keys: int
    values: int
    heads: int

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


FORMS = {
    "efficient (streaming)": Form(EfficientAttention, {}, _streaming_elements, _streaming_multiplications),
    "efficient (naive)": Form(
        EfficientAttention, {"implementation": "naive"}, _linear_elements, _linear_multiplications
    ),
    "efficient (straightforward)": Form(Straightforward, {}, _straightforward_elements, _linear_multiplications),
    "dot_product": Form(DotProductAttention, {}, _quadratic_elements, _quadratic_multiplications),
    "sdpa": Form(Fused, {}, _fused_elements, _quadratic_multiplications),
}
