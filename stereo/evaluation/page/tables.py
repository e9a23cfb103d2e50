"""What the tables of the page hold, as plain values."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Rows of per_image.csv that the page holds at most: about 3 MB.
MAX_IMAGE_ROWS = 20_000
# Of the images' own numbers; a table shows fewer.
_SIGNIFICANT_DIGITS = 5

Row = Mapping[str, Any]
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Column:
    """A column of numbers. key: in report.json and per_image.csv. digits: behind the point."""

    key: str
    title: str
    unit: str
    digits: int

    def text(self, value: float | None) -> str:
        """Return a number as the tables show it; – for none."""
        return "–" if value is None or math.isnan(value) else f"{value:,.{self.digits}f}"


METRICS = (
    Column("epe", "EPE", "px", 3),
    Column("rmse", "RMSE", "px", 3),
    *(Column(key, f"bad-{threshold}", "%", 2) for key, threshold in (("bad_05", "0.5"), ("bad_1", "1"))),
    *(Column(f"bad_{threshold}", f"bad-{threshold}", "%", 2) for threshold in (2, 3, 4, 5)),
    Column("d1", "D1", "%", 2),
    Column("density", "density", "%", 1),
    *(Column(f"a{share}", f"A{share}", "px", 3) for share in (50, 90, 95, 99)),
    Column("ause", "AUSE", "px", 3),
    *(Column(f"risk_{density}", f"risk {density} %", "px", 3) for density in (90, 80, 50)),
)
HEADLINE = (
    Column("images", "images", "", 0),
    Column("skipped", "left out", "", 0),
    METRICS[0],
    Column("epe_image_mean", "EPE, image mean", "px", 3),
    *METRICS[1:],
    Column("share", "share of pixels", "%", 1),
    Column("seconds_per_pair", "time, median", "s/pair", 3),
    Column("seconds_p90", "time, 90th perc.", "s/pair", 3),
    Column("peak_memory_mb", "peak memory", "MB", 0),
)
PER_IMAGE = (Column("pixels", "pixels", "", 0), *METRICS, Column("seconds", "time", "s", 3))


def filled_columns(columns: Sequence[Column], rows: Iterable[Row]) -> list[Column]:
    """Return the columns in which a row has a number."""
    found = {column.key for row in rows for column in columns if row.get(column.key) is not None}
    return [column for column in columns if column.key in found]


def first_results(results: Iterable[Row]) -> dict[tuple[str, str], Row]:
    """Return the headline of each data set and method: its first result, of the whole image where there is such."""
    found: dict[tuple[str, str], Row] = {}
    for row in sorted(results, key=lambda row: row["region"] != "all"):
        found.setdefault((row["data"], row["method"]), row)
    return found


def shared_protocol(results: Sequence[Row]) -> str:
    """Return the first protocol under which every data set has a result of every method; nothing where none is such."""
    wanted = {(row["data"], row["method"]) for row in results}
    for protocol in dict.fromkeys(row["protocol"] for row in results):
        if {(row["data"], row["method"]) for row in results if row["protocol"] == protocol} == wanted:
            return protocol
    return ""


def remarks(results: Iterable[Row], key: str) -> list[dict[str, str]]:
    """Return the `notes` or the `failed` of the results, each text once a data set, with what it was said of."""
    said: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in results:
        for text in row.get(key) or ():
            about = said.setdefault((row["data"], text), {"method": [], "protocol": []})
            for name, values in about.items():
                if row[name] not in values:
                    values.append(row[name])
    return [
        {"data": data, "text": text, "methods": ", ".join(about["method"]), "protocols": ", ".join(about["protocol"])}
        for (data, text), about in said.items()
    ]


def image_rows(results: Sequence[Row], images: Iterable[Row]) -> dict[str, Any]:
    """Return the rows of per_image.csv for the page, at most `MAX_IMAGE_ROWS`.

    Where there are more, whole groups (a data set, method, protocol and region) are left out: first those of a part of
    the image, from the end of the report. `left_out` is the number of rows.

    Args:
        results: Of report.json.
        images: Rows of the file, numbers as text or as numbers, gone through once.

    Returns: columns; names; groups, each with its four words and its rows: place among the names, then the columns'
        numbers, None where there is none.
    """
    wanted: dict[Key, list[list[float | None]]] = {}
    room = MAX_IMAGE_ROWS
    for result in sorted(results, key=lambda row: row["region"] != "all"):
        if result["images"] <= room:
            room -= result["images"]
            wanted[_key(result)] = []
    places: dict[str, int] = {}
    left_out = 0
    filled = [False] * len(PER_IMAGE)
    for image in images:
        rows = wanted.get(_key(image))
        if rows is None:
            left_out += 1
            continue
        values = [_number(image.get(column.key)) for column in PER_IMAGE]
        filled = [was or value is not None for was, value in zip(filled, values, strict=True)]
        rows.append([places.setdefault(str(image["name"]), len(places)), *values])
    keep = [place for place, there in enumerate(filled) if there]
    return {
        "columns": [PER_IMAGE[place] for place in keep],
        "names": list(places),
        "groups": [
            {
                **dict(zip(("data", "method", "protocol", "region"), key, strict=True)),
                "rows": [[row[0], *(row[place + 1] for place in keep)] for row in rows],
            }
            for key, rows in wanted.items()
            if rows
        ],
        "left_out": left_out,
    }


def _key(row: Row) -> Key:
    return row["data"], row["method"], row["protocol"], row["region"]


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    number = float(value)
    if not math.isfinite(number):
        return None
    rounded = float(f"{number:.{_SIGNIFICANT_DIGITS}g}")
    return int(number) if number == int(number) else rounded
