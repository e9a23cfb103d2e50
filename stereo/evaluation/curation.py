"""Curation: which samples to leave out of training, by how badly a method did on them."""

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from stereo.config import choose
from stereo.errors import ConfigError, DataError
from stereo.evaluation.compare.reading import Key, read_rows
from stereo.evaluation.metrics import metric_names


class Scores(NamedTuple):
    """The values of one metric, px or %, by the name of the sample, and the entry of the report that they are of."""

    key: Key
    metric: str
    values: dict[str, float]


def read_scores(
    folder: str | Path,
    metric: str,
    data: str | None = None,
    method: str | None = None,
    protocol: str | None = None,
    region: str | None = "all",
) -> Scores:
    """Return what one metric is on each sample of an evaluation. Of samples of one name the largest value counts.

    Args:
        folder: What evaluate.py --output wrote.
        data, method, protocol, region: Of which entry of the report. None: of the only one that there is.

    Raises: ConfigError for a metric or an entry that is not there, and where one must be chosen; DataError for a folder
        that holds no evaluation, or a broken one.
    """
    choose(metric, [name for name in metric_names() if name != "density"], "metric")  # of density more is better
    path = Path(os.path.expanduser(folder)) / "per_image.csv"
    if not os.path.isfile(path):
        what = "has no per_image.csv" if os.path.isdir(path.parent) else "there is no such folder"
        raise DataError(f"{path.parent}: {what}; name a folder that evaluate.py --output wrote")
    found: dict[Key, dict[str, float]] = {}
    for key, name, score in read_rows(path, (metric,)):
        values = found.setdefault(key, {})
        values[name] = max(values.get(name, 0.0), score.values[0])
    if not found:
        raise DataError(f"{path}: no sample has a value of {metric}; ask for another --metric, or evaluate again")
    key = _choose(path, found, {"data": data, "method": method, "protocol": protocol, "region": region})
    return Scores(key, metric, found[key])


def _choose(path: Path, keys: Iterable[Key], wanted: dict[str, str | None]) -> Key:
    left = list(keys)
    for place, (what, name) in enumerate(wanted.items()):
        there = list(dict.fromkeys(key[place] for key in left))
        if name is None and len(there) > 1:
            raise ConfigError(f"{path}: is of several: {', '.join(there)}; choose one by --{what}")
        chosen = there[0] if name is None else choose(name, there, what)
        left = [key for key in left if key[place] == chosen]
    return left[0]


def samples_above(scores: Scores, threshold: float) -> list[str]:
    """Return the names of the samples on which the metric is above a threshold, px or %, in the report's order.

    Raises: ConfigError unless that is a number, 0 or more; DataError where it is none of the samples, or all.
    """
    if not 0 <= threshold < math.inf:
        raise ConfigError(f"--above is {threshold}, expected a number, 0 or more")
    metric, values = scores.metric, scores.values
    above = [name for name, value in values.items() if value > threshold]
    if not above:
        raise DataError(
            f"no sample has {metric} above {threshold:g}, the largest is {max(values.values()):.4g}: there is nothing "
            "to leave out; lower --above, or train without a skip list"
        )
    if len(above) == len(values):
        raise DataError(
            f"every one of {len(values):,} samples has {metric} above {threshold:g}, the smallest is "
            f"{min(values.values()):.4g}: nothing would be left to train on; raise --above"
        )
    return above
