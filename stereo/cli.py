"""What every script shares: one clear line instead of a traceback, and the exit codes.

0: done. 1: some of many items failed and were named. 2: the request itself was wrong. 130: interrupted.
"""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from stereo.errors import StereoError
from stereo.files import make_output_folder as make_output_folder


def run(main: Callable[[], int]) -> NoReturn:
    """Run a script's `main`, which returns the exit code, and turn a StereoError into one line and exit code 2."""
    try:
        code = main()
    except StereoError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # `… | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
