"""Writing a decoded copy of a data set: see stereo/data/families/packed.py, which reads it."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stereo.data.families.packed import ARRAYS, VERSION
from stereo.data.sample import StereoSample
from stereo.errors import OutputError
from stereo.output import atomic_output, make_output_folder

SHARD_BYTES = 1 << 30
_ALIGNMENT = 64


def pack(
    samples: Iterable[StereoSample],
    folder: str | Path,
    source: dict[str, Any],
    shard_bytes: int = SHARD_BYTES,
    step: Callable[[], object] = lambda: None,
) -> int:
    """Write samples to a folder that holds none yet; `index.json` comes last, so half a copy is never taken for one.

    Args:
        source: What the samples are, noted in index.json.
        shard_bytes: A shard is closed once it is larger.
        step: Called after each sample.

    Returns: the number of bytes. Raises: OutputError.
    """
    folder = make_output_folder(folder)
    if os.path.exists(folder / "index.json"):
        raise OutputError(f"{folder}: already holds a packed data set; name another folder, or delete this one")
    entries: list[dict[str, Any]] = []
    shard, total = -1, 0
    file = None
    try:
        for sample in samples:
            if file is None or file.tell() > shard_bytes:
                if file is not None:
                    file.close()
                shard += 1
                file = (folder / f"shard_{shard:04d}.bin").open("wb")
            offsets: dict[str, int | None] = {}
            for name in ARRAYS:
                array = getattr(sample if name in ("left", "right") else sample.truth, name, None)
                # Dense ground truth is the rule, and a mask of ones says nothing.
                if array is None or (name == "valid" and array.all()):
                    continue
                file.write(bytes(-file.tell() % _ALIGNMENT))
                offsets[name] = file.tell()
                total += array.nbytes
                file.write(np.ascontiguousarray(array).data)
            entry: dict[str, Any] = {"name": sample.name, "height": sample.height, "width": sample.width}
            entry |= {"shard": shard, "offsets": offsets}
            if sample.calibration is not None:
                entry["calibration"] = asdict(sample.calibration)
            entries.append(entry)
            step()
    except OSError as error:
        raise _cannot_write(error, folder) from None
    finally:
        if file is not None:
            _close(file, folder)
    with atomic_output(folder / "index.json") as path:
        path.write_text(json.dumps({"version": VERSION, "source": source, "samples": entries}) + "\n", encoding="utf-8")
    return total


def _close(file: BinaryIO, folder: Path) -> None:
    """Close a file, which writes what is left of it. Raises: OutputError."""
    try:
        file.close()
    except OSError as error:
        raise _cannot_write(error, folder) from None


def _cannot_write(error: OSError, folder: Path) -> OutputError:
    forbidden = isinstance(error, PermissionError)
    advice = "check that you may write each of its files" if forbidden else "free some disk space"
    return OutputError(f"{folder}: cannot be written: {error.strerror}; {advice}")
