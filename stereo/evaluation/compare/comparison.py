"""What may be compared.

Numbers can be compared where the same pixels of the same images were scored by the same rule. Where that is not so, the
difference is named and refused, unless whoever compares says that it may be.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from stereo.errors import DataError
from stereo.evaluation.compare.entries import Entry, Source, grouped, source_names
from stereo.evaluation.compare.reading import PAIRED_METRICS, ImageScore, Key, key_of, read_images

# Regions that depend on the method, so that no two methods share them: shown, and not compared.
_OF_THE_METHOD = ("beyond_range",)
# Settings of the data that choose among its images; they are looked at where the names of the images are not known.
_CHOICES = ("limit", "names", "skip_list")

# The errors on each image by its name, of the entries where they are known, by the report's number and the entry's key.
Images = Mapping[tuple[int, Key], Mapping[str, ImageScore]]


def load_images(entries: Sequence[Entry], metrics: Sequence[str] = PAIRED_METRICS) -> Images:
    """Return the errors on each image, of the entries that can be compared with another.

    Args:
        metrics: `epe` first.

    Raises: DataError.
    """
    wanted: dict[int, set[Key]] = {}
    for group in comparable_groups(entries):
        for entry in group:
            wanted.setdefault(entry.number, set()).add(key_of(entry.result))
    reports = {entry.number: entry.report for entry in entries}
    return {
        (number, key): scores
        for number, keys in wanted.items()
        for key, scores in read_images(reports[number], keys, metrics).items()
    }


def comparable_groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return the groups of two entries and more, of regions that methods share."""
    groups = grouped(entries).values()
    return [group for group in groups if len(group) > 1 and group[0].result["region"] not in _OF_THE_METHOD]


def images_of(images: Images, entry: Entry) -> Mapping[str, ImageScore] | None:
    """Return the errors on each image of an entry; None where they are not known."""
    if entry.result["images"] == 0:
        return {}
    return images.get((entry.number, key_of(entry.result)))


def require_comparable(entries: Sequence[Entry], images: Images, allowed: Collection[str] = ()) -> None:
    """Refuse entries of one data set that were not scored alike.

    Args:
        allowed: What may differ: `protocol`, `region`, `averaging`, `names` (of the images), `sizes`, `pixels` (those
            that count), and settings of the data such as `rendering`.

    Raises: DataError that says what differs, with an example of each.
    """
    names = source_names(entries)
    found: dict[str, str] = {}
    for data in dict.fromkeys(entry.data for entry in entries):
        sources: dict[Source, list[Entry]] = {}
        for entry in entries:
            if entry.data == data:
                sources.setdefault(entry.source, []).append(entry)
        (first, own), *others = sources.items()
        for other, theirs in others:
            for key, one, two in _differences(own, theirs, images):
                if key not in allowed:
                    found.setdefault(key, f"{key} ({data}): {one} with {names[first]}, {two} with {names[other]}")
    if found:
        shared = "choose what they share (--protocol, --region), or " if found.keys() & {"protocol", "region"} else ""
        raise DataError(
            f"not comparable, these differ: {'; '.join(found.values())}; {shared}compare all the same: "
            f"--allow-different {' '.join(found)}"
        )


def _differences(one: Sequence[Entry], other: Sequence[Entry], images: Images) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs between two sources of one data set: its key, and the value of each."""
    yield from _unlike(one[0].data_settings, other[0].data_settings)
    ones, others = ({entry.group[1:]: entry for entry in entries} for entries in (one, other))
    protocols = [list(dict.fromkeys(protocol for protocol, _ in entries)) for entries in (ones, others)]
    if set(protocols[0]) != set(protocols[1]):
        yield "protocol", ", ".join(protocols[0]), ", ".join(protocols[1])
    for protocol in (name for name in protocols[0] if name in protocols[1]):
        regions = [
            [region for name, region in entries if name == protocol and region not in _OF_THE_METHOD]
            for entries in (ones, others)
        ]
        if set(regions[0]) != set(regions[1]):
            yield "region", ", ".join(regions[0]), ", ".join(regions[1])
        for region in (name for name in regions[0] if name in regions[1]):
            yield from _of_one_group(ones[protocol, region], others[protocol, region], images)


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    if one and other:  # a report of an earlier version may not say them
        for key in dict.fromkeys([*one, *other]):
            if one.get(key) != other.get(key):
                yield key, one.get(key), other.get(key)


def _of_one_group(one: Entry, other: Entry, images: Images) -> Iterator[tuple[str, Any, Any]]:
    if one.result["averaging"] != other.result["averaging"]:
        yield "averaging", one.result["averaging"], other.result["averaging"]
    mine, theirs = images_of(images, one), images_of(images, other)
    if mine is None or theirs is None:
        chosen, chosen_there = (
            {key: value for key, value in entry.report.data.get(entry.result["data"], {}).items() if key in _CHOICES}
            for entry in (one, other)
        )
        same_names = one.result["images"] == other.result["images"] and not list(_unlike(chosen, chosen_there))
        common: list[str] = []
        counts, example = (one.result["images"], other.result["images"]), f"chosen by {chosen}, {chosen_there}"
    else:
        same_names = mine.keys() == theirs.keys()
        common = [name for name in mine if name in theirs]
        alone = min(mine.keys() ^ theirs.keys(), default="")
        counts, example = (len(mine), len(theirs)), f"{len(common)} in common, {alone} in one alone"
    if not same_names:
        yield "names", f"{counts[0]} images", f"{counts[1]} images ({example})"
    elif (sizes := _sizes(one)) and (sizes_there := _sizes(other)) and sizes != sizes_there:
        yield "sizes", _in_words(sizes), _in_words(sizes_there)
    if mine is not None and theirs is not None:
        for name in common:
            if mine[name].pixels != theirs[name].pixels:
                yield "pixels", f"{mine[name].pixels} of {name}", theirs[name].pixels
                return


def _sizes(entry: Entry) -> dict[tuple[int, int], int]:
    """Return the number of images of each size, (rows, columns)."""
    counts: dict[tuple[int, int], int] = {}
    for size in entry.result.get("sizes") or ():
        shape = size["height"], size["width"]
        counts[shape] = counts.get(shape, 0) + size["images"]
    return counts


def _in_words(sizes: Mapping[tuple[int, int], int]) -> str:
    shown = [f"{count} of {height}×{width}" for (height, width), count in sorted(sizes.items())[:3]]
    return " and ".join(shown) + (" and others" if len(sizes) > 3 else "")
