"""The protocols under which errors are reported: numbers can be compared only under one protocol."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.evaluation.metrics import Averaging


@dataclass(frozen=True)
class Protocol:
    """Which pixels count, and how the images are averaged: numbers can be compared only under one protocol.

    mask: from ground truth [H, W] px and `valid` bool [H, W] to the pixels that count, bool [H, W].
    averaging: of `epe`, the bad-τ and D1. The EPE's image mean is reported beside in any case.
    """

    name: str
    description: str
    mask: Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.bool_]]
    averaging: Averaging


def _known_and_positive(disparity: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return valid & np.isfinite(disparity) & (disparity > 0)


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="all",
            description="every known pixel with finite d > 0, without an upper bound; averaged over pixels",
            mask=_known_and_positive,
            averaging="pixels",
        ),
    )
}
