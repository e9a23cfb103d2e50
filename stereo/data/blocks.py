"""Memory in which loader processes hand batches over, again and again.

PyTorch hands each tensor over in new shared memory, whose pages the system has to clear and to map in both processes:
several times the work of copying the tensor. These blocks are there before the loader processes are forked, which
inherit them. They have no name, so that a process that is killed leaves nothing behind.
"""

import itertools
import mmap
import weakref
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Where a tensor may begin in a block, bytes.
_ALIGNMENT = 64
_numbers = itertools.count()
# By number, for what a loader process sends to find its memory again.
_blocks_of: "weakref.WeakValueDictionary[int, Blocks]" = weakref.WeakValueDictionary()


class Handed(NamedTuple):
    """Tensors in a block, as a loader process sends them."""

    blocks: int
    block: int
    shapes: list[tuple[torch.Size, torch.dtype]]

    def take(self) -> list[Tensor]:
        """Return the tensors, in the main process. When nothing refers to any of them, the block is free again."""
        return _blocks_of[self.blocks].take(self)


class Blocks:
    """So many blocks for each of so many loader processes, each for up to eight tensors of `size` bytes in all.

    Blocks that are never used take no memory.

    Of each block a loader process alone says that it is taken, and the main process alone that it is free.
    """

    def __init__(self, workers: int, each: int, size: int) -> None:
        self._workers, self._size = workers, _rounded(size + 8 * _ALIGNMENT, mmap.PAGESIZE)
        self._taken = np.frombuffer(mmap.mmap(-1, workers * each), np.uint8)
        self._memory = mmap.mmap(-1, workers * each * self._size)
        self._number = next(_numbers)
        _blocks_of[self._number] = self

    def put(self, worker: int, tensors: Sequence[Tensor]) -> Handed | None:
        """Copy tensors into a block of this loader process; return None where none is free, or they do not fit."""
        shapes = [(tensor.shape, tensor.dtype) for tensor in tensors]
        free = [block for block in range(worker, len(self._taken), self._workers) if not self._taken[block]]
        if not free or sum(_rounded(tensor.nbytes, _ALIGNMENT) for tensor in tensors) > self._size:
            return None
        handed = Handed(self._number, free[0], shapes)
        for place, tensor in zip(_places(self._bytes(handed.block), shapes), tensors, strict=True):
            place.copy_(tensor)
        self._taken[handed.block] = 1
        return handed

    def take(self, handed: Handed) -> list[Tensor]:
        """Return the tensors of a block, which is free again when nothing refers to any of them."""
        content = self._bytes(handed.block)
        weakref.finalize(content, self._free, handed.block).atexit = False  # what each of the tensors refers to
        return _places(content, handed.shapes)

    def _free(self, block: int) -> None:
        self._taken[block] = 0

    def _bytes(self, block: int) -> NDArray[np.uint8]:
        return np.frombuffer(self._memory, np.uint8, self._size, block * self._size)


def _places(content: NDArray[np.uint8], shapes: Sequence[tuple[torch.Size, torch.dtype]]) -> list[Tensor]:
    """Return tensors of these shapes and types, one after the other in some bytes."""
    whole, places, start = torch.from_numpy(content), [], 0
    for shape, dtype in shapes:
        stop = start + shape.numel() * dtype.itemsize
        places.append(whole[start:stop].view(dtype).view(shape))
        start = _rounded(stop, _ALIGNMENT)
    return places


def _rounded(size: int, step: int) -> int:
    return -(-size // step) * step
