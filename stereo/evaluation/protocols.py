"""The protocols under which errors are reported: numbers can be compared only under one protocol."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stereo.data.sample import GroundTruth, Mask
from stereo.evaluation.metrics import Averaging

# What becomes of an image: it is scored, it is left out, or each of its metrics counts as 0.
Decision = Literal["score", "leave out", "count as 0"]


def leave_out_empty(counts: Mask, truth: GroundTruth) -> Decision:
    """Score an image unless no pixel counts."""
    return "score" if counts.any() else "leave out"


@dataclass(frozen=True)
class Protocol:
    """Which pixels and images count, and how they are averaged.

    name, description: For reports and messages.
    mask: From the ground truth of an image to the pixels that count, bool [H, W].
    decide: From that mask and the ground truth to what becomes of the image.
    averaging: Of all metrics. The EPE's image mean is reported beside in any case.
    subset: From the names of a data set to the indices of the samples that are evaluated. None: all.
    rendering: The pass of Scene Flow that it is defined on; None: any.
    """

    name: str
    description: str
    mask: Callable[[GroundTruth], Mask]
    averaging: Averaging
    decide: Callable[[Mask, GroundTruth], Decision] = leave_out_empty
    subset: Callable[[Sequence[str]], Sequence[int]] | None = None
    rendering: Literal["cleanpass", "finalpass"] | None = None


def known_and_positive(truth: GroundTruth) -> Mask:
    """Return where the ground truth is known, finite and above 0."""
    return truth.valid & np.isfinite(truth.disparity) & (truth.disparity > 0)


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="all",
            description="every known pixel with finite d > 0, without an upper bound; averaged over pixels",
            mask=known_and_positive,
            averaging="pixels",
        ),
    )
}
