"""Let Ctrl-C end a script in one line from here on: importing PyTorch takes seconds, in which no code of ours runs.

`stereo.cli` imports this before all else, and the scripts import `stereo.cli` first. Nothing else should.
"""

import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType

_interrupted = False


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _interrupted
    _interrupted = True
    signal.default_int_handler(number, frame)


def _say(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    # A module that is interrupted may raise an error of its own.
    if not _interrupted and not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    if sys.stderr is not None:
        print("interrupted", file=sys.stderr)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)  # so that the exit code is 130


def imports_are_over() -> None:
    """Leave Ctrl-C to Python again."""
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


sys.excepthook = _say
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    with suppress(ValueError):  # not in the main thread, to which Ctrl-C comes
        signal.signal(signal.SIGINT, _interrupt)
