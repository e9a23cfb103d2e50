"""The scores of the rows' runs, read back from their evaluations."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.ablation.rows import Place, Row, seeds_in
from stereo.errors import DataError
from stereo.evaluation.compare.reading import Report, read_images, read_report

METRICS = {"epe": "EPE", "bad_1": "bad-1", "bad_2": "bad-2"}
# The procedural scenes, which are scored last: a report without them is of an evaluation that goes on.
SCENES = "synthetic"
_PROTOCOL = "all"

# A pair: FAMILY[:PATH] and name.
Pair = tuple[str, str]


@dataclass(frozen=True)
class Scores:
    """The errors of a row's runs.

    values: by region and family, [runs, pairs, METRICS]. pairs: what the pairs are, alike. origins: of the reports,
        by what program and machine.
    """

    row: Row
    seeds: tuple[int, ...]
    values: Mapping[tuple[str, str], NDArray[np.float64]]
    pairs: Mapping[tuple[str, str], Sequence[Pair]]
    origins: tuple[str, ...]

    def of(self, region: str, metric: str, families: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return a metric of those families that have pixels of a region, [runs, pairs] each."""
        place = list(METRICS).index(metric)
        return {name: self.values[region, name][..., place] for name in families if (region, name) in self.values}

    @property
    def families(self) -> list[str]:
        """Return the families of real pairs."""
        return [family for region, family in self.values if region == "all" and family != SCENES]


def read_scores(row: Row, place: Place) -> Scores | None:
    """Return the scores of all runs of a row whose evaluation is complete; None where there are none.

    Raises: DataError for a broken report, and where two runs were scored on other pairs.
    """
    seeds, runs, origins = [], [], []
    for seed in seeds_in(place.results, row):
        folder = place.result(row, seed)
        if not os.path.exists(folder / "report.json"):
            continue
        report = read_report(folder)
        if SCENES not in {result["data"] for result in report.results}:
            continue
        seeds.append(seed)
        runs.append(_by_family(report))
        origins.append(f"revision {str(report.run.get('revision'))[:12]}, {report.run.get('machine')}")
    if not seeds:
        return None
    pairs = {key: sorted(values) for key, values in runs[0].items()}
    for seed, run in zip(seeds, runs, strict=True):
        require_same(pairs, {key: sorted(values) for key, values in run.items()}, place, row, seed)
    values = {key: np.array([[run[key][pair] for pair in own] for run in runs]) for key, own in pairs.items()}
    return Scores(row, tuple(seeds), values, pairs, tuple(dict.fromkeys(origins)))


def require_same(
    one: Mapping[tuple[str, str], Sequence[Pair]],
    other: Mapping[tuple[str, str], Sequence[Pair]],
    place: Place,
    row: Row,
    seed: int,
) -> None:
    """Raise DataError where a run was scored on other pairs than another."""
    for region, family in dict.fromkeys([*one, *other]):
        mine, theirs = set(one.get((region, family), ())), set(other.get((region, family), ()))
        if mine != theirs:
            spec, name = min(mine ^ theirs)
            raise DataError(
                f"{place.result(row, seed)}: was scored on other pairs than the other runs, {spec} {name} ({region}) "
                "in one alone; evaluate all with the same --real and --data"
            )


def _by_family(report: Report) -> dict[tuple[str, str], dict[Pair, tuple[float, ...]]]:
    keys = {
        (result["data"], result["method"], result["protocol"], result["region"])
        for result in report.results
        if result["protocol"] == _PROTOCOL
    }
    found: dict[tuple[str, str], dict[Pair, tuple[float, ...]]] = {}
    images = read_images(report, keys, list(METRICS))
    for data, method, protocol, region in sorted(images):
        own = found.setdefault((region, data.partition(":")[0]), {})
        own |= {(data, name): score.values for name, score in images[data, method, protocol, region].items()}
    return found
