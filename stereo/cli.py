"""How the scripts run: one clear line instead of a traceback, and the exit codes.

0: done. 1: some of many items failed and were named. 2: the request itself was wrong. 128 + the signal's number: that
signal ended it (130: Ctrl-C; 141: nobody reads what it prints, as behind `| head`; 143: a scheduler's SIGTERM).
"""

from stereo.interruption import imports_are_over  # first: Ctrl-C may come while the rest is imported

# isort: split
import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NoReturn

from stereo.errors import StereoError
from stereo.standard_streams import BROKEN_PIPE, give_up, make_usable, say, write_out

# Characters of an error's line; a stranger's file may hold names of any length.
_LONGEST = 2000
_FULL = (errno.ENOSPC, errno.EDQUOT)


def run(main: Callable[[], int]) -> NoReturn:
    """Run a script's `main`, which returns the exit code, and turn a StereoError into one line and exit code 2."""
    imports_are_over()
    make_usable()
    if logging.lastResort is not None:  # what prints warnings of the package, as no other handler is set up
        logging.lastResort.setFormatter(_Labelled())
    # They would end it at once, and leave its temporary files behind. One that is ignored, as by nohup, stays so.
    for name in ("SIGTERM", "SIGHUP"):  # Windows lacks the second
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
            signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
    try:
        with _one_voice():
            _say_if_foreign(Path(sys.argv[0]))
            code = main()
    except StereoError as error:
        say(f"error: {_shortened(printable(str(error)))}")
        code = 2
    except KeyboardInterrupt:
        say("interrupted")
        code = 128 + signal.SIGINT
    except BrokenPipeError:
        give_up()
        code = BROKEN_PIPE
    except MemoryError:
        say("error: the memory is full; use smaller images or fewer workers")
        code = 2
    except OSError as error:
        if error.errno in _FULL:
            say(f"error: {error.filename or 'what was printed'} cannot be written: {error.strerror}; free some space")
        elif "temporary directory" in str(error):  # of tempfile, which names no file
            say(f"error: {error.strerror}; set TMPDIR to a folder that you may write to")
        elif error.filename is not None:
            say(f"error: {printable(str(error.filename))}: {error.strerror}; check the path and your rights to it")
        else:
            raise
        code = 2
    except SystemExit as end:  # of argparse, or of a signal
        code = int(end.code or 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends as it is, and `torchrun` sends one to whoever is left
    sys.exit(write_out(code))


class _Labelled(logging.Formatter):
    """Writes "warning: " before a message, as the scripts do before their own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {printable(record.message)}"


def printable(text: str) -> str:
    """Return a text of a stranger's file as one line without control characters, which would command the terminal."""
    return "".join(character if character.isprintable() else "�" for character in " ".join(text.split()))


def _shortened(text: str) -> str:
    """Return a line without its middle where it is very long: the reason stands at the end."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


@contextmanager
def _one_voice() -> Iterator[None]:
    """Of the processes that `torchrun` started, let number 0 alone print, and the first that fails alone say why."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield
        return
    is_main = os.environ.get("RANK", "0") == "0"
    try:
        with ExitStack() as silenced:
            if not is_main:
                nowhere = silenced.enter_context(Path(os.devnull).open("w"))
                silenced.enter_context(redirect_stdout(nowhere))
                silenced.enter_context(redirect_stderr(nowhere))
            yield
    except KeyboardInterrupt:
        if not is_main:
            raise SystemExit(130) from None
        raise
    except Exception:
        from stereo.processes import is_first_to_fail  # it imports torch, which many scripts do not need

        if not is_first_to_fail():
            raise SystemExit(2) from None
        raise


def _say_if_foreign(script: Path) -> None:
    """Print one line where a script of one clone runs the package of another, as an environment of both may have it."""
    package = Path(__file__).resolve().parent
    beside = script.resolve().parents[1] / "stereo"
    if os.path.isfile(beside / "__init__.py") and beside != package:
        print(
            f"note: {script} runs the package in {package}, not the one beside it; to use that: "
            f"pip install -e {beside.parent}",
            file=sys.stderr,
        )
