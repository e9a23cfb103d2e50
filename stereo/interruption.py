"""Let Ctrl-C end a script in one line from here on: importing PyTorch takes seconds, in which no code of ours runs.

`stereo.cli` imports this before all else, and the scripts import `stereo.cli` first. Nothing else should.
"""

import sys
from types import TracebackType


def _say(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    elif sys.stderr is not None:
        print("interrupted", file=sys.stderr)


sys.excepthook = _say
