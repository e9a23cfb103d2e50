"""The charts of the page: what each shows, its numbers as a table, and its drawing."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stereo.evaluation.page.svg import MUTED, SERIES, draw_svg

_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), "-.")
# Characters of a name on a chart, which has little room.
_NAME = 28

Values = Sequence[float]


@dataclass(frozen=True)
class Chart:
    """A chart on the page.

    title, caption: What it shows. svg: The drawing. header, rows: The numbers in it, as text for a table.
    """

    title: str
    caption: str
    svg: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Lines:
    """A chart of lines over bins: one line a method, all over the same bins.

    edges: px, where bins begin; the last one is open. values: of each bin by method, NaN where it is empty.
    scale: Of the bins' axis; symlog is linear up to 1 px, which shows 0.
    cumulative: The values are those at the edges, not of the bins between them.
    """

    title: str
    caption: str
    x_label: str
    y_label: str
    edges: Values
    values: Mapping[str, Values]
    scale: Literal["linear", "log", "symlog"] = "linear"
    cumulative: bool = False


def profile_charts(identity: str, profiles: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> list[Chart]:
    """Return the charts of one data set: by disparity, by distance to an edge, cumulative, and two histograms.

    Args:
        identity: Begins the ids of the charts.
        profiles: Of this data set, one a method, as in report.json.
        methods: All of the report, in its order, which gives each its color.
    """
    by_method = {profile["method"]: profile for profile in profiles}
    first = profiles[0]

    def collect(name: str, values: Callable[[Values, Values], Values]) -> dict[str, Values]:
        return {
            method: values(profile[f"{name}_counts"], profile.get(f"{name}_error_sums", ()))
            for method, profile in by_method.items()
        }

    true = collect("disparity", _shares)
    if len(set(map(tuple, true.values()))) == 1:  # the same images: one line for all methods
        true = {"": next(iter(true.values()))}
    charts = [
        _Lines(
            "Error by disparity",
            "Mean absolute error of the pixels in each bin of true disparity.",
            "true disparity, px",
            "mean |error|, px",
            first["disparity_edges"],
            collect("disparity", _means),
        ),
        _Lines(
            "Error by distance to an edge",
            "Mean absolute error by the distance to the next jump of the true disparity by more than 2 px.",
            "distance to the next edge, px",
            "mean |error|, px",
            first["edge_distance_edges"],
            collect("edge_distance", _means),
            scale="symlog",
        ),
        _Lines(
            "Cumulative error",
            "Share of the pixels whose absolute error is below each value: higher is better.",
            "|error|, px",
            "pixels below, %",
            first["error_edges"],
            collect("error", lambda counts, _: [0.0, *accumulate(_shares(counts, ()))][:-1]),
            scale="log",
            cumulative=True,
        ),
        _Lines(
            "Histogram of the error",
            "Share of the pixels in each bin of absolute error; the bins widen with it, the first begins at 0.",
            "|error|, px",
            "pixels in the bin, %",
            first["error_edges"],
            collect("error", _shares),
            scale="log",
        ),
        _Lines(
            "Histogram of the true disparity",
            "Share of the scored pixels in each bin of true disparity.",
            "true disparity, px",
            "pixels in the bin, %",
            first["disparity_edges"],
            true,
        ),
    ]
    if not any(any(profile["edge_distance_counts"][:-1]) for profile in profiles):
        del charts[1]  # without an edge all pixels are in the last bin
    return [_draw_lines(f"{identity}-{number}", lines, methods) for number, lines in enumerate(charts, 1)]


def bar_charts(
    title: str,
    metrics: Mapping[str, str],
    groups: Mapping[str, Mapping[str, Mapping[str, Any]]],
    methods: Sequence[str],
) -> list[Chart]:
    """Return a chart of bars for each metric: one group of bars a data set, one bar a method.

    Args:
        title: Of the charts, behind the metric's name.
        metrics: From a key of the results to its title with its unit.
        groups: From a data set's label and a method to a result of the report.
    """
    charts = []
    for key, name in metrics.items():
        values = {
            label: {method: row[key] for method, row in rows.items() if row.get(key) is not None}
            for label, rows in groups.items()
        }
        rows = tuple((label, *(_number(values[label].get(method)) for method in methods)) for label in groups)
        svg = draw_svg(
            f"bars-{key}",
            lambda axes, values=values, name=name: _draw_bars(axes, values, name, methods),  # type: ignore[misc]
            height=1.0 + len(groups) * (0.14 + 0.17 * len(methods)),
        )
        charts.append(Chart(f"{name.partition(',')[0]} {title}", "Lower is better.", svg, ("data set", *methods), rows))
    return charts


def _draw_bars(axes: Axes, values: Mapping[str, Mapping[str, float]], name: str, methods: Sequence[str]) -> None:
    thickness = 0.8 / len(methods)
    for number, method in enumerate(methods):
        own = [rows.get(method, math.nan) for rows in values.values()]
        places = [group + (number - (len(methods) - 1) / 2) * thickness for group in range(len(values))]
        bars = axes.barh(places, own, 0.86 * thickness, color=_color(number), label=_short(method))
        texts = ["" if math.isnan(value) else f"{value:.2f}" for value in own]
        axes.bar_label(bars, texts, padding=3, fontsize=9, color=MUTED)
    axes.set_yticks(range(len(values)), [_short(label) for label in values])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(name)


def _draw_lines(identity: str, lines: _Lines, methods: Sequence[str]) -> Chart:
    used = _used_bins(lines)
    edges = list(lines.edges[: used + 1])
    if len(edges) == used:  # the open bin is drawn as wide as the one before it
        edges.append(2 * edges[-1] - edges[-2])

    def draw(axes: Axes) -> None:
        for method, values in lines.values.items():
            number = methods.index(method) if method else None  # without a method: of the ground truth
            style: dict[str, Any] = {"color": MUTED if number is None else _color(number), "linewidth": 1.8}
            if number is not None:
                style |= {"linestyle": _DASHES[number % len(_DASHES)], "label": _short(method)}
            if lines.cumulative:
                axes.plot(edges[1:used], values[1:used], **style)
            else:
                # On a logarithmic axis the bin that begins at 0 has to begin somewhere.
                drawn = [edges[1] / 2, *edges[1:]] if lines.scale == "log" else edges
                axes.stairs(values[:used], drawn, baseline=None, **style)
        if lines.scale == "log":
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        elif lines.scale == "symlog":
            axes.set_xscale("symlog", base=2, linthresh=1)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        known = [value for values in lines.values.values() for value in values if not math.isnan(value)]
        axes.set_ylim(0, 100 if lines.cumulative else 1.05 * max([*known, 1e-3]))
        axes.margins(x=0.01)
        axes.set_xlabel(lines.x_label)
        axes.set_ylabel(lines.y_label)

    rows = tuple(
        (
            f"{edges[place]:.3g}" if lines.cumulative else _bin(lines.edges, place),
            *(_number(values[place]) for values in lines.values.values()),
        )
        for place in range(used)
    )
    header = (lines.x_label, *(f"{method}: {lines.y_label}" if method else lines.y_label for method in lines.values))
    return Chart(lines.title, lines.caption, draw_svg(identity, draw), header, rows)


def _used_bins(lines: _Lines) -> int:
    """Return how many bins are drawn: up to the last with a pixel; of shares that add up, until all are near 100 %."""
    columns = list(zip(*lines.values.values(), strict=True))
    if lines.cumulative:
        near = [place for place, column in enumerate(columns) if min(column) > 99.9]
        return near[0] + 1 if near else len(columns)
    filled = [place for place, column in enumerate(columns) if any(value > 0 for value in column)]
    return filled[-1] + 1 if filled else 1


def _bin(edges: Values, place: int) -> str:
    if place + 1 == len(edges):
        return f"{edges[place]:.3g} and above"
    return f"{edges[place]:.3g} – {edges[place + 1]:.3g}"


def _shares(counts: Values, _: Values) -> list[float]:
    total = sum(counts)
    return [100 * count / total if total else math.nan for count in counts]


def _means(counts: Values, sums: Values) -> list[float]:
    return [total / count if count else math.nan for count, total in zip(counts, sums, strict=True)]


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"


def _color(number: int) -> str:
    return SERIES[number % len(SERIES)]


def _short(name: str) -> str:
    name = "".join(character if character.isprintable() else "�" for character in name)  # XML has no others
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"
