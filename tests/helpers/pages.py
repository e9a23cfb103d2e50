"""The code blocks of the pages in docs/, for the tests that run them."""

from pathlib import Path


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
