"""Set evaluation reports side by side, as a Markdown table.

    scripts/compare.py report_network/report.json report_sgbm/report.json

Rows are data sets and methods, in the reports' order; those that can be compared stand together. A method is named
with its checkpoint, and with the settings in which it differs from another of its name. The README's tables are made
by this.
"""

from stereo.cli import run, script_parser
from stereo.evaluation.report import markdown_table, read_report


def main(argv: list[str] | None = None) -> int:
    parser = script_parser(__doc__)
    parser.add_argument("reports", nargs="+", metavar="REPORT", help="report.json files that evaluate.py wrote")
    arguments = parser.parse_args(argv)
    for line in markdown_table([read_report(path) for path in arguments.reports]):
        print(line)
    return 0


if __name__ == "__main__":
    run(main)
