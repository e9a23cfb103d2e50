"""`torchrun`, which ends with the exit code of the process that failed first, and with one line instead of a traceback.

    python -m stereo.launch --nproc-per-node 4 scripts/train.py --config FILE

It takes what torchrun takes. Of a failed run torchrun itself ends with 1, whatever the processes ended with, so that a
scheduler cannot tell a wrong setting (2) from a run that was stopped and saved (128 + the signal's number).
"""

import os
import sys
from typing import NoReturn

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from stereo.processes import LAUNCHER


def main(arguments: list[str] | None = None) -> NoReturn:
    """Start the processes and wait for them."""
    os.environ[LAUNCHER] = "python -m stereo.launch"
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")  # a new store after each restart
    try:
        run.run(run.parse_args(arguments))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:
            print(f"error: process {rank} was ended by {failure.signal_name()}", file=sys.stderr)
        sys.exit(exit_code(failure.exitcode))
    except SignalException as error:
        sys.exit(128 + error.sigval)
    sys.exit(0)


def exit_code(code: int) -> int:
    """Return a process's exit code as a shell has it: that of one that was ended by a signal is negative in Python."""
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
