"""Writes report.html."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stereo.evaluation.entries import data_labels
from stereo.evaluation.page.charts import Chart, bar_charts, profile_charts
from stereo.evaluation.page.colors import gradients
from stereo.evaluation.page.pictures import LONGEST_SIDE, Picture
from stereo.evaluation.page.tables import (
    HEADLINE,
    METRICS,
    filled_columns,
    first_results,
    image_rows,
    remarks,
    shared_protocol,
)
from stereo.output import atomic_output

_HERE = Path(__file__).parent
# Rows of the per-image table that are there without JavaScript.
_STATIC_ROWS = 50
_BARS = {"epe": "EPE, px", "bad_2": "bad-2, %"}
# Of a picture's metrics, those below it.
_PICTURE_METRICS = ("epe", "bad_1", "bad_2", "d1", "ause")


def write_page(
    path: str | Path, report: Mapping[str, Any], images: Iterable[Mapping[str, Any]], pictures: Sequence[Picture]
) -> None:
    """Write an evaluation as one self-contained page.

    Whatever a data set, a sample or a method is called is shown as text. The page asks the browser to load nothing and
    to run no script but its own.

    Args:
        path: Of the HTML file.
        report: The content of report.json.
        images: The rows of per_image.csv, numbers as text or as numbers.
        pictures: What :class:`PagePictures` chose.

    Raises: OutputError where it cannot be written.
    """
    results: Sequence[Mapping[str, Any]] = report["results"]
    methods = _distinct(results, "method")
    labels = data_labels([[row["data"] for row in results]])
    rows = image_rows(results, images)
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False, default=str)
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    page = environment.get_template("page.html").render(
        report=report,
        results=results,
        labels=labels,
        methods=methods,
        protocols=_distinct(results, "protocol"),
        first_protocol=shared_protocol(results),
        regions=_distinct(results, "region"),
        headline=filled_columns(HEADLINE, results),
        notes=remarks(results, "notes"),
        failures=remarks(results, "failed"),
        occlusion={row["data"]: row["occlusion"] for row in results if row.get("occlusion")},
        first_results=first_results(results),
        bars=_bars(results, labels, methods),
        profiles=_profiles(report.get("profiles") or [], labels, methods),
        pictures=pictures,
        picture_data=list(dict.fromkeys(picture.data for picture in pictures)),
        picture_methods=list(dict.fromkeys(picture.method for picture in pictures)),
        picture_metrics=[column for column in METRICS if column.key in _PICTURE_METRICS],
        longest_side=LONGEST_SIDE,
        gradients=gradients(),
        images=rows,
        static_rows=_static_rows(rows),
        script=Markup(script),
        script_digest=digest,
    )
    with atomic_output(path) as temporary:
        # A file's name need not be valid UTF-8.
        temporary.write_text(page, encoding="utf-8", errors="replace")


def _distinct(results: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in results))


def _bars(results: Sequence[Mapping[str, Any]], labels: Mapping[str, str], methods: Sequence[str]) -> list[Chart]:
    groups: dict[str, dict[str, Mapping[str, Any]]] = {}
    headlines = first_results(results)
    protocols = {row["protocol"] for row in headlines.values()}
    for (data, method), row in headlines.items():
        label = labels[data] if len(protocols) == 1 else f"{labels[data]} ({row['protocol']})"
        groups.setdefault(label, {})[method] = row
    said = f"protocol {next(iter(protocols))}" if len(protocols) == 1 else "by its first protocol"
    return bar_charts(f"of each data set, {said}", _BARS, groups, methods) if groups else []


def _profiles(
    profiles: Sequence[Mapping[str, Any]], labels: Mapping[str, str], methods: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the charts of each data set, with the protocol whose pixels they are of."""
    return [
        {
            "data": data,
            "protocol": next(profile["protocol"] for profile in profiles if profile["data"] == data),
            "charts": profile_charts(
                f"profile-{number}", [profile for profile in profiles if profile["data"] == data], methods
            ),
        }
        for number, data in enumerate(labels, 1)
        if any(profile["data"] == data for profile in profiles)
    ]


def _static_rows(rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows with the largest EPE of the first protocol and region, as the page shows them at first."""
    groups = rows["groups"]
    keys = [column.key for column in rows["columns"]]
    if not groups or "epe" not in keys:
        return []
    place = 1 + keys.index("epe")
    shown = [
        {"data": group["data"], "method": group["method"], "name": rows["names"][row[0]], "values": row[1:]}
        for group in groups
        if (group["protocol"], group["region"]) == (groups[0]["protocol"], groups[0]["region"])
        for row in group["rows"]
        if row[place] is not None
    ]
    return sorted(shown, key=lambda row: -row["values"][place - 1])[:_STATIC_ROWS]
