"""What is said of a file that is damaged."""

from pathlib import Path

from stereo.errors import FormatError

AGAIN = "copy or download the file again"


def truncated(path: Path, kind: str) -> FormatError:
    """Return the error of a file that ends too early."""
    return FormatError(f"{path}: the {kind} file is truncated or damaged: its end is missing; {AGAIN}")


def damaged_header(path: Path, kind: str) -> FormatError:
    """Return the error of a file whose header cannot be true."""
    return FormatError(f"{path}: the header of the {kind} file is damaged, or does not fit its content; {AGAIN}")


def check_size(path: Path, kind: str, width: int, height: int, max_pixels: int) -> None:
    """Raise FormatError where a header says a size, px, that no image has, or one that is too large."""
    if width == 0 or height == 0:
        raise damaged_header(path, kind)
    if width * height > max_pixels:
        raise FormatError(
            f"{path}: the {kind} header says {width}×{height} (width × height); expected "
            f"{max_pixels / 10**6:g} million pixels at most; make the image smaller, or {AGAIN} if it is "
            "damaged"
        )


def quote(text: bytes | str) -> str:
    """Return at most 40 characters of a text, on one line, whatever they are."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return ascii(text[:40])
