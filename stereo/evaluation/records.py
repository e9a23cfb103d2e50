"""Records of an evaluation on disk: one line for each pair, written as soon as it is scored.

Whatever becomes of the process, it loses the pair that it was at; with `--resume` the pairs that are there are not
computed again, and the shards of an evaluation are merged from their records to the digits of one run.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from stereo.errors import DataError, OutputError
from stereo.evaluation.metrics import CONFIDENCE_METRICS, METRICS, QUANTILES, ImageSums
from stereo.evaluation.profiles import NUMBERS_OF_BINS, ImageProfile
from stereo.evaluation.tally import PairRecord
from stereo.output import atomic_output, make_output_folder
from stereo.processes import Processes

_OWN = (*QUANTILES, *CONFIDENCE_METRICS)
# Beyond all that is counted or measured, and so little that sums of it stay finite.
_MOST = 2**63


class Entry(NamedTuple):
    """One record, and what it is of."""

    data: str
    method: str
    record: PairRecord


class RecordLog:
    """The records in an evaluation's folder, to which each process adds a file of its own.

    Args:
        folder: The evaluation's output folder.
        identity: All that the numbers depend on, as plain values: records of another identity are not taken.
        resume: Keep what is there, without the failures, which are tried again; otherwise it is deleted.
        processes: Those that share the work, and the folder.

    Raises: DataError where the folder's records are of another identity, or broken; OutputError.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], resume: bool, processes: Processes) -> None:
        self.folder = make_output_folder(folder / "records")
        self.identity = json.loads(json.dumps(identity))
        if processes.is_main:
            for path in record_files(self.folder):
                if resume:
                    _check_identity(path, self.identity)
                    _keep_whole_records(path)
                else:
                    path.unlink()
        if processes.size > 1:
            processes.barrier()
        self._path = self.folder / f"rank{processes.rank}.jsonl"
        if not os.path.exists(self._path):
            with atomic_output(self._path) as temporary:
                temporary.write_text(json.dumps({"identity": self.identity}) + "\n", encoding="utf-8")

    def finished(self, data: str, method: str) -> Iterator[PairRecord]:
        """Yield the records of one method on one data set, in any order."""
        for entry in read_records(self.folder):
            if (entry.data, entry.method) == (data, method):
                yield entry.record

    def append(self, data: str, method: str, record: PairRecord) -> None:
        """Add a record; it is in the file when this returns. Raises: OutputError."""
        line = json.dumps({"data": data, "method": method, **_to_plain(record)}, allow_nan=False)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise OutputError(
                f"{self._path}: cannot be written: {error.strerror}; free some space, and go on with --resume"
            ) from None


def record_files(folder: Path) -> list[Path]:
    """Return the files of records in a folder; not those that a kill has left half written, whose names begin with ."""
    return sorted(folder.glob("[!.]*.jsonl"))


def read_identity(folder: Path) -> dict[str, Any]:
    """Return what the numbers in a folder of records depend on. Raises: DataError where there are none."""
    paths = record_files(folder)
    if not paths:
        raise DataError(f"{folder}: holds no records; name a folder that evaluate.py --output wrote")
    return _identity(paths[0])


def read_records(folder: Path) -> Iterator[Entry]:
    """Yield all records in a folder, in any order. Raises: DataError where one is broken."""
    for path in record_files(folder):
        for number, line in enumerate(_lines(path), 1):
            if number > 1:
                yield _entry(line, f"{path}: line {number}")


def read_in_order(folder: Path) -> Iterator[Entry]:
    """Yield all records in a folder, by data set and method as they first came, and by index within.

    One record is in memory at a time, and the places of the others. Raises: DataError where one is broken.
    """
    places: dict[tuple[str, str], list[tuple[int, Path, int]]] = {}
    for path in record_files(folder):
        offset = 0
        for number, line in enumerate(_lines(path), 1):
            if number > 1:
                entry = _entry(line, f"{path}: line {number}")
                places.setdefault((entry.data, entry.method), []).append((entry.record.index, path, offset))
            offset += len(line.encode())
    for group in places.values():
        for _, path, offset in sorted(group):
            with path.open("rb") as file:
                file.seek(offset)
                yield _entry(file.readline().decode(), str(path))


def _entry(line: str, where: str) -> Entry:
    try:
        plain = json.loads(line)
        return Entry(_text(plain["data"]), _text(plain["method"]), _from_plain(plain))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise DataError(f"{where} is no record; evaluate again without --resume") from None


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None


def _identity(path: Path) -> dict[str, Any]:
    with suppress(ValueError, KeyError, TypeError, StopIteration, RecursionError):
        identity = json.loads(next(_lines(path)))["identity"]
        if all(isinstance(identity[key], dict) for key in ("data", "methods")):
            return dict(identity)
    raise DataError(f"{path}: is no file of records; use another --output, or evaluate without --resume")


def _check_identity(path: Path, identity: Mapping[str, Any]) -> None:
    difference = differing(_identity(path), identity)
    if difference:
        raise DataError(
            f"{path}: these records are of another evaluation, which differs in {', '.join(difference)}; use another "
            "--output, or evaluate anew without --resume"
        )


def differing(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the names, with dots, of the values in which two nested mappings differ."""
    names = []
    for key in dict.fromkeys([*one, *other]):
        mine, theirs = one.get(key), other.get(key)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            names += differing(mine, theirs, f"{prefix}{key}.")
        elif mine != theirs:
            names.append(f"{prefix}{key}")
    return names


def _keep_whole_records(path: Path) -> None:
    """Drop failures, and lines that a kill or a power cut has broken: these pairs are computed again."""
    with atomic_output(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for number, line in enumerate(_lines(path)):
            if number == 0 or _is_success(line):
                file.write(line)


def _is_success(line: str) -> bool:
    try:
        return line.endswith("\n") and _entry(line, "").record.failure is None
    except DataError:
        return False


def _to_plain(record: PairRecord) -> dict[str, Any]:
    """Return plain values; the metrics of each protocol and region as a list, to save space."""
    if record.failure is not None:
        return {"index": record.index, "name": record.name, "failure": record.failure}
    scores: dict[str, dict[str, list[Any] | None]] = {}
    for (protocol, region), sums in record.scores.items():
        values = None
        if sums is not None:
            own = [sums.own.get(name) for name in _OWN]
            values = [sums.pixels, *(_short(sums.sums[name]) for name in METRICS), *own]
        scores.setdefault(protocol, {})[region] = values
    return {
        "index": record.index,
        "name": record.name,
        "seconds": record.seconds,
        "loading_seconds": record.loading_seconds,
        "timed": record.timed,
        "size": record.size,
        "ran_at": record.ran_at,
        "peak_memory_mb": record.peak_memory_mb,
        "scores": scores,
        "missing": record.missing,
        "occlusion": record.occlusion,
        "profile": None if record.profile is None else asdict(record.profile),
    }


def _short(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _from_plain(plain: Mapping[str, Any]) -> PairRecord:
    if plain.get("failure") is not None:
        return PairRecord(_whole(plain["index"]), _text(plain["name"]), failure=_text(plain["failure"]))
    scores: dict[tuple[str, str], ImageSums | None] = {}
    for protocol, regions in plain["scores"].items():
        for region, values in regions.items():
            sums = None
            if values is not None:
                means = dict(zip(METRICS, map(_number, values[1 : 1 + len(METRICS)]), strict=True))
                own = zip(_OWN, values[1 + len(METRICS) :], strict=True)
                known = {name: _number(value) for name, value in own if value is not None}
                sums = ImageSums(_whole(values[0]), means, known)
            scores[protocol, region] = sums
    ran_at, occlusion, image_profile = plain["ran_at"], plain["occlusion"], plain["profile"]
    return PairRecord(
        index=_whole(plain["index"]),
        name=_text(plain["name"]),
        seconds=_number(plain["seconds"]),
        loading_seconds=_number(plain["loading_seconds"]),
        timed=bool(plain["timed"]),
        size=_size(plain["size"]),
        ran_at=None if ran_at is None else _size(ran_at),
        peak_memory_mb=_number(plain["peak_memory_mb"]),
        scores=scores,
        missing=tuple(map(_text, plain["missing"])),
        occlusion=None if occlusion is None else _text(occlusion),
        profile=None if image_profile is None else _to_profile(image_profile),
    )


def _to_profile(plain: Mapping[str, Any]) -> ImageProfile:
    values: dict[str, Any] = {}
    for key, number in NUMBERS_OF_BINS.items():
        values[key] = list(map(_number if key.endswith("_sums") else _whole, plain[key]))
        if len(values[key]) != number:
            raise ValueError(plain)
    return ImageProfile(**values)


def _size(plain: Any) -> tuple[int, int]:
    height, width = map(_whole, plain)
    return height, width


def _whole(plain: Any) -> int:
    if type(plain) is not int or not 0 <= plain < _MOST:
        raise ValueError(plain)
    return plain


def _number(plain: Any) -> float:
    if type(plain) not in (int, float) or not abs(plain) < _MOST:  # False for NaN too
        raise ValueError(plain)
    return float(plain)


def _text(plain: Any) -> str:
    if not isinstance(plain, str):
        raise TypeError(plain)
    plain.encode("utf-8", "surrogateescape")  # names need not be UTF-8; ValueError for half a surrogate pair
    return plain
