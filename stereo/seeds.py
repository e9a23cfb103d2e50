"""Random generators: one stream for each purpose, so that no two purposes draw the same numbers."""

from typing import Literal

import numpy as np
from numpy.random import Generator

Purpose = Literal["order", "order within a set", "augmentation"]

# Each purpose's tag, and how many numbers follow it. A tag must never change: the numbers of all runs depend on it.
_TAGS: dict[Purpose, tuple[int, int]] = {
    "order": (1, 2),  # seed, pass: the order of a pass over all sets
    "order within a set": (2, 3),  # seed, set, pass: the order of a pass over one set of a mix
    "augmentation": (3, 2),  # seed, position in the run
}


def generator(purpose: Purpose, *numbers: int) -> Generator:
    """Return the generator of a purpose, a pure function of it and of the numbers.

    The tag comes first and each number takes two words of 32 bits: NumPy pads with zeros, so that [s, n] and [s, n, 0]
    would be one stream, and splits large numbers, so that [2³²] and [0, 1] would be one too.

    Args:
        numbers: 0 … 2⁶⁴ − 1; as many as the purpose takes.
    """
    tag, count = _TAGS[purpose]
    if len(numbers) != count:
        raise ValueError(f"the purpose '{purpose}' takes {count} numbers, got {len(numbers)}")
    words = np.array(numbers, np.dtype("<u8")).view("<u4")
    return np.random.default_rng([tag, *words.tolist()])
