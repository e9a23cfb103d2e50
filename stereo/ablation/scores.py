"""The scores of the rows' runs, as they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.ablation.kept import METRICS, SCENES, digest, read_run
from stereo.ablation.rows import Place, Row, seeds_in
from stereo.errors import DataError


@dataclass(frozen=True)
class Scores:
    """The errors of a row's runs.

    values: by region and family, [runs, pairs, METRICS]. pairs: what the pairs are, alike. origins: of the reports,
        by what program and machine.
    """

    row: Row
    seeds: tuple[int, ...]
    values: Mapping[tuple[str, str], NDArray[np.float64]]
    pairs: Mapping[tuple[str, str], Sequence[str]]
    origins: tuple[str, ...]

    def of(
        self, region: str, metric: str, families: Sequence[str], seeds: Sequence[int] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Return a metric of those families that have pixels of a region, [runs, pairs] each, of all seeds or these."""
        place = list(METRICS).index(metric)
        runs = [self.seeds.index(seed) for seed in (self.seeds if seeds is None else seeds)]
        return {name: self.values[region, name][runs][..., place] for name in families if (region, name) in self.values}

    @property
    def families(self) -> list[str]:
        """Return the families of real pairs."""
        return [family for region, family in self.values if region == "all" and family != SCENES]


def shared_seeds(scores: Sequence[Scores]) -> list[int]:
    """Return the seeds that all of these rows have.

    Only their runs are compared: a seed decides in which order all rows see the samples, and is luckier than another.
    """
    return sorted(set.intersection(*(set(one.seeds) for one in scores)))


def read_scores(row: Row, place: Place) -> Scores | None:
    """Return the scores of all runs of a row; None where there are none.

    Raises: DataError for a broken file, for scores of an earlier form of the row, and where two runs were scored on
        other pairs.
    """
    seeds = seeds_in(place.scores, row, ".jsonl")
    if not seeds:
        return None
    runs = [read_run(place.score(row, seed)) for seed in seeds]
    for seed, run in zip(seeds, runs, strict=True):
        if run.row != digest(row):
            raise DataError(
                f"{place.score(row, seed)}: is of other settings than {row.path} has now; "
                "remove it and train and evaluate the row again, or give the new settings a file of their own"
            )
    pairs = {key: sorted(values) for key, values in runs[0].errors.items()}
    for seed, run in zip(seeds, runs, strict=True):
        require_same(pairs, {key: sorted(values) for key, values in run.errors.items()}, place, row, seed)
    values = {key: np.array([[run.errors[key][pair] for pair in own] for run in runs]) for key, own in pairs.items()}
    return Scores(row, tuple(seeds), values, pairs, tuple(dict.fromkeys(run.origin for run in runs)))


def require_same(
    one: Mapping[tuple[str, str], Sequence[str]],
    other: Mapping[tuple[str, str], Sequence[str]],
    place: Place,
    row: Row,
    seed: int,
) -> None:
    """Raise DataError where a run was scored on other pairs than another."""
    for region, family in dict.fromkeys([*one, *other]):
        mine, theirs = set(one.get((region, family), ())), set(other.get((region, family), ()))
        if mine != theirs:
            raise DataError(
                f"{place.score(row, seed)}: was scored on other pairs than the other runs, {min(mine ^ theirs)} "
                f"of {family} ({region}) in one alone; evaluate all with the same --real and --data"
            )
