"""The entries of several reports as the lines of one table: chosen, grouped, and named so that none is mistaken."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from stereo.config import choose
from stereo.errors import ConfigError
from stereo.evaluation.compare.reading import Report, is_number

# Settings that say where or how data is read, or which part of it; what was scored is compared itself.
_NOT_THE_DATA = ("family", "path", "weight", "check_views", "limit", "names", "skip_list")


# A report's number and one of its methods: what is compared with others.
Source = tuple[int, str]


@dataclass(frozen=True)
class Entry:
    """One entry of a report.

    number: of the report, from 1. data: what stands for the data set; the same in all reports.
    label, data_label: what tells its method and its data set from others of that name, in parentheses, or nothing.
    """

    number: int
    report: Report
    result: Mapping[str, Any]
    data: str
    label: str
    data_label: str

    @property
    def method(self) -> str:
        """Return the method's name with its label."""
        return self.result["method"] + self.label

    @property
    def group(self) -> tuple[str, str, str]:
        """Return data set, protocol and region: entries of one group can be compared."""
        return self.data, self.result["protocol"], self.result["region"]

    @property
    def source(self) -> Source:
        """Return the report's number and the method: what is compared with others."""
        return self.number, self.result["method"]

    @property
    def data_settings(self) -> dict[str, Any]:
        """Return the settings of the data that decide what a pixel's error is."""
        settings = self.report.data.get(self.result["data"], {})
        return {key: value for key, value in settings.items() if key not in _NOT_THE_DATA}


def choose_entries(
    reports: Sequence[Report],
    protocols: Sequence[str] = (),
    regions: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> list[Entry]:
    """Return the entries of these protocols, regions and methods, in the reports' order; of all where none is named.

    Raises: ConfigError for a name that no report has, and where no entry is of all of them.
    """
    wanted = {"protocol": protocols, "region": regions, "method": methods}
    for key, names in wanted.items():
        there = dict.fromkeys(result[key] for report in reports for result in report.results)
        for name in names:
            choose(name, list(there), key)
    data_names = data_labels([result["data"] for result in report.results] for report in reports)
    labels = _method_labels(reports)
    entries = [
        Entry(
            number,
            report,
            result,
            data_names[result["data"]],
            labels[number, result["method"]],
            _data_label(report, result["data"], reports, data_names),
        )
        for number, report in enumerate(reports, 1)
        for result in report.results
        if all(result[key] in chosen for key, chosen in wanted.items() if chosen)
    ]
    if not entries:
        words = [f"{key} {' or '.join(chosen)}" for key, chosen in wanted.items() if chosen]
        raise ConfigError(f"no entry is of {' and '.join(words)} at once; ask for fewer of them")
    return entries


def headline(entries: Sequence[Entry], protocols: bool = False, regions: bool = False) -> list[Entry]:
    """Return the entries of each data set's first protocol and first region, which is the whole image.

    The first are those that all methods of all reports have; of a data set without such, all entries are returned.

    Args:
        protocols, regions: Whether all of them are wanted.
    """
    sources: dict[str, set[Source]] = {}
    for entry in entries:
        sources.setdefault(entry.data, set()).add(entry.source)
    first: dict[str, tuple[str, str]] = {}
    for (data, *what), group in grouped(entries).items():
        if {entry.source for entry in group} == sources[data]:
            first.setdefault(data, (what[0], what[1]))

    def is_shown(entry: Entry) -> bool:
        data, protocol, region = entry.group
        if data not in first:
            return True
        return (protocols or protocol == first[data][0]) and (regions or region == first[data][1])

    return [entry for entry in entries if is_shown(entry)]


def grouped(entries: Iterable[Entry]) -> dict[tuple[str, str, str], list[Entry]]:
    """Return the entries by their group, in the order in which they come."""
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return groups


def metric_names(entries: Sequence[Entry]) -> list[str]:
    """Return the names of all numbers that entries have, in the reports' order."""
    return list(dict.fromkeys(key for entry in entries for key, value in entry.result.items() if is_number(value)))


def source_names(entries: Sequence[Entry]) -> dict[Source, str]:
    """Return what each method of each report is called, none like another."""
    names = {entry.source: entry.method for entry in entries}
    shared = list(names.values())
    return {
        source: name if shared.count(name) == 1 else f"{name} of report {source[0]}" for source, name in names.items()
    }


# --------------------------------------------------------------------------------------------------------- names


def data_labels(reports: Iterable[Iterable[str]]) -> dict[str, str]:
    """Return what each FAMILY[:PATH] is called: its family, since paths are of one machine.

    Where a report has two of one family, all of that family keep as much of their paths as tells them apart.

    Args:
        reports: The FAMILY[:PATH]s of each report.
    """
    specs = [dict.fromkeys(report) for report in reports]
    counts = [Counter(spec.partition(":")[0] for spec in report) for report in specs]
    paths: dict[str, dict[str, str]] = {}  # by family, from FAMILY[:PATH] to PATH
    for spec in dict.fromkeys(spec for report in specs for spec in report):
        family, _, path = spec.partition(":")
        paths.setdefault(family, {})[spec] = path
    return {
        spec: f"{family}:{_short_path(path, own.values())}" if path and any(c[family] > 1 for c in counts) else family
        for family, own in paths.items()
        for spec, path in own.items()
    }


def _data_label(report: Report, spec: str, reports: Sequence[Report], names: Mapping[str, str]) -> str:
    """Return the settings of a data set that are others in another report, as its split may be."""
    others = [values for other in reports for name, values in other.data.items() if names.get(name) == names[spec]]
    words = [
        f"{key} {value}"
        for key, value in report.data.get(spec, {}).items()
        if key != "path" and any(other.get(key) != value for other in others)
    ]
    return f" ({', '.join(words)})" if words else ""


def _method_labels(reports: Sequence[Report]) -> dict[tuple[int, str], str]:
    """Return what tells a method from others of its name: its checkpoint, and settings that differ."""
    labels = {}
    for number, report in enumerate(reports, 1):
        for method, settings in report.methods.items():
            rivals = [other.methods[method] for other in reports if method in other.methods]
            words = []
            checkpoint = settings.get("checkpoint")
            if checkpoint is not None:
                words.append(_short_name(str(checkpoint), [str(other.get("checkpoint")) for other in rivals]))
            for key, value in settings.items():
                # Weights are named where a file of the same path has held others.
                others = [other for other in rivals if key != "weights" or other.get("checkpoint") == checkpoint]
                if key != "checkpoint" and any(other.get(key) != value for other in others):
                    words.append(f"{key} {value}")
            labels[number, method] = f" ({', '.join(words)})" if words else ""
    return labels


def _short_name(path: str, others: Iterable[str]) -> str:
    """Return as much of the end of a file's path, without its suffix, as tells it from the other paths."""
    short, *rest = (name.removesuffix(PurePath(name).suffix) for name in (path, *others))
    return _short_path(short, rest) or "no name"


def _short_path(path: str, others: Iterable[str]) -> str:
    """Return as much of the end of a path as tells it from the other paths."""
    parts = path.rstrip("/").split("/")
    rivals = [other.rstrip("/").split("/") for other in others if other != path]
    for count in range(1, len(parts)):
        if all(rival[-count:] != parts[-count:] for rival in rivals):
            return "/".join(parts[-count:])
    return path
