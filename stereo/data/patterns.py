"""Images by a pattern, as a shell would find them: `left/*.png`, `*/im0.png`, `**/l.png`, `im[0-9].png`, `%04d.png`."""

import glob
import os
import re
from pathlib import Path

from stereo.data.formats import IMAGE_SUFFIXES
from stereo.data.hidden import is_hidden

# The places that a pattern leaves open, as a regular expression finds them in it, and what each may stand for.
_ANY = r"\*"
_NUMBER = r"%(?:0?\d+)?d"
_PLACES = {r"\*\*/": r"((?:[^/]+/)*)", r"\*+": r"([^/]*)", r"\?": r"([^/])", r"\[[^]]+\]": None, _NUMBER: r"(\d+)"}
ANY_PLACE = "|".join(_PLACES)
# Of the frames of a video: `*`, or a number.
FRAME_PLACE = f"{_ANY}|{_NUMBER}"


def images_of_pattern(pattern: str, places: str = ANY_PLACE) -> list[tuple[str, Path]]:
    """Return the images that a pattern stands for, sorted by path, each with what its open places stand for.

    Hidden files are none. A `*` that takes the ending too stands for the name without it.

    Args:
        places: What counts as an open place, a regular expression; all else stands for itself.
    """
    parts = re.split(f"({places})", re.sub("//+", "/", pattern))
    wanted = re.compile(
        "".join(_expression(part) if number % 2 else re.escape(part) for number, part in enumerate(parts))
    )
    wider = "".join(
        ("*" if part.startswith("%") else part) if number % 2 else glob.escape(part)
        for number, part in enumerate(parts)
    )
    found = []
    for text in sorted(glob.glob(wider, recursive=True)):
        match, path = wanted.fullmatch(text), Path(text)
        hidden = any(is_hidden(part) for part in path.parts if part not in Path(pattern).parts)
        if match is not None and path.suffix.lower() in IMAGE_SUFFIXES and not hidden and os.path.isfile(path):
            stands_for = "_".join(group.strip("/") for group in match.groups() if group)
            found.append((stands_for.removesuffix(path.suffix) or path.stem, path))
    return found


def _expression(part: str) -> str:
    for place, expression in _PLACES.items():
        if re.fullmatch(place, part) and expression is not None:
            return expression
    inside = part[1:-1].replace("[", r"\[")
    return f"([^{inside[1:]}])" if inside[0] == "!" else f"([{inside}])"
