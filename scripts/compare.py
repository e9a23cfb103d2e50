"""Set evaluation reports side by side, as a Markdown table.

    scripts/compare.py report_network/report.json report_sgbm/report.json

Rows are data sets and methods, in the reports' order, grouped by data set. The README's tables are made by this.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from stereo.cli import run
from stereo.errors import DataError

COLUMNS = (
    ("images", "images", "d"),
    ("epe", "EPE, px", ".2f"),
    ("bad_1", "bad-1, %", ".1f"),
    ("bad_2", "bad-2, %", ".1f"),
    ("bad_3", "bad-3, %", ".1f"),
    ("d1", "D1, %", ".1f"),
    ("seconds_per_pair", "s/pair", ".2f"),
)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", metavar="REPORT", help="report.json files that evaluate.py wrote")
    arguments = parser.parse_args(argv)
    results = [result for path in arguments.reports for result in read_results(Path(path))]
    protocols = {result["protocol"] for result in results}
    if len(protocols) > 1:
        raise DataError(f"the reports are of different protocols ({', '.join(sorted(protocols))}): not comparable")
    for line in table(results):
        print(line)
    return 0


def read_results(path: Path) -> list[dict[str, Any]]:
    """The entries of one report. Raises: DataError."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))["results"]
        for result in results:
            result["data"], result["method"], result["protocol"]
            [result[key] for key, _, _ in COLUMNS]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; name a report.json of evaluate.py") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}: not a report of evaluate.py; name the report.json that it wrote") from None
    return results


def table(results: list[dict[str, Any]]) -> list[str]:
    """Markdown lines; the family stands for the data set, since paths are of one machine."""
    lines = [
        "| data | method | " + " | ".join(title for _, title, _ in COLUMNS) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for data in dict.fromkeys(result["data"] for result in results):
        for result in (result for result in results if result["data"] == data):
            cells = ["–" if result[key] is None else format(result[key], style) for key, _, style in COLUMNS]
            lines.append(f"| {data.partition(':')[0]} | {result['method']} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    run(main)
