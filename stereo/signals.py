"""Signals that ask the work to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def noticed_signals() -> Iterator[list[int]]:
    """Collect the SIGINT and SIGTERM received within the block, which may so finish its step.

    A second one of the same kind does what it usually does.
    """
    received: list[int] = []
    previous: dict[int, Any] = {}

    def notice(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, previous[number])

    if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
        previous = {number: signal.signal(number, notice) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
