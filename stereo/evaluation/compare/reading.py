"""Reports of evaluations read back, with every check that a stranger's file needs, and without PyTorch."""

import csv
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from stereo.errors import DataError, FormatError
from stereo.files import read_file

# Data set, method, protocol and region: what one entry of a report is of.
Key = tuple[str, str, str, str]

# Per image, what is compared image by image.
PAIRED_METRICS = ("epe", "bad_2")
# What every entry has: whole numbers, then numbers that may be null.
_WHOLE = ("images",)
_NUMBERS = ("epe", "bad_1", "bad_2", "bad_3", "d1", "seconds_per_pair")
# Ten data sets of 40,000 pairs, with notes.
_MAX_BYTES = 256 << 20
_AGAIN = "name a report.json that evaluate.py wrote"


@dataclass(frozen=True)
class Report:
    """One report that was read.

    results: one for each data set, method, protocol and region, keys and units as evaluate.py writes them.
    methods: the settings of each method; `weights` is the beginning of the SHA-256 of its checkpoint.
    data: the settings of each data set by its FAMILY[:PATH], with dots where they are nested.
    run: all else that the report says, such as `version` and `machine`.
    """

    path: Path
    results: tuple[Mapping[str, Any], ...]
    methods: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, Mapping[str, Any]]
    run: Mapping[str, Any]


class ImageScore(NamedTuple):
    """The errors on one image. pixels: how many count. values: of the metrics that were asked for."""

    pixels: int
    values: tuple[float, ...]


def key_of(result: Mapping[str, Any]) -> Key:
    """Return what an entry of a report is of."""
    return result["data"], result["method"], result["protocol"], result["region"]


def is_number(value: Any) -> bool:
    """Return whether a value of a report is a number that float64 holds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


# ------------------------------------------------------------------------------------------------------- the report


def read_report(path: str | Path) -> Report:
    """Read a report, which is named by its file or by its folder.

    Raises: DataError that names the file, the entry and the value that is wrong.
    """
    path = Path(path)
    if os.path.isdir(path):
        path = path / "report.json"
    try:
        content = json.loads(read_file(path, _MAX_BYTES))
        json.dumps(content, ensure_ascii=False).encode()  # fails for half a surrogate pair, which nothing can print
    except FormatError as error:
        raise DataError(f"{error}; {_AGAIN}") from None
    except (ValueError, RecursionError):
        raise DataError(f"{path}: is not a JSON file; {_AGAIN}") from None
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list) or not results:
        raise DataError(f"{path}: has no results; {_AGAIN}")
    for number, result in enumerate(results, 1):
        _check(result, f"{path}: result {number}")
    # Reports of earlier versions lack what later ones say.
    results = [{"region": "all", "averaging": "pixels", **result} for result in results]
    places: dict[Key, int] = {}
    for number, result in enumerate(results, 1):
        if places.setdefault(key_of(result), number) != number:
            same = f"is of the data set, method, protocol and region of result {places[key_of(result)]}"
            raise DataError(f"{path}: result {number} {same}; {_AGAIN}")
    data = content.get("data")
    data = {spec: _flat(values) for spec, values in data.items()} if isinstance(data, dict) else {}
    run = {key: value for key, value in content.items() if key not in ("results", "methods", "settings", "data")}
    return Report(path, tuple(results), _methods(content, results), data, run)


def _check(result: Any, where: str) -> None:
    if not isinstance(result, dict):
        raise DataError(f"{where} is {_quote(result)}, expected the values of one evaluation; {_AGAIN}")

    def refuse(key: str, expected: str) -> DataError:
        return DataError(f"{where}: '{key}' is {_quote(result.get(key))}, expected {expected}; {_AGAIN}")

    for key in ("data", "method", "protocol", "region"):
        if not isinstance(result.get(key, "all" if key == "region" else None), str):
            raise refuse(key, "a name")
    for key in (*_WHOLE, *_NUMBERS):
        if key not in result:
            raise DataError(f"{where}: has no '{key}'; {_AGAIN}")
    for key, value in result.items():
        if key in _WHOLE:
            if not (is_number(value) and isinstance(value, int) and value >= 0):
                raise refuse(key, "a whole number, 0 or more")
        elif ((key in _NUMBERS and value is not None) or isinstance(value, int | float)) and not is_number(value):
            raise refuse(key, "a number or null")
    if result.get("averaging", "pixels") not in ("pixels", "images"):
        raise refuse("averaging", "pixels or images")
    if not isinstance(result.get("failed", []), list):
        raise refuse("failed", "a list")
    sizes = result.get("sizes") or []
    if not isinstance(sizes, list) or not all(
        isinstance(size, dict) and all(is_number(size.get(key)) for key in ("height", "width", "images"))
        for size in sizes
    ):
        raise refuse("sizes", "a list of {height, width, ran_at, images}")


def _methods(content: Mapping[str, Any], results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the settings of each method. Reports of earlier versions have one method, or say its checkpoint alone."""
    names = dict.fromkeys(result["method"] for result in results)
    stated, settings = content.get("methods"), content.get("settings")
    if not isinstance(stated, dict):
        settings = settings if isinstance(settings, dict) else {"checkpoint": content.get("checkpoint")}
        stated = dict.fromkeys(names, settings)
    methods = {}
    for name in names:
        settings = stated.get(name)
        methods[name] = dict(settings) if isinstance(settings, dict) else {}
        if methods[name].get("checkpoint") is not None:
            methods[name]["weights"] = str(content.get("checkpoint_sha256"))[:8]
    return methods


def _flat(values: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        flat |= {f"{key}.{name}": part for name, part in value.items()} if isinstance(value, dict) else {key: value}
    return flat


def _quote(value: Any) -> str:
    return ascii(value)[:40]


# ------------------------------------------------------------------------------------------------- image by image


def read_images(
    report: Report, keys: Set[Key], metrics: Sequence[str] = PAIRED_METRICS
) -> dict[Key, dict[str, ImageScore]]:
    """Return the errors on each image by its name, of the entries that `keys` says and whose images are known.

    They stand in `per_image.csv` beside the report, in the report itself where an earlier version wrote it. Images
    without a pixel in the region are left out. Of images of one name, the second is called `NAME #2`.

    Args:
        metrics: Names of columns, `epe` first.

    Raises: DataError that names the file, the line and the value that is wrong; or that the images' errors do not make
        up the report's, as those of another evaluation would not.
    """
    path = report.path.with_name("per_image.csv")
    if any("per_image" in result for result in report.results):
        path, rows = report.path, _rows_of_an_earlier_version(report, metrics)
    elif os.path.exists(path):
        rows = read_rows(path, metrics)
    else:
        return {}
    images: dict[Key, dict[str, ImageScore]] = {}
    for key, name, score in rows:
        if key not in keys:
            continue
        known = images.setdefault(key, {})
        names = (name if count == 1 else f"{name} #{count}" for count in range(1, len(known) + 2))
        known[next(free for free in names if free not in known)] = score
    for result in report.results:
        if (scores := images.get(key_of(result))) and result["epe"] is not None:
            _check_sum(path, result, scores)
    return images


def read_rows(path: Path, metrics: Sequence[str]) -> Iterator[tuple[Key, str, ImageScore]]:
    """Yield the entry, the name and the errors of each row of a per_image.csv that has all of these metrics.

    Raises: DataError that names the file, the line and the value that is wrong.
    """
    columns = ("data", "method", "protocol", "region", "name", "pixels", *metrics)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            titles = next(lines, [])
            for column in columns:
                if column not in titles:
                    raise DataError(f"{path}: has no column '{column}'; name the folder that evaluate.py wrote")
            places = [titles.index(column) for column in columns]
            for cells in lines:
                if len(cells) != len(titles):
                    raise ValueError(f"has {len(cells)} cells, expected {len(titles)}, as it has titles")
                data, method, protocol, region, name, pixels, *values = (cells[place] for place in places)
                score = _score(_number(pixels, int), [_number(value, float) for value in values], metrics)
                if score is not None:
                    yield (data, method, protocol, region), sys.intern(name), score
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is not a CSV file in UTF-8: {error}") from None
    except ValueError as error:
        raise DataError(f"{path}: line {lines.line_num}: {error}") from None


def _number(text: str, kind: type[int] | type[float]) -> Any:
    """Return the number that a cell holds; None where it is empty, and the text itself where it holds none."""
    try:
        return kind(text) if text else None
    except ValueError:
        return text


def _rows_of_an_earlier_version(report: Report, metrics: Sequence[str]) -> Iterator[tuple[Key, str, ImageScore]]:
    for number, result in enumerate(report.results, 1):
        where = f"{report.path}: result {number}"
        images = result.get("per_image", [])
        if not isinstance(images, list):
            raise DataError(f"{where}: 'per_image' is {_quote(images)}, expected a list; {_AGAIN}")
        for image in images:
            if not isinstance(image, dict) or not isinstance(image.get("name"), str):
                raise DataError(f"{where}: 'per_image' holds {_quote(image)}, expected an image's values; {_AGAIN}")
            try:
                score = _score(image.get("pixels"), [image.get(key) for key in metrics], metrics)
            except ValueError as error:
                raise DataError(f"{where}: {image['name'][:80]}: {error}") from None
            if score is not None:
                yield key_of(result), image["name"], score


def _score(pixels: Any, values: list[Any], metrics: Sequence[str]) -> ImageScore | None:
    """Return the score of an image, None of one that lacks a metric. Raises: ValueError that says what is wrong."""
    if not (isinstance(pixels, int) and is_number(pixels) and 0 <= pixels < 2**53):
        raise ValueError(f"'pixels' is {_quote(pixels)}, expected a whole number, 0 or more")
    for key, value in zip(metrics, values, strict=True):
        if value is not None and not (is_number(value) and value >= 0):
            raise ValueError(f"'{key}' is {_quote(value)}, expected a number, 0 or more, or nothing")
    return None if None in values else ImageScore(pixels, tuple(map(float, values)))


def _check_sum(path: Path, result: Mapping[str, Any], scores: Mapping[str, ImageScore]) -> None:
    weights = [score.pixels if result["averaging"] == "pixels" else 1 for score in scores.values()]
    total = sum(weight * score.values[0] for weight, score in zip(weights, scores.values(), strict=True))
    epe = total / sum(weights) if sum(weights) else math.nan
    if not math.isclose(epe, result["epe"], rel_tol=1e-6, abs_tol=1e-9):
        raise DataError(
            f"{path}: its images' EPE under {', '.join(key_of(result))} is {epe:.6g} px, the report's "
            f"{result['epe']:.6g} px: they are not of one evaluation; evaluate again"
        )
