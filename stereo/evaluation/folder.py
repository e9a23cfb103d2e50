"""The folder of an evaluation: report.json and per_image.csv from its records; several shards' folders made one."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from stereo.errors import DataError, FormatError, OutputError
from stereo.evaluation.metrics import metric_names
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.provenance import OF_SHARD
from stereo.evaluation.records import differing, read_identity, read_in_order, read_records, record_files
from stereo.evaluation.regions import REGIONS
from stereo.evaluation.report import as_reported, write_report
from stereo.evaluation.tally import Tally, image_row
from stereo.files import read_file
from stereo.output import atomic_output, make_output_folder

IMAGE_COLUMNS = ("data", "method", "protocol", "region", "index", "name", "pixels", "seconds", "loading_seconds")
# A report of a hundred data sets and methods has some MB.
_MAX_BYTES = 256 << 20


def write_folder(
    folder: Path, tallies: Sequence[Tally], run: Mapping[str, Any], shard: str | None = None
) -> dict[str, Any]:
    """Write report.json and per_image.csv, each at once or not at all; return the content of report.json.

    Args:
        folder: The evaluation's, which holds its records.
        tallies: In the report's order.
        run: Where the numbers come from, as :func:`stereo.evaluation.provenance.describe_run` says it.
        shard: i/n, where this is a part.

    Raises: OutputError.
    """
    results = [result.to_dict() for tally in tallies for result in tally.results()]
    used = dict.fromkeys((result["protocol"], result["region"]) for result in results)
    about = {
        "profiles": [found for tally in tallies if (found := tally.profile()) is not None],
        "protocols": {name: PROTOCOLS[name].description for name, _ in used},
        "regions": {name: REGIONS[name].description for _, name in used},
        **run,
        "shard": shard,
    }
    write_report(folder / "report.json", results, about)
    with (
        atomic_output(folder / "per_image.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.DictWriter(file, [*IMAGE_COLUMNS, *metric_names()])
        writer.writeheader()
        for row in image_rows(folder, tallies):
            writer.writerow({key: repr(value) if isinstance(value, float) else value for key, value in row.items()})
    return {"results": results, **about}


def image_rows(folder: Path, tallies: Sequence[Tally]) -> Iterator[dict[str, Any]]:
    """Yield the rows of per_image.csv: for each data set and method the images in order, each under every protocol."""
    regions = {(tally.data, tally.method): tally.regions for tally in tallies}
    for entry in read_in_order(folder / "records"):
        for protocol, own in regions.get((entry.data, entry.method), {}).items():
            for region in own:
                row = image_row(entry.record, entry.data, entry.method, protocol, region)
                if row is not None:
                    yield row


def remove_reports(folder: Path) -> None:
    """Remove the report of an earlier evaluation, which must not stand beside records that it is not of."""
    reports = [folder / name for name in ("report.json", "per_image.csv", "report.html")]
    for path in reports:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be removed: {error.strerror}; use another folder") from None


def merge_folders(folders: Sequence[Path], output: Path) -> Path:
    """Merge the folders of all shards of one evaluation into one, and return it.

    The numbers are those of one run, to the last digit; times are of all shards.

    Raises: DataError where a shard is missing, there twice, not finished, or of another evaluation; OutputError.
    """
    reports = [_report(folder) for folder in folders]
    _check_shards(folders, [report.get("shard") for report in reports])
    first = read_identity(folders[0] / "records")
    for folder, report in zip(folders, reports, strict=True):
        own = read_identity(folder / "records")
        difference = [key for key in differing(first, own) if key not in OF_SHARD]
        if difference:
            raise DataError(f"{folder}: differs from {folders[0]} in {', '.join(difference)}: not of one evaluation")
        there = {(row["data"], row["method"]) for row in report["results"]}
        for data, method in product(own["data"], own["methods"]):
            if (as_reported(data), method) not in there:
                raise DataError(f"{folder}: is not finished, {method} on {data} is missing; go on with --resume")
    target = make_output_folder(output)
    if any(target.samefile(folder) for folder in folders):
        raise OutputError(f"{target}: is one of the shards; use another --output")
    remove_reports(target)
    records = make_output_folder(target / "records")
    for path in record_files(records):  # of an earlier merger
        path.unlink()
    for number, folder in enumerate(folders, 1):
        for path in record_files(folder / "records"):
            with atomic_output(records / f"shard{number}_{path.name}") as temporary:
                temporary.write_bytes(path.read_bytes())
    tallies = _tallies(reports)
    for entry in read_records(records):
        tally = tallies.get((as_reported(entry.data), entry.method))
        if tally is None or not entry.record.scores.keys() <= tally.counts.totals.keys():
            raise DataError(f"{entry.record.name} is scored by what {folders[0]} does not list; evaluate it again")
        tally.counts.add(entry.record)
    run = {key: value for key, value in reports[0].items() if key not in ("results", "profiles", "shard")}
    write_folder(target, list(tallies.values()), run)
    return target


def _tallies(reports: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Tally]:
    """Return an empty tally for each data set and method, with the protocols, regions and notes of the shards' rows."""
    regions: dict[tuple[str, str], dict[str, list[str]]] = {}
    notes: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in reports[0]["results"]:
        key = row["data"], row["method"]
        regions.setdefault(key, {}).setdefault(row["protocol"], []).append(row["region"])
        own_notes = notes.setdefault(key, {})
        own_notes.setdefault(row["protocol"], [])  # a damaged report may lack the row of the whole image
        if row["region"] == "all":
            own_notes[row["protocol"]] = row["notes"]
    return {
        (data, method): Tally(data, method, [PROTOCOLS[name] for name in own], own, notes[data, method])
        for (data, method), own in regions.items()
    }


def _report(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    try:
        report = json.loads(read_file(path, _MAX_BYTES))
        json.dumps(report, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogateescape")  # as it is written
    except FormatError as error:
        raise DataError(f"{error}; name the folder of one shard") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path}: cannot be read as a report; name the folder of one shard of an evaluation") from None
    if not isinstance(report, dict) or not isinstance(report.get("results"), list) or "shard" not in report:
        raise DataError(f"{path}: is no report of this version; name the folder of one shard of an evaluation")
    if not all(map(_is_row, report["results"])) or not _is_shard(report["shard"]):
        raise DataError(f"{path}: is damaged; copy the folder again, or evaluate this shard again")
    return report


def _is_row(row: Any) -> bool:
    """Return whether what a report lists is of a data set, a method, a protocol that we know, and a region."""
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(key), str) for key in ("data", "method", "protocol", "region"))
        and row["protocol"] in PROTOCOLS
        and isinstance(row.get("notes"), list)
    )


def _is_shard(shard: Any) -> bool:
    return shard is None or (isinstance(shard, str) and re.fullmatch(r"[1-9]\d{0,5}/[1-9]\d{0,5}", shard) is not None)


def _check_shards(folders: Sequence[Path], shards: Sequence[str | None]) -> None:
    counts = set()
    for folder, shard in zip(folders, shards, strict=True):
        if shard is None:
            raise DataError(f"{folder}: is no shard; name folders that evaluate.py --shard i/n wrote")
        counts.add(shard.partition("/")[2])
    listed = ", ".join(map(str, shards))
    if len(counts) > 1:
        raise DataError(f"the shards are of different divisions: {listed}")
    (count,) = counts
    missing = [f"{number}/{count}" for number in range(1, int(count) + 1) if f"{number}/{count}" not in shards]
    if missing:
        raise DataError(f"shard {', '.join(missing)} is missing; merge all of them")
    if len(set(shards)) < len(shards):
        raise DataError(f"a shard is there twice: {listed}")
