"""The streams of random numbers of the procedural world: one for each purpose, so that a setting moves nothing else."""

from enum import IntEnum, unique

import numpy as np
from numpy.random import Generator


@unique
class Purpose(IntEnum):
    """What a stream of random numbers is for."""

    # What is always chosen: surfaces, objects, textures, sensors; then the noise.
    SCENE = 0
    # Vignetting and compression.
    DEFECTS = 1
    # Materials, light and shadows.
    MATERIALS = 2
    DEFOCUS = 5
    # A picture that surfaces of many scenes are cut from.
    CANVAS = 6
    MISALIGNMENT = 7
    # Thin things and foliage.
    EXTRAS = 8
    # What tells the two views apart: exposure and light.
    VIEWS = 9


# No two of these streams are the same. NumPy fills the entropy of a generator with zeros, up to four words of 32 bits:
# [s, n], [s, n, 0] and [s, n, 0, 0] are one stream, while different words give different streams.
#
#     stream           seed, index, purpose, 0        the third word tells the purposes apart
#     canvas_stream    seed, side, number, CANVAS     the fourth word is not 0, as it is above
#
# This holds while each number fits one word, which SyntheticConfig checks of seed and length.
#
# Two streams are exceptions: noise_stream (the word 0) and photograph_stream (a random word below 2³¹) are also the
# SCENE stream of index 0 in the world whose seed is that word. They stay as they are: other streams would change pixels
# (WORLD_VERSION), and nobody can see the difference.


def stream(seed: int, index: int, purpose: Purpose) -> Generator:
    """Return the random numbers of one purpose for pair `index` of a world."""
    return np.random.default_rng([seed, index, purpose])


def canvas_stream(seed: int, side: int, number: int) -> Generator:
    """Return the random numbers of canvas `number` of a size, texels, in a world."""
    return np.random.default_rng([seed, side, number, Purpose.CANVAS])


def photograph_stream(number: int) -> Generator:
    """Return the random numbers that choose and cut a photograph."""
    return np.random.default_rng(number)


def noise_stream() -> Generator:
    """Return the random numbers of the noise that all sensors share."""
    return np.random.default_rng(0)
