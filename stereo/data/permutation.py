"""A shuffled order that is computed index by index: it takes no memory, and any part of it no time."""

import math
from collections.abc import Iterator, Sequence

# Four make a strong pseudo-random permutation where the digits are large (Luby & Rackoff). With so many also a set of
# five samples has each of its 120 orders equally often.
ROUNDS = 16
_WORD = 2**64 - 1


class Permutation:
    """A pseudo-random permutation of 0 … length − 1.

    An index is two digits, of bases that are about √length. Each round adds to one digit a keyed hash of the other,
    which can be undone, so that no two indices become one. The two bases make a little more than `length` numbers;
    from a result beyond it the rounds go on until one lies within (cycle walking), which keeps it a permutation.

    Args:
        length: 1 or more.
        keys: ROUNDS numbers of 64 bits.

    Source: Black & Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, their generalized Feistel cipher and
        their cycle walking, with a hash of this module instead of a cipher: good for shuffling, and for no secret. Luby
        & Rackoff, "How to Construct Pseudorandom Permutations", SIAM J. Comput. 1988.
    """

    def __init__(self, length: int, keys: Sequence[int]) -> None:
        if length < 1 or len(keys) != ROUNDS:
            raise ValueError(f"a permutation needs a length of 1 or more and {ROUNDS} keys, got {length}, {len(keys)}")
        self.length = length
        self._keys = [int(key) for key in keys]
        self._high = _ceil_sqrt(length)
        self._low = -(-length // self._high)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        return map(self.__getitem__, range(self.length))

    def __getitem__(self, index: int) -> int:
        """Return what stands at place `index`. Raises: IndexError unless 0 <= index < length."""
        if not 0 <= index < self.length:
            raise IndexError(index)
        index = self._rounds(index)
        while index >= self.length:
            index = self._rounds(index)
        return index

    def _rounds(self, index: int) -> int:
        high, low = divmod(index, self._low)
        for number, key in enumerate(self._keys):
            if number % 2:
                low = (low + _hash(high, key)) % self._low
            else:
                high = (high + _hash(low, key)) % self._high
        return high * self._low + low


def _ceil_sqrt(number: int) -> int:
    root = math.isqrt(number)
    return root if root * root == number else root + 1


def _hash(value: int, key: int) -> int:
    """Return 64 bits that depend on all bits of the value and of the key. Source: the finalizer of SplitMix64 (Steele,
    Lea & Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014)."""
    word = (value * 0x9E3779B97F4A7C15 + key) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)
