"""The tables of docs/ablation.md, between two lines that mark them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stereo.ablation.kept import METRICS, SCENES
from stereo.ablation.rows import REFERENCE, REFERENCES, REGIONS, Place, Row
from stereo.ablation.scores import Scores, read_scores, require_same, shared_seeds
from stereo.ablation.statistic import Ratio, ratio, score
from stereo.errors import ConfigError, OutputError
from stereo.output import atomic_output

BEGIN, END = "<!-- scripts/ablate.py report writes from here -->", "<!-- scripts/ablate.py report writes to here -->"
_SHOWN = ("epe", "bad_1")  # by region and by family
_MISSING = "–"

Costs = Mapping[str, Mapping[str, Any]]


def write_tables(path: Path, lines: Sequence[str]) -> None:
    """Replace what stands between the markers of a file, and touch nothing else.

    Raises: ConfigError where the file cannot be read or does not hold each marker once, in order; OutputError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ConfigError(f"{path}: expected the line '{BEGIN}', and later '{END}', once each, around the tables")
    try:
        with atomic_output(path) as temporary:
            temporary.write_text("\n".join([before + BEGIN, "", *lines, "", END]) + after, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def tables(rows: Sequence[Row], place: Place, costs: Costs) -> list[str]:
    """Return the lines of all tables: in the first every row, also without scores or costs, in the others scored ones.

    Raises: DataError for broken scores, or scores on other pairs than the reference's.
    """
    scores = {row.name: found for row in rows if (found := read_scores(row, place)) is not None}
    first = scores.get(REFERENCE) or next(iter(scores.values()), None)
    for found in scores.values():
        assert first is not None  # there is one, so there is a first
        require_same(first.pairs, found.pairs, place, found.row, found.seeds[0])
    families = [] if first is None else first.families
    references = [(name, scores.get(name)) for name in REFERENCES]
    lines = [_about(list(scores.values()), costs), "", *_summary(rows, scores, families, costs)]
    scored = [(row, scores[row.name]) for row in rows if row.name in scores]
    for title, own in (("the real pairs", families), ("the 64 procedural scenes", [SCENES])):
        lines += ["", f"### Ratios on {title}", "", *_ratios(scored, references, own)]
    baseline = scores.get(REFERENCE)
    within = [(region, region, families) for region in REGIONS]
    lines += ["", "### By region of the real pairs", "", *_parts(scored, baseline, within)]
    within = [("all", family, [family]) for family in families]
    lines += ["", "### By family", "", *_parts(scored, baseline, within)]
    return [*lines, "", "### Each run", "", *_runs(scored, families)]


def _about(scores: Sequence[Scores], costs: Costs) -> str:
    """Return what the numbers were measured on."""
    if not scores:
        return "No run has scores yet."
    first = scores[0]
    counts = ", ".join(f"{family} {len(first.pairs['all', family])}" for family in first.families)
    origins = dict.fromkeys(origin for found in scores for origin in found.origins)
    machines = "; ".join(dict.fromkeys(str(cost["machine"]) for cost in costs.values()))
    return (
        f"Real pairs by family: {counts or 'none'}. Scored by {'; '.join(origins)}. "
        f"Times measured on {machines or 'no machine yet'}."
    )


def _summary(rows: Sequence[Row], scores: Mapping[str, Scores], families: list[str], costs: Costs) -> list[str]:
    titles = ["row", "parameters", "10⁹ mult.", "step, ×", "inference, ×", "seeds"]
    titles += [f"{name}, {what}" for what in ("real", "scenes") for name in METRICS.values()]
    cells = []
    for row in rows:
        cost, found = costs.get(row.name), scores.get(row.name)
        line = [row.label, *([_MISSING] * 4 if cost is None else _cost(cost))]
        if found is None:
            cells.append([*line, "no scores yet", *[_MISSING] * (2 * len(METRICS))])
            continue
        line.append(", ".join(map(str, found.seeds)))
        for own in (families, [SCENES]):
            values = [found.of("all", metric, own) for metric in METRICS]
            line += [f"{score(value):.2f}" if value else _MISSING for value in values]
        cells.append(line)
    return _markdown(titles, cells)


def _cost(cost: Mapping[str, Any]) -> list[str]:
    return [
        f"{cost['parameters']:,}",
        f"{cost['multiplications'] / 1e9:.1f}",
        f"{cost['training']['ratio']:.2f}",
        f"{cost['inference']['ratio']:.2f}",
    ]


def _ratios(
    scored: Sequence[tuple[Row, Scores]],
    references: Sequence[tuple[str, Scores | None]],
    families: Sequence[str],
) -> list[str]:
    titles = [f"{name} : `{reference}`" for reference, _ in references for name in METRICS.values()]
    cells = []
    for row, found in scored:
        line = [row.label]
        for _, reference in references:
            line += [_cell(_ratio(found, reference, "all", metric, families)) for metric in METRICS]
        cells.append(line)
    return _markdown(["row", *titles], cells)


def _parts(
    scored: Sequence[tuple[Row, Scores]],
    reference: Scores | None,
    parts: Sequence[tuple[str, str, Sequence[str]]],
) -> list[str]:
    """Return a table with a column for each part: region, title and families. Bold: not within noise."""
    titles = [f"{title}: {' / '.join(METRICS[metric] for metric in _SHOWN)}" for _, title, _ in parts]
    cells = []
    for row, found in scored:
        line = [row.label]
        for region, _, families in parts:
            values = [_ratio(found, reference, region, metric, families) for metric in _SHOWN]
            line.append(" / ".join(_in_short(value) for value in values))
        cells.append(line)
    return _markdown(["row", *titles], cells)


def _runs(scored: Sequence[tuple[Row, Scores]], families: Sequence[str]) -> list[str]:
    """Return a table of each run's own scores, in the order of the seeds."""
    titles = [f"{name}, {what}" for what in ("real", "scenes") for name in METRICS.values()]
    cells = []
    for row, found in scored:
        line = [row.label, ", ".join(map(str, found.seeds))]
        for own in (families, [SCENES]):
            for metric in METRICS:
                runs = [found.of("all", metric, own, [seed]) for seed in found.seeds]
                line.append(", ".join(f"{score(run):.2f}" if run else _MISSING for run in runs))
        cells.append(line)
    return _markdown(["row", "seeds", *titles], cells)


def _ratio(found: Scores, reference: Scores | None, region: str, metric: str, families: Sequence[str]) -> Ratio | None:
    if reference is None or found is reference:
        return None
    seeds = shared_seeds([found, reference])
    mine = found.of(region, metric, families, seeds)
    return ratio(mine, reference.of(region, metric, families, seeds)) if seeds and mine else None


def _cell(value: Ratio | None) -> str:
    return _MISSING if value is None else str(value)


def _in_short(value: Ratio | None) -> str:
    if value is None:
        return _MISSING
    return f"{value.value:.2f}" if value.is_noise else f"**{value.value:.2f}**"


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def lines() -> Iterator[str]:
        for cells in [titles, *rows]:
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    header, *rest = lines()
    return [header, "|---" + "|---:" * (len(titles) - 1) + "|", *rest]
