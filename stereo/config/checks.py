"""What values are checked with, those of the schema and those of command lines."""

import difflib
from collections.abc import Sequence

from stereo.errors import ConfigError


def require(condition: bool, message: str) -> None:
    """Raise ConfigError with the message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def choose(name: str, choices: Sequence[str], what: str) -> str:
    """Return the name itself where it is one of the choices. Raises: ConfigError that lists them, and the nearest."""
    if name in choices:
        return name
    begun = [choice for choice in choices if name and choice.startswith(name)]
    close = begun or difflib.get_close_matches(name, choices, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    raise ConfigError(f"unknown {what} '{name}', expected one of {', '.join(choices)}{hint}")
