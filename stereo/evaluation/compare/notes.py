"""What has to be said beside a comparison: what differs and may, and what could not be compared."""

from collections.abc import Iterator, Sequence
from typing import Any

from stereo.evaluation.compare.comparison import Images, comparable_groups, images_of
from stereo.evaluation.compare.entries import Entry, source_names
from stereo.evaluation.compare.reading import is_number

# Key in the report, and what it is called where it differs.
_RUN = (
    ("version", "version of stereo"),
    ("revision", "git revision"),
    ("torch", "version of PyTorch"),
    ("machine", "machine, so that times cannot be compared"),
    ("threads", "number of threads, so that times cannot be compared"),
)
# px: networks pad an image to a multiple of no more than this.
_MOST_PADDING = 64


def notes(entries: Sequence[Entry], images: Images) -> list[str]:
    """Return a line for each thing that has to be said."""
    found = [*_of_the_runs(entries), *_of_the_images(entries, images), *_of_the_sizes(entries)]
    return [f"note: {line}" for line in dict.fromkeys(found)]


def _of_the_runs(entries: Sequence[Entry]) -> Iterator[str]:
    reports = {entry.number: entry.report for entry in entries}
    for number, report in reports.items():
        if report.run.get("shard") is not None:
            yield f"report {number} is shard {str(report.run['shard'])[:20]} of an evaluation: join them by --merge"
    for key, title in _RUN:
        numbers: dict[str, list[str]] = {}
        for number, report in reports.items():
            if report.run.get(key) is not None:
                numbers.setdefault(str(report.run[key])[:80], []).append(str(number))
        if len(numbers) > 1:
            values = "; ".join(f"{value} (report {', '.join(own)})" for value, own in numbers.items())
            yield f"the reports differ in the {title}: {values}"


def _of_the_images(entries: Sequence[Entry], images: Images) -> Iterator[str]:
    names = source_names(entries)
    for entry in entries:
        if failed := len(entry.result.get("failed", ())):
            yield f"{entry.data}: {failed} item{'s' * (failed != 1)} failed with {names[entry.source]}"
    for group in comparable_groups(entries):
        for entry in group:
            if images_of(images, entry) is None:
                yield (
                    f"{entry.report.path}: has no errors on single images (no per_image.csv), so that it is not "
                    "compared image by image"
                )
        known = [scores.keys() for entry in group if (scores := images_of(images, entry))]
        if len({frozenset(own) for own in known}) > 1:
            what = ", ".join(group[0].group[:2])
            yield f"{what}: the images are not all the same: compared are those in common, the table is of each one's"


def _of_the_sizes(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield at what size those methods ran that made the images smaller or larger, padding aside."""
    names = source_names(entries)
    for entry in entries:
        for size in entry.result.get("sizes") or ():
            ran_at, own = size.get("ran_at"), (size["height"], size["width"])
            if _is_pair(ran_at) and _is_scaled(own, ran_at):
                what = f"{entry.data}: {names[entry.source]}"
                yield f"{what} ran at {ran_at[0]}×{ran_at[1]}, the images are {own[0]}×{own[1]}"
                break


def _is_pair(values: Any) -> bool:
    return isinstance(values, list) and len(values) == 2 and all(map(is_number, values))


def _is_scaled(own: tuple[int, int], ran_at: Sequence[int]) -> bool:
    return any(not size <= at < size + _MOST_PADDING for size, at in zip(own, ran_at, strict=True))
