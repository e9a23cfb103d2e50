"""Two groups of rows, their runs taken together: what a part brings, in whatever network it stands."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stereo.ablation.kept import METRICS, SCENES
from stereo.ablation.rows import Place, Row
from stereo.ablation.scores import Scores, read_scores, require_same, shared_seeds
from stereo.ablation.statistic import Ratio, ratio
from stereo.errors import ConfigError


def compare(
    rows: Sequence[Row], others: Sequence[Row], place: Place, region: str = "all"
) -> dict[tuple[str, str], Ratio]:
    """Return the ratio of the rows' mean score to that of the others, by "real" or "scenes" and metric.

    Every run of a seed that all rows have counts as one; the interval is that of
    :func:`stereo.ablation.statistic.ratio`. A part without pixels of the region is left out.

    Raises: ConfigError for a row on both sides or without scores, and where no seed is in all rows; DataError for
        scores on other pairs than the rest's.
    """
    for row in rows:
        if row in others:
            raise ConfigError(f"{row.name} stands on both sides; leave it out of one")
    mine, theirs = _read(rows, place), _read(others, place)
    for found in (*mine, *theirs):
        require_same(mine[0].pairs, found.pairs, place, found.row, found.seeds[0])
    seeds = shared_seeds([*mine, *theirs])
    if not seeds:
        raise ConfigError("these rows have no seed in common; train another, or leave a row out")
    parts = {"real": mine[0].families, "scenes": [SCENES]}
    return {
        (part, metric): ratio(*(_together(side, region, metric, families, seeds) for side in (mine, theirs)))
        for part, families in parts.items()
        if any((region, family) in mine[0].values for family in families)
        for metric in METRICS
    }


def _read(rows: Sequence[Row], place: Place) -> list[Scores]:
    found = [(row, read_scores(row, place)) for row in rows]
    missing = [row.name for row, scores in found if scores is None]
    if missing:
        raise ConfigError(f"no scores yet of {', '.join(missing)}; train and evaluate first")
    return [scores for _, scores in found if scores is not None]


def _together(
    scores: Sequence[Scores], region: str, metric: str, families: Sequence[str], seeds: Sequence[int]
) -> dict[str, NDArray[np.float64]]:
    """Return the errors of the runs by family, [runs, pairs]."""
    each = [found.of(region, metric, families, seeds) for found in scores]
    return {family: np.concatenate([one[family] for one in each]) for family in each[0]}
