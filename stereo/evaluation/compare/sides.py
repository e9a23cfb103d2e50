"""Which method is better on the same images: one against another, or several runs of one against several of another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stereo.errors import ConfigError
from stereo.evaluation.compare.comparison import Images, comparable_groups, images_of
from stereo.evaluation.compare.entries import Entry, Source, source_names
from stereo.evaluation.compare.reading import PAIRED_METRICS, ImageScore

# Metrics that can be compared image by image: in each less is better, and the whole is a mean. Title and unit of each.
PAIRED_TITLES = {
    "epe": ("EPE", "px"),
    "bad_05": ("bad-0.5", "% points"),
    **{f"bad_{threshold}": (f"bad-{threshold}", "% points") for threshold in (1, 2, 3, 4, 5)},
    "d1": ("D1", "% points"),
}


@dataclass(frozen=True)
class Side:
    """What is compared with another such: one method of one report, or several runs of one method."""

    name: str
    sources: tuple[Source, ...]


def single_sides(entries: Sequence[Entry], baseline: str | None = None) -> list[Side]:
    """Return a side for each method of each report, in their order, but the baseline first.

    Args:
        baseline: A method's name, or its name with its label. None: the first.

    Raises: ConfigError where no method is called so.
    """
    names = source_names(entries)
    sides = [Side(name, (source,)) for source, name in names.items()]
    if baseline is None:
        return sides
    chosen = [side for side in sides if baseline in (side.name, side.sources[0][1])]
    if not chosen:
        raise ConfigError(f"--baseline {baseline}: no method is called so; there are {', '.join(names.values())}")
    return [chosen[0], *(side for side in sides if side is not chosen[0])]


def sides_of_runs(entries: Sequence[Entry], a: int, b: int) -> list[Side]:
    """Return two sides, of the first `a` reports and of the `b` others: runs, each with one method.

    Raises: ConfigError where a report has several methods, or none of those asked for.
    """
    sources = list(dict.fromkeys(entry.source for entry in entries))
    numbers = [number for number, _ in sources]
    for number in range(1, a + b + 1):
        if number not in numbers:
            raise ConfigError(f"report {number} has nothing of what is asked for; leave it out, or ask for less")
    for number, method in sources:
        if numbers.count(number) > 1:
            methods = ", ".join(name for other, name in sources if other == number)
            raise ConfigError(f"report {number} has the methods {methods}; a run has one: choose by --method {method}")
    sides = []
    for letter, own in (("A", sources[:a]), ("B", sources[a:])):
        methods = " and ".join(dict.fromkeys(method for _, method in own))
        sides.append(Side(f"{letter} ({len(own)} run{'s' * (len(own) != 1)} of {methods})", tuple(own)))
    return sides


def compare_sides(
    entries: Sequence[Entry], images: Images, sides: Sequence[Side], metrics: Sequence[str] = PAIRED_METRICS
) -> list[str]:
    """Return a sentence for each group of entries, each metric that the images were loaded with, and each side but the
    first.

    Sides are compared on the images that all of their runs have. Above the sentences a line says what the brackets are.
    """
    found = []
    for group in comparable_groups(entries):
        scores = {entry.source: known for entry in group if (known := images_of(images, entry))}
        present = [(side, runs) for side in sides if (runs := [scores[s] for s in side.sources if s in scores])]
        found += [_Pair(group[0], *present[0], *other) for other in present[1:]]
    found = [pair for pair in found if pair.names]
    if not found:
        return []
    return [
        _heading(found),
        *(line for pair in found for line in pair.sentences(metrics)),
        *_over_data_sets(found, metrics),
    ]


@dataclass(frozen=True)
class _Pair:
    """Two sides of a group, each with the errors of its runs by the images' names. entry: one of the group."""

    entry: Entry
    a: Side
    runs_a: Sequence[Mapping[str, ImageScore]]
    b: Side
    runs_b: Sequence[Mapping[str, ImageScore]]

    @cached_property
    def names(self) -> list[str]:
        """Return the names of the images that all runs have, but those that have no weight."""
        common = set[str].intersection(*(set(run) for run in (*self.runs_a, *self.runs_b)))
        return sorted(name for name in common if self._weight(name))

    def _weight(self, name: str) -> int:
        return self.runs_a[0][name].pixels if self.entry.result["averaging"] == "pixels" else 1

    @property
    def part(self) -> str:
        """Return protocol and region in words."""
        _, protocol, region = self.entry.group
        return protocol + ("" if region == "all" else f", {region}")

    def sentences(self, metrics: Sequence[str]) -> Iterator[str]:
        weights = [self._weight(name) for name in self.names]
        yield from _sentences(f"{self.entry.data}, {self.part}", [self], weights, metrics)


def _sentences(what: str, pairs: Sequence[_Pair], weights: Sequence[int], metrics: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each metric, over the images of all pairs, which are of the same two sides."""
    # They need NumPy and scipy, which a table does not.
    from stereo.evaluation.compare.statistics import describe, paired_difference

    first = pairs[0]
    for place, metric in enumerate(metrics):
        title, unit = PAIRED_TITLES[metric]
        a = [
            [pair.runs_a[run][name].values[place] for pair in pairs for name in pair.names]
            for run in range(len(first.runs_a))
        ]
        b = [
            [pair.runs_b[run][name].values[place] for pair in pairs for name in pair.names]
            for run in range(len(first.runs_b))
        ]
        found = paired_difference(a, b, weights)
        yield f"- {what}, {title}: {describe(found, first.a.name, first.b.name, unit)}"


def _over_data_sets(pairs: Sequence[_Pair], metrics: Sequence[str]) -> Iterator[str]:
    """Yield what holds over all data sets together, for each protocol and region that several have."""
    together: dict[tuple[str, str, str, int, int], list[_Pair]] = {}
    for pair in pairs:
        key = pair.part, pair.a.name, pair.b.name, len(pair.runs_a), len(pair.runs_b)
        together.setdefault(key, []).append(pair)
    for (part, *_), own in together.items():
        if len(own) > 1:
            count = sum(len(pair.names) for pair in own)
            what = f"{len(own)} data sets, {count} images that count alike, {part}"
            yield from _sentences(what, own, [1] * count, metrics)


def _heading(pairs: Sequence[_Pair]) -> str:
    from stereo.evaluation.compare.statistics import FEW_IMAGES, FEW_RUNS, LEVEL, RESAMPLES, SEED

    runs = [len(runs) for pair in pairs for runs in (pair.runs_a, pair.runs_b) if len(runs) > 1]
    few = [f"fewer than {FEW_IMAGES} images"] if min(len(pair.names) for pair in pairs) < FEW_IMAGES else []
    few += [f"fewer than {FEW_RUNS} runs"] if runs and min(runs) < FEW_RUNS else []
    drawn = "the images and of the runs" if runs else "the images"
    caution = f" (from {' or '.join(few)} they are too narrow)" if few else ""
    return (
        f"Image by image; in brackets {100 * LEVEL:.0f} % intervals: percentiles of {RESAMPLES:,} paired bootstrap "
        f"draws of {drawn}, seed {SEED}{caution}:"
    )
