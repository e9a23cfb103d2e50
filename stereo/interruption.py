"""Let Ctrl-C end a script in one line from here on: importing PyTorch takes seconds, in which no code of ours runs.

`stereo.cli` imports this before all else, and the scripts import `stereo.cli` first. Nothing else should.
"""

import sys
from types import TracebackType


def _say(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not _is_interruption(error):
        sys.__excepthook__(kind, error, traceback)
        return
    if sys.stderr is not None:
        print("interrupted", file=sys.stderr)
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)  # so that the exit code is 130


def _is_interruption(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is what happened first: a module that it interrupts may raise an error of its own."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


sys.excepthook = _say
