"""Signals that ask the work to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Ctrl-C; the end that a scheduler asks for; its warning before that (SLURM: --signal=USR1@120); a closed terminal.
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP") if hasattr(signal, name))


@contextmanager
def noticed_signals() -> Iterator[list[int]]:
    """Collect the signals of `STOPPING` received within the block, which may so finish its step.

    A second one of the same kind does what it usually does. One that is ignored, as SIGHUP under nohup, stays so.
    """
    received: list[int] = []
    previous: dict[int, Any] = {}

    def notice(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, previous[number])

    if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
        previous = {number: signal.getsignal(number) for number in STOPPING}
        previous = {number: handler for number, handler in previous.items() if handler != signal.SIG_IGN}
        for number in previous:
            signal.signal(number, notice)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
