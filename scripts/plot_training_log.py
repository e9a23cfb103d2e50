"""Draw docs/training_log.png: the scores of the table in docs/training_log.md over the pairs that were seen.

python scripts/plot_training_log.py [--log docs/training_log.md] [--output docs/training_log.png]
"""

from stereo.cli import run

from itertools import dropwhile, takewhile
from pathlib import Path

from stereo.errors import ConfigError
from stereo.options import script_parser
from stereo.output import atomic_output

_DOCS = Path(__file__).resolve().parents[1] / "docs"
_SCORES = ("EPE, px", "bad-1, %", "bad-2, %")


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("--log", type=Path, default=_DOCS / "training_log.md", metavar="FILE")
    parser.add_argument("--output", type=Path, default=_DOCS / "training_log.png", metavar="FILE")
    args = parser.parse_args(argv)
    rows = read_table(args.log)
    with atomic_output(args.output) as path:
        draw(rows, path)
    print(f"wrote {args.output}: {len(rows)} checkpoints")
    return 0


def read_table(log: Path) -> list[dict[str, str]]:
    """Return the rows of the first table of a Markdown file by the names of its columns. Raises: ConfigError."""
    lines = log.read_text(encoding="utf-8").splitlines()
    table = takewhile(lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), lines))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    names = {"network", "checkpoint", "pairs seen", *_SCORES}
    if len(cells) < 3 or not names <= set(cells[0]):
        raise ConfigError(f"{log}: expected a table with the columns {', '.join(sorted(names))}")
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def draw(rows: list[dict[str, str]], path: Path) -> None:
    """Write the figure as PNG: a panel for each score, a line for each network."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(12, 4), dpi=100, layout="constrained")
    for axis, score in zip(figure.subplots(1, 3), _SCORES, strict=True):
        for network in dict.fromkeys(row["network"] for row in rows):
            own = [row for row in rows if row["network"] == network]
            pairs = [int(row["pairs seen"].replace(",", "")) for row in own]
            axis.plot(pairs, [float(row[score]) for row in own], marker="o", label=network)
        axis.set(xscale="log", xlabel="pairs seen, thousands", title=score)
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(visible=True, which="both", alpha=0.3)
        axis.legend()
    figure.savefig(path, format="png")


if __name__ == "__main__":
    run(main)
