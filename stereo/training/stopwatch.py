"""Where the time of a run goes: steps, waiting for data within them, and what is no training."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Times(NamedTuple):
    """What the steps since the last lap took.

    step: seconds of one of them, without pauses. waiting: the share of them that was spent waiting for data, 0 … 1.
    overall: seconds of one step since the beginning, pauses and all.
    """

    step: float
    waiting: float
    overall: float


class Stopwatch:
    """Runs from its making on."""

    def __init__(self, step: int = 0) -> None:
        """Begin at so many steps taken."""
        self._begun = self._lapped = time.monotonic()
        self._first_step = self._lapped_step = step
        # Seconds since the last lap.
        self._paused = self._waited = 0.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of the block out of what a step takes."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._paused += time.monotonic() - begun

    def timed(self, batches: Iterator[T]) -> Iterator[T]:
        """Yield the batches, and take note of how long they are waited for.

        The first one is left out, since loading begins with it.
        """
        with self.paused():
            batch = next(batches, None)
        while batch is not None:
            yield batch
            begun = time.monotonic()
            batch = next(batches, None)
            self._waited += time.monotonic() - begun

    def lap(self, step: int) -> Times:
        """Return what the steps up to this one took, and begin anew."""
        now = time.monotonic()
        training = now - self._lapped - self._paused
        times = Times(
            step=training / max(1, step - self._lapped_step),
            waiting=self._waited / max(training, 1e-9),
            overall=(now - self._begun) / max(1, step - self._first_step),
        )
        self._lapped, self._lapped_step, self._paused, self._waited = now, step, 0.0, 0.0
        return times
