"""Standard output and standard error, however a script was started.

They may be closed, a full disk, a pipe that nobody reads on, or a terminal that shows ASCII alone.
"""

import io
import os
import re
import sys
from typing import TextIO

# 128 + SIGPIPE, which Windows lacks.
BROKEN_PIPE = 141
# Control characters, and what turns the direction of writing; not new lines, colors, and how tqdm moves between bars.
_COMMANDS = re.compile(
    r"\x1b(?!\[A|\[[\d;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
)


class _Harmless(io.TextIOWrapper):
    """Writes � for each character of a stranger's names and texts that would command the terminal."""

    def write(self, text: str) -> int:
        super().write(_COMMANDS.sub("�", text))
        return len(text)


def make_usable() -> None:
    """Open the standard streams that are closed, on nothing, and let the others write any text.

    Characters that their encoding lacks are written as \\x…, and those that command a terminal as �.
    """
    # Otherwise a file that is opened later gets the number of a closed stream, and receives what libraries print.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and type(stream) is io.TextIOWrapper:  # not what a test or a notebook has put there
            buffered = stream.line_buffering, stream.write_through
            setattr(sys, name, _Harmless(stream.detach(), stream.encoding, "backslashreplace", None, *buffered))


def write_out(code: int) -> int:
    """Write what was printed so far; return the exit code of a script that would have ended with `code`.

    Where nobody reads on, it is that of SIGPIPE, as for any program. Where the disk is full, it is 2; one line says so.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        give_up()
        return code or BROKEN_PIPE
    except OSError as error:
        _to_nothing(sys.stdout)
        say(f"error: what was printed cannot be written: {error.strerror}; free some space")
        code = 2
    try:
        sys.stderr.flush()
    except OSError:
        _to_nothing(sys.stderr)
    return code


def say(line: str) -> None:
    """Print a line on standard error, if there is anything that takes it."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _to_nothing(sys.stderr)


def give_up() -> None:
    """Let nothing more be written: what still waits would fail again when Python ends."""
    for stream in (sys.stdout, sys.stderr):
        _to_nothing(stream)


def _to_nothing(stream: TextIO) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # no file is behind it
        pass
