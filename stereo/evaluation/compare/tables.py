"""Entries of reports as a table: in Markdown, as docs/results.md has it, in LaTeX for a paper, and as CSV."""

import csv
import io
from collections.abc import Callable, Sequence

from stereo.cli import printable
from stereo.config import choose
from stereo.evaluation.compare.entries import Entry, Source, grouped, metric_names
from stereo.evaluation.compare.reading import is_number

# What stands in a table where nothing else is asked for.
DEFAULT_METRICS = ("epe", "bad_1", "bad_2", "bad_3", "d1")
# Key in the report: title, format. A number that is not here stands under its key.
_TITLES = {
    "images": ("images", "d"),
    "epe": ("EPE, px", ".2f"),
    "epe_image_mean": ("EPE of images, px", ".2f"),
    "rmse": ("RMSE, px", ".2f"),
    "bad_05": ("bad-0.5, %", ".1f"),
    **{f"bad_{threshold}": (f"bad-{threshold}, %", ".1f") for threshold in (1, 2, 3, 4, 5)},
    "d1": ("D1, %", ".1f"),
    "density": ("density, %", ".1f"),
    **{f"a{share}": (f"A{share}, px", ".2f") for share in (50, 90, 95, 99)},
    "ause": ("AUSE, px", ".3f"),
    **{f"risk_{share}": (f"risk at {share} %, px", ".2f") for share in (90, 80, 50)},
    "share": ("share, %", ".1f"),
    "pixels": ("pixels", "d"),
    "skipped": ("skipped", "d"),
    "seconds_per_pair": ("s/pair", ".2f"),
    "seconds_p90": ("s/pair, 90 %", ".2f"),
    "loading_seconds": ("s to load", ".2f"),
    "peak_memory_mb": ("peak MB", ".0f"),
}
# Of these more is better; these are no contest, and of all others less is better.
_MORE_IS_BETTER = ("density",)
_NO_CONTEST = (
    *("images", "pixels", "skipped", "share"),
    *("seconds_per_pair", "seconds_p90", "loading_seconds", "peak_memory_mb"),
)
_LATEX = {character: f"\\{character}" for character in "_%&#${}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
}

Groups = Sequence[Sequence[Entry]]


def table(entries: Sequence[Entry], style: str = "markdown", metrics: Sequence[str] = ()) -> list[str]:
    """Return the lines of a table, with entries that can be compared next to one another.

    The family stands for the data set, since paths are of one machine.

    Args:
        style: One of `STYLES`.
        metrics: Names of numbers in the reports; none: `DEFAULT_METRICS`, and of CSV all that there are.

    Raises: ConfigError for a metric that is not known, and that no report has.
    """
    there = metric_names(entries)
    for name in metrics:
        choose(name, list(dict.fromkeys([*there, *_TITLES])), "metric")
    groups = list(grouped(entries).values())
    if style == "csv":
        return _csv(groups, list(metrics) or there)
    return STYLES[style](groups, ["images", *(metrics or DEFAULT_METRICS), "seconds_per_pair"])


def joined_table(entries: Sequence[Entry], metrics: Sequence[str] = ()) -> list[str]:
    """Return the lines of a Markdown table with all regions of a method in one row, their numbers beside each other.

    Raises: ConfigError as :func:`table`.
    """
    for name in metrics:
        choose(name, list(dict.fromkeys([*metric_names(entries), *_TITLES])), "metric")
    metrics = ["images", *(metrics or DEFAULT_METRICS), "seconds_per_pair"]
    rows: dict[tuple[str, str], dict[Source, list[Entry]]] = {}
    for entry in entries:
        rows.setdefault(entry.group[:2], {}).setdefault(entry.source, []).append(entry)
    own = [row for sources in rows.values() for row in sources.values()]
    return _markdown_lines(
        metrics,
        [
            [
                *(row[0].data + row[0].data_label, row[0].method),
                f"{row[0].group[1]}: {' / '.join(entry.group[2] for entry in row)}",
                # Of what is the same for all of a method's regions, one number.
                *(" / ".join(_number(e, name) for e in (row[:1] if name in _NO_CONTEST else row)) for name in metrics),
            ]
            for row in own
        ],
    )


def _markdown(groups: Groups, metrics: Sequence[str]) -> list[str]:
    rows = [_words(entry) + [_number(entry, name) for name in metrics] for group in groups for entry in group]
    return _markdown_lines(metrics, rows)


def _markdown_lines(metrics: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    titles = ["data", "method", "protocol", *(_title(name) for name in metrics)]
    # A line break would end the row, a bar the cell.
    cells = [[printable(cell).replace("|", "\\|") for cell in row] for row in [titles, *rows]]
    header, *lines = ["| " + " | ".join(row) + " |" for row in cells]
    return [header, "|---" * len(titles) + "|", *lines]


def _latex(groups: Groups, metrics: Sequence[str]) -> list[str]:
    """Return a tabular with the best of each group in bold; of those that read alike, each."""
    titles = ["data", "method", "protocol", *(_title(name) for name in metrics)]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{lll{'r' * len(metrics)}}}",
        "\\toprule",
        " & ".join(map(_latex_text, titles)) + " \\\\",
        "\\midrule",
    ]
    for place, group in enumerate(groups):
        if place:
            lines.append("\\addlinespace")
        best = {name: _best(group, name) for name in metrics}
        for entry in group:
            cells = [_latex_text(word) for word in _words(entry)]
            for name in metrics:
                number = _number(entry, name)
                cells.append(f"\\textbf{{{number}}}" if number == best[name] else _latex_text(number))
            lines.append(" & ".join(cells) + " \\\\")
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def _csv(groups: Groups, metrics: Sequence[str]) -> list[str]:
    """Return every number in full; the report's path and all of FAMILY[:PATH] tell the lines apart."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["report", "data", "method", "protocol", "region", "averaging", *metrics])
    for entry in (entry for group in groups for entry in group):
        result = entry.result
        words = [str(entry.report.path), result["data"], entry.method]
        numbers = [result[name] if is_number(result.get(name)) else "" for name in metrics]
        writer.writerow([*words, result["protocol"], result["region"], result["averaging"], *numbers])
    return file.getvalue().removesuffix("\n").split("\n")


# By the name of the format.
STYLES: dict[str, Callable[[Groups, Sequence[str]], list[str]]] = {
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
}


def _title(metric: str) -> str:
    return _TITLES[metric][0] if metric in _TITLES else metric


def _number(entry: Entry, metric: str) -> str:
    value = entry.result.get(metric)
    if not is_number(value):
        return "–"
    style = _TITLES[metric][1] if metric in _TITLES else ".3g"
    return format(value, ".0f" if style == "d" and isinstance(value, float) else style)


def _words(entry: Entry) -> list[str]:
    result = entry.result
    protocol = result["protocol"] + ("" if result["region"] == "all" else f", {result['region']}")
    return [entry.data + entry.data_label, entry.method, protocol]


def _best(group: Sequence[Entry], metric: str) -> str | None:
    """Return the best number of a group as it reads; None without a contest."""
    numbers = [(entry.result[metric], _number(entry, metric)) for entry in group if is_number(entry.result.get(metric))]
    if metric in _NO_CONTEST or len(group) < 2 or not numbers:
        return None
    return (max if metric in _MORE_IS_BETTER else min)(numbers)[1]


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in printable(text))
