"""Lists of sample names: which samples of a data set to use, or to leave out.

One name a line; blank lines and lines that begin with # are skipped. A line stands for every sample whose name ends
with it, part by part, once suffixes and the folders `left` and `right` are removed. So both of these stand for
scene_flow/FlyingThings3D/TRAIN/A/0060/0006, the second as the published lists of unused frames have it:

    FlyingThings3D/TRAIN/A/0060/0006
    TRAIN/A/0060/left/0006.png
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from stereo.data.formats import DISPARITY_SUFFIXES, IMAGE_SUFFIXES
from stereo.data.formats.containers import read_bytes
from stereo.data.formats.text import MAX_LIST_BYTES, decode_list
from stereo.errors import DataError
from stereo.output import atomic_output, make_output_folder

_SUFFIXES = (*IMAGE_SUFFIXES, *DISPARITY_SUFFIXES)


def read_names(path: str | Path) -> list[str]:
    """Return the names in a name list. Raises: DataError if the file is not there, is no text, or names nothing."""
    path = Path(path)
    try:
        lines = decode_list(read_bytes(path, MAX_LIST_BYTES)).split("\n")
    except ValueError:
        raise DataError(f"{path}: is not a text file in UTF-8; expected the name of one sample on each line") from None
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not names:
        raise DataError(f"{path}: names no sample; expected the name of one sample on each line")
    return names


def write_names(path: str | Path, names: Iterable[str], what: str) -> None:
    """Write a name list, with a first line that says what the names are. Raises: OutputError."""
    path = Path(path)
    make_output_folder(path.parent)
    with atomic_output(path) as temporary:
        temporary.write_text("\n".join([f"# {what}", *names]) + "\n", "utf-8", "surrogateescape")


def select(names: Sequence[str], wanted: Iterable[str], path: str | Path) -> list[int]:
    """Return the indices of the samples that the lines stand for, in the lines' order.

    Raises: DataError that names `path` and a line, if that line stands for no sample.
    """
    indices: list[int] = []
    found = _find(names, wanted)
    missing = [line for line, matches in found if not matches]
    if missing:
        more = f" (nor {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(
            f"{path}: there is no sample {missing[0]}{more}; the data set has {len(names)}, such as "
            f"{names[0] if names else 'none'}"
        )
    for _, matches in found:
        indices += matches
    return list(dict.fromkeys(indices))


def leave_out(names: Sequence[str], unwanted: Iterable[str]) -> list[int]:
    """Return the indices of the samples that no line stands for. A line may stand for none: its part may be absent."""
    skipped = {index for _, matches in _find(names, unwanted) for index in matches}
    return [index for index in range(len(names)) if index not in skipped]


def spread(length: int, count: int) -> list[int]:
    """Return `count` indices (or all, if there are no more) that lie evenly over a data set of this length."""
    return (
        [index * (length - 1) // max(count - 1, 1) for index in range(count)] if count < length else list(range(length))
    )


def _find(names: Sequence[str], lines: Iterable[str]) -> list[tuple[str, list[int]]]:
    # By the last part first: a list and a data set may both have tens of thousands.
    by_last: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for index, name in enumerate(names):
        parts = _parts(name)
        if parts:
            by_last.setdefault(parts[-1], []).append((parts, index))
    found = []
    for line in lines:
        wanted = _parts(line)
        candidates = by_last.get(wanted[-1], []) if wanted else []
        found.append((line, [index for parts, index in candidates if parts[len(parts) - len(wanted) :] == wanted]))
    return found


def _parts(name: str) -> tuple[str, ...]:
    stem = next((name[: -len(suffix)] for suffix in _SUFFIXES if name.lower().endswith(suffix)), name)
    return tuple(part for part in stem.replace("\\", "/").split("/") if part not in ("", ".", "left", "right"))
