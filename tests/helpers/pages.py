"""The code blocks of the pages in docs/, for the tests that run them."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: the words behind its fence, its text, and the line of the page that it begins at."""

    words: tuple[str, ...]
    text: str
    line: int


def fenced(page: Path) -> list[Block]:
    """All fenced blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\S[^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(tuple(match[1].split()), match[2], text.count("\n", 0, match.start(2))) for match in found]


def blocks(page: Path, language: str) -> dict[str, str]:
    """The blocks of one language of each section, one after the other, at the lines where the page has them.

    What stands before the first section is that of the empty name.
    """
    section, inside = "", False
    found: dict[str, list[str]] = {}
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines()):
        if line.startswith("```"):
            inside = line == f"```{language}"
        elif inside:
            lines = found.setdefault(section, [])
            lines += [""] * (number - len(lines)) + [line]
        elif line.startswith("## "):
            section = line.removeprefix("## ")
    return {section: "\n".join(lines) + "\n" for section, lines in found.items()}
