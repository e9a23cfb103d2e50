"""What every script shares: one clear line instead of a traceback, and the exit codes.

0: done. 1: some of many items failed and were named. 2: the request itself was wrong. 130: interrupted.
"""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from stereo.config import FAMILIES, DataConfig, DatasetConfig
from stereo.errors import ConfigError, StereoError
from stereo.output import make_output_folder as make_output_folder


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


def choose(name: str, choices: Sequence[str], what: str) -> str:
    """The name itself where it is one of the choices. Raises: ConfigError that lists them, and the nearest one."""
    if name in choices:
        return name
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    raise ConfigError(f"unknown {what} '{name}', expected one of {', '.join(choices)}{hint}")


def dataset_config(spec: str) -> DatasetConfig:
    """The data set that `FAMILY:PATH` on a command line names; `synthetic` means its held-out scenes.

    Raises: ConfigError for an unknown family, or for a path that is missing or one too many.
    """
    name, _, path = spec.partition(":")
    family = choose(name, FAMILIES, "data set family")
    if family == "synthetic":
        if path:
            raise ConfigError(f"--data {spec}: synthetic takes no path; the scenes are drawn, not read")
        return DataConfig().validation
    if not path:
        raise ConfigError(f"--data {spec}: needs a path, as in {family}:data/{family}")
    return DatasetConfig(family=family, path=path)  # type: ignore[arg-type]  # chosen above


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
