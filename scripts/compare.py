"""Set evaluation reports side by side, and say which method is better on the same images.

    scripts/compare.py results/network results/sgbm
    scripts/compare.py results/all --baseline sgbm --protocol all --region all visible
    scripts/compare.py results/network results/sgbm --format latex --output table.tex
    scripts/compare.py --a seed1 seed2 seed3 --b other1 other2 other3
    scripts/compare.py --merge shard1 shard2 --output results/all

A REPORT is a report.json, or the folder with it. Prints a table; entries that can be compared stand together, in the
reports' order. It holds the first protocol of each data set and the whole image, or what --protocol and --region name;
--everything, and CSV, hold all protocols and regions.

Below the table each method is compared with the baseline image by image, by EPE and bad-2, or what --paired names: "B
is better than A by 0.12 px [0.08, 0.17], 21 of 26 images". The baseline is the first method of the first report. In the
brackets is the 95 % interval of a paired bootstrap over the images; with --a and --b, which take several reports of one
method (trained from several seeds, say), over the images and the reports.

Reports of one data set that differ in protocol, region, names or sizes of the images, or settings of the data are
refused, and what differs is said. The table goes to --output or is printed. With LaTeX and CSV what stands below it is
printed on stderr, so that `> FILE` gets the table alone.
"""

from stereo.cli import printable, run

import argparse
import os
import sys
from pathlib import Path

from stereo.evaluation.compare.comparison import load_images, require_comparable
from stereo.evaluation.compare.entries import choose_entries, headline
from stereo.evaluation.compare.notes import notes
from stereo.evaluation.compare.reading import read_report
from stereo.evaluation.compare.sides import PAIRED_TITLES, compare_sides, sides_of_runs, single_sides
from stereo.evaluation.compare.tables import DEFAULT_METRICS, STYLES, joined_table, table
from stereo.options import script_parser
from stereo.output import atomic_output


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    if args.merge:
        return _merge(args)
    reports = [read_report(path) for path in args.reports or [*args.a, *args.b]]
    entries = choose_entries(reports, args.protocol, args.region, args.method)
    sides = single_sides(entries, args.baseline) if args.reports else sides_of_runs(entries, len(args.a), len(args.b))
    paired = ("epe", *(name for name in args.paired if name != "epe"))
    images = load_images(entries, paired)
    require_comparable(entries, images, args.allow_different)
    shown = entries
    if not (args.everything or args.format == "csv"):
        shown = headline(entries, protocols=bool(args.protocol), regions=bool(args.region))
    lines = joined_table(shown, args.metrics) if args.join_regions else table(shown, args.format, args.metrics)
    beside = [] if args.table_only else [*compare_sides(shown, images, sides, paired), *notes(shown, images)]
    hidden = sum(1 for entry in entries if entry.result["images"] and entry not in shown)
    if hidden and not args.table_only:
        beside.append(f"note: {hidden:,} more of other protocols and regions: --protocol, --region or --everything")
    if args.output is None:
        print("\n".join(lines))
        if beside and args.format == "markdown":
            print()
    else:
        with atomic_output(args.output) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for line in beside:
        print(printable(line), file=sys.stdout if args.output is not None or args.format == "markdown" else sys.stderr)
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    path = os.path.expanduser  # the shell leaves ~ as it is in quotes
    parser.add_argument(
        "reports", nargs="*", type=path, metavar="REPORT", help="report.json of evaluate.py, or its folder"
    )
    parser.add_argument(
        "--a", nargs="+", default=[], type=path, metavar="REPORT", help="one side: reports of several runs"
    )
    parser.add_argument("--b", nargs="+", default=[], type=path, metavar="REPORT", help="the other side")
    parser.add_argument(
        "--merge", nargs="+", type=path, metavar="SHARD", help="make one report of the shards of an evaluation"
    )
    parser.add_argument("--format", choices=STYLES, default="markdown", help="of the table (default: markdown)")
    shown = " ".join(DEFAULT_METRICS)
    parser.add_argument(
        "--metrics", nargs="+", default=[], metavar="NAME", help=f"columns (default: {shown}; csv: all)"
    )
    choices = [name for name in PAIRED_TITLES if name != "epe"]
    parser.add_argument(
        "--paired",
        nargs="+",
        default=["bad_2"],
        choices=choices,
        metavar="NAME",
        help=f"beside EPE, what is compared image by image: of {', '.join(choices)} (default: bad_2)",
    )
    for what in ("protocol", "region", "method"):
        parser.add_argument(f"--{what}", nargs="+", default=[], metavar="NAME", help=f"only these {what}s")
    parser.add_argument("--everything", action="store_true", help="every protocol and region, not the first ones alone")
    parser.add_argument("--baseline", metavar="METHOD", help="what the others are compared with (default: the first)")
    parser.add_argument(
        "--allow-different", nargs="+", default=[], metavar="KEY", help="what may differ, as a refusal names it"
    )
    parser.add_argument(
        "--join-regions",
        action="store_true",
        help="one row for all regions of a method (markdown only)",
    )
    parser.add_argument("--table-only", action="store_true", help="nothing but the table")
    parser.add_argument(
        "--output", type=path, metavar="FILE", help="of the table; with --merge the folder of the report"
    )
    args = parser.parse_args(argv)
    if sum(map(bool, (args.reports, args.a or args.b, args.merge))) != 1:
        parser.error("expected reports, or --a and --b, or --merge: one of the three")
    if bool(args.a) != bool(args.b):
        parser.error("--a and --b go together: a side each")
    if args.baseline is not None and not args.reports:
        parser.error("argument --baseline: goes with reports; with --a and --b it is --a")
    if args.join_regions and args.format != "markdown":
        parser.error("argument --join-regions: goes with --format markdown only")
    if args.merge and args.output is None:
        parser.error("argument --merge: needs --output DIR")
    return args


def _merge(args: argparse.Namespace) -> int:
    from stereo.evaluation.folder import merge_folders  # it needs PyTorch, which comparing does not

    folder = merge_folders([Path(shard) for shard in args.merge], Path(args.output))
    print(f"wrote {folder / 'report.json'}")
    return 0


if __name__ == "__main__":
    run(main)
