"""How many batches loader processes may prepare ahead, so that they fit the memory that processes share.

Tensors go from process to process through it. Where it is full, as the 64 MB that Docker gives by itself soon are,
loader processes die of a bus error, or wait for ever.
"""

import os
import shutil
from collections.abc import Callable

from stereo.config import DataConfig
from stereo.data.sample import SampleSource
from stereo.errors import DataError

# Batches that each worker prepares ahead where there is room.
_AHEAD = 4
# Batches that the main process holds: the one in use, and the next while it takes its place.
IN_USE = 2
# Bytes of one pixel of a sample in a batch: two RGB views, the disparity, and where it is known.
_PIXEL_BYTES = 2 * 3 + 4 + 1
# Of its clean views, where the batch has them.
_CLEAN_PIXEL_BYTES = 2 * 3


def batches_ahead(config: DataConfig, workers: int, sample: int, world_size: int = 1) -> int:
    """Return how many batches each of so many workers, one or more, may prepare ahead: 1 … 4.

    Args:
        sample: Bytes of one sample in a batch, see :func:`sample_bytes`.
        world_size: Processes that train together, which share out a batch.

    Raises: DataError where not even one fits.
    """
    free = free_shared_memory()
    if free is None:
        return _AHEAD
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes on this computer, as torchrun says
    batch = sample * max(1, config.batch_size * here // world_size)
    room = free // batch - IN_USE
    if room >= workers:
        return min(_AHEAD, room // workers)
    needed = batch * (_AHEAD * workers + IN_USE)
    raise DataError(
        f"/dev/shm, which loader processes hand batches over by, has {free >> 20} MB free; expected {needed >> 20} MB "
        f"for data.workers={workers} and batches of {batch / 2**20:.1f} MB; give the container more by docker "
        f"run --shm-size={_round_up(needed) >> 20}m (or --ipc=host), or set data.workers={max(0, room)}"
    )


def sample_bytes(config: DataConfig, source: Callable[[int], SampleSource], with_clean: bool = False) -> int:
    """Return the bytes of a sample in a batch, with its clean views or without.

    The first sample, number 0, tells its size where none is cut out.
    """
    height, width = config.augmentation.crop_height, config.augmentation.crop_width
    if height is None or width is None:
        first = source(0)
        height, width = first.height, first.width
    return height * width * (_PIXEL_BYTES + with_clean * _CLEAN_PIXEL_BYTES)


def free_shared_memory(folder: str = "/dev/shm") -> int | None:
    """Return how many bytes of the shared memory are free; None where there is no such folder, as outside of Linux."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _round_up(size: int) -> int:
    """Return the first power of two that is not less."""
    return 1 << (size - 1).bit_length()
