"""Sizes, and amounts of memory and time: read from words, and put into words."""

import math
import re

from stereo.errors import ConfigError

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_bytes(text: str) -> int:
    """Return the bytes that '16GB', '512MiB' or '1000000' says. Raises: ConfigError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2].upper() not in UNITS or float(match[1]) <= 0:
        raise ConfigError(f"'{text}' is no amount of memory, expected for example 16GB or 512MiB")
    return int(float(match[1]) * UNITS[match[2].upper()])


def parse_size(text: str, count: int, least: int = 4) -> tuple[int, ...]:
    """Return the `count` numbers, `least` or more each, of '544x960' or '256x512x192'. Raises: ConfigError."""
    parts = text.split("x")
    if len(parts) != count or not all(part.isdecimal() and int(part) >= least for part in parts):
        names, example = ("HEIGHTxWIDTH", "544x960") if count == 2 else ("HEIGHTxWIDTHxMAX_DISPARITY", "256x512x192")
        raise ConfigError(f"'{text}' is no size, expected {names} in px, {least} or more each, for example {example}")
    return tuple(int(part) for part in parts)


def format_bytes(value: float | None) -> str:
    """Return three digits in MB, GB or TB (powers of ten); nothing for None."""
    if value is None:
        return ""
    exponent = max(2, min(4, int(math.log10(max(value, 1)) // 3)))
    return f"{value / 10 ** (3 * exponent):.3g} {['', 'kB', 'MB', 'GB', 'TB'][exponent]}"


def format_seconds(value: float | None) -> str:
    """Return three digits in ms or s; nothing for None."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f} s"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
