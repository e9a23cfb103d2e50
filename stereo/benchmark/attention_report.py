"""What the attention benchmark writes: a table on screen, JSON, CSV, Markdown, and the figure."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stereo.benchmark.attention import Row
from stereo.benchmark.attention_forms import FORMS, MODES
from stereo.benchmark.machine import format_bytes
from stereo.output import atomic_output

HEADER = (
    f"{'attention':30}{'mode':18}{'image':14}{'N':>10}  {'time':>12}  {'extra memory':>12}  {'predicted':>12}  "
    f"{'10⁹ mult.':>10}"
)


def line_of(row: Row) -> str:
    """Return a cell as a line below HEADER."""
    work = "" if row.predicted_multiplications is None else f"{row.predicted_multiplications / 1e9:,.1f}"
    return (
        f"{row.form:30}{row.mode:18}{row.image:14}{row.positions:>10,}  {row.time():>12}  {row.memory():>12}  "
        f"{format_bytes(row.predicted_bytes):>12}  {work:>10}"
    )


def crossovers(rows: Sequence[Row]) -> list[str]:
    """Return from which N on efficient attention is the faster, and the ratios at the largest size that both ran.

    The guided forms are compared among themselves, and so are the others.
    """
    lines = []
    for mode in MODES:
        for other, form in FORMS.items():
            name = "guided efficient (streaming)" if form.guided else "efficient (streaming)"
            ours = {row.positions: row for row in rows if row.form == name and row.mode == mode}
            pairs = [
                (ours[row.positions], row)
                for row in rows
                if row.form == other != name and row.mode == mode and row.status == "ok"
                if row.positions in ours and ours[row.positions].status == "ok"
            ]
            if not pairs:
                continue
            slower = [one.positions for one, two in pairs if (one.seconds or 0) >= (two.seconds or 0)]
            faster = [one.positions for one, two in pairs if one.positions > max(slower, default=0)]
            one, two = pairs[-1]
            lines.append(
                f"{mode}: {name} is faster than {other} "
                f"{f'from N = {min(faster):,} on' if faster else 'nowhere'}; at N = {one.positions:,} it takes "
                f"{_ratio(one.seconds, two.seconds)} of the time and {_ratio(one.extra_bytes, two.extra_bytes)} of the "
                "extra memory"
            )
    return lines


def _ratio(one: float | None, two: float | None) -> str:
    return "?" if not one or not two else f"{one / two:.3g}×"


def write(folder: Path, rows: Sequence[Row], memory_limit: int, about: Mapping[str, Any]) -> None:
    """Write attention.json, .csv and .md into a folder, and a figure for each family of forms that was measured.

    Args:
        about: How they were measured; it goes to the first.

    Raises: OutputError.
    """
    record = {**about, "memory_limit": memory_limit, "crossovers": crossovers(rows)}
    record["rows"] = [asdict(row) for row in rows]
    with atomic_output(folder / "attention.json") as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    with atomic_output(folder / "attention.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    with atomic_output(folder / "attention.md") as path:
        path.write_text(_markdown(rows), encoding="utf-8")
    for name, group in _families(rows).items():
        with atomic_output(folder / name) as path:
            _draw(path, group, memory_limit)


def _families(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of the forms over the volume and of the guided ones, by the name of their figure.

    They are different functions, so that a common figure would compare what cannot replace each other.
    """
    measured = [row for row in rows if row.form in FORMS]
    families = {
        "attention.png": [row for row in measured if not FORMS[row.form].guided],
        "attention_guided.png": [row for row in measured if FORMS[row.form].guided],
    }
    return {name: family for name, family in families.items() if family}


def _markdown(rows: Sequence[Row]) -> str:
    """Return a table for each family and mode, with time and extra memory of each form at each size; then the training
    steps."""
    lines = []
    for family in _families(rows).values():
        for mode in MODES:
            mine = [row for row in family if row.mode == mode]
            forms = list(dict.fromkeys(row.form for row in mine))
            lines += ["", f"| {mode}: N | {' | '.join(forms)} |", "|---" * (len(forms) + 1) + "|"]
            for positions in dict.fromkeys(row.positions for row in mine):
                cells = [row.cell() for row in mine if row.positions == positions]
                lines.append(f"| {positions:,} | {' | '.join(cells)} |")
    steps = [row for row in rows if row.mode not in MODES]
    if steps:
        lines += ["", "| training step, 256×512 px | time | extra memory |", "|---|---|---|"]
        lines += [f"| {row.form} | {row.time()} | {row.memory()} |" for row in steps]
    return "\n".join(lines).strip() + "\n"


def _draw(path: Path, rows: Sequence[Row], memory_limit: int) -> None:
    """Draw memory and time over N, log-log; a cross: out of memory; hollow: extrapolated."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 9), dpi=100, layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for index, mode in enumerate(MODES):
        for column, (title, unit) in enumerate((("extra memory", "GB"), ("time", "s"))):
            axis = axes[index][column]
            axis.set_title(f"{mode}: {title}")
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_ylabel(unit)
            axis.grid(visible=True, which="major", alpha=0.3)
            for number, name in enumerate(dict.fromkeys(row.form for row in rows)):
                mine = [row for row in rows if row.form == name and row.mode == mode]
                value = _gigabytes if column == 0 else _time
                points = [(row.positions, value(row), row.status) for row in mine if value(row) is not None]
                if not points:
                    continue
                color = f"C{number}"
                axis.plot([p[0] for p in points], [p[1] for p in points], color=color, label=name, linewidth=1.5)
                for position, height, status in points:
                    axis.plot(
                        position,
                        height,
                        marker="X" if status == "out of memory" else "o",
                        color=color,
                        markersize=9 if status == "out of memory" else 5,
                        markerfacecolor="white" if status == "over time" else color,
                    )
            if column == 0:
                axis.axhline(memory_limit / 1e9, color="gray", linestyle="--", linewidth=1)
                axis.annotate("memory limit", (0.01, memory_limit / 1e9), xycoords=("axes fraction", "data"),
                              va="bottom", color="gray")  # fmt: skip
            if index == 1:
                axis.set_xlabel("positions N of the cost volume")
    axes[0][0].legend(loc="upper left")
    figure.suptitle(
        "✕ out of memory: what the form needs by its count of tensors        ○ over the time limit: extrapolated"
    )
    figure.savefig(path, format="png")


def _gigabytes(row: Row) -> float | None:
    value = row.needed_bytes if row.status == "out of memory" else row.extra_bytes
    return None if not value else value / 1e9


def _time(row: Row) -> float | None:
    return row.seconds if row.status in ("ok", "over time") else None
