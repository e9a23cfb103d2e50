"""Tables: in Markdown, LaTeX and CSV."""

import csv
from pathlib import Path
from typing import Any

import pytest
from helpers.reports import write_json

from stereo.errors import ConfigError
from stereo.evaluation.compare.entries import choose_entries
from stereo.evaluation.compare.reading import read_report
from stereo.evaluation.compare.tables import table


def lines(*paths: Path, **how: Any) -> list[str]:
    return table(choose_entries([read_report(path) for path in paths]), **how)


def cells(*paths: Path) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in lines(*paths)]


def test_entries_that_can_be_compared_stand_together(tmp_path: Path) -> None:
    rows = [{}, {"data": "kitti2015:/a"}, {"protocol": "psmnet"}, {"region": "edges"}]
    one = write_json(tmp_path / "one.json", *rows)
    other = write_json(tmp_path / "other.json", *({**row, "method": "sgbm", "epe": None} for row in rows))
    header, rule, *found = cells(one, other)
    assert header[:5] == ["data", "method", "protocol", "images", "EPE, px"]
    assert header[5:] == ["bad-1, %", "bad-2, %", "bad-3, %", "D1, %", "s/pair"]
    assert rule == ["---|" * 9 + "---"]
    assert [row[:3] for row in found] == [
        [data, method, protocol]
        for data, protocol in (("eth3d", "all"), ("kitti2015", "all"), ("eth3d", "psmnet"), ("eth3d", "all, edges"))
        for method in ("network", "sgbm")
    ]
    assert [row[3:6] for row in found[:2]] == [["3", "1.23", "12.3"], ["3", "–", "12.3"]]


def test_a_bar_or_a_line_break_in_a_name_ends_no_cell(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"method": "predictions:a|b\nc"})
    assert lines(path)[2].startswith(r"| eth3d | predictions:a\|b c | all | 3 |")


def test_metrics_are_chosen(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"a90": 3.456, "own_metric": 12.3456, "pixels": 10, "density": None})
    found = lines(path, metrics=["a90", "own_metric", "pixels"])
    assert found[0] == "| data | method | protocol | images | A90, px | own_metric | pixels | s/pair |"
    assert found[2] == "| eth3d | network | all | 3 | 3.46 | 12.3 | 10 | 12.35 |"
    with pytest.raises(ConfigError, match=r"unknown metric 'bad_22', .*did you mean 'bad_2'"):
        lines(path, metrics=["bad_22"])
    assert lines(path, metrics=["ause"])[2].endswith("| 3 | – | 12.35 |")  # known, and not in this report


def test_latex_has_the_best_of_each_group_in_bold(tmp_path: Path) -> None:
    one = write_json(tmp_path / "a.json", {"epe": 1.231, "bad_2": 50.0, "density": 90.0}, {"region": "edges"})
    row = {"method": r"m_1 & 2% #3 {x}\~^$", "epe": 1.234, "bad_2": None, "density": 91.0}
    found = lines(one, write_json(tmp_path / "b.json", row), style="latex", metrics=["epe", "bad_2", "density", "d1"])
    assert found == [
        r"% needs \usepackage{booktabs}",
        r"\begin{tabular}{lllrrrrrr}",
        r"\toprule",
        r"data & method & protocol & images & EPE, px & bad-2, \% & density, \% & D1, \% & s/pair \\",
        r"\midrule",
        # Alike as they read: both are best. More density is better; nobody wins by the number of images or by time.
        r"eth3d & network & all & 3 & \textbf{1.23} & \textbf{50.0} & 90.0 & \textbf{12.3} & 12.35 \\",
        r"eth3d & m\_1 \& 2\% \#3 \{x\}\textbackslash{}\textasciitilde{}\textasciicircum{}\$ & all & 3"
        r" & \textbf{1.23} & -- & \textbf{91.0} & \textbf{12.3} & 12.35 \\",
        r"\addlinespace",
        # Nothing to be better than.
        r"eth3d & network & all, edges & 3 & 1.23 & 12.3 & -- & 12.3 & 12.35 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_csv_has_every_number_in_full(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"method": 'a,"b"', "epe": 1 / 3, "d1": None, "own_metric": 1e-9})
    (row,) = csv.DictReader(lines(path, style="csv"))
    assert (row["data"], row["method"], row["region"]) == ("eth3d:/somewhere", 'a,"b"', "all")
    assert float(row["epe"]) == 1 / 3
    assert float(row["own_metric"]) == 1e-9
    assert row["report"] == str(path)
    assert "d1" not in row  # no report has it
    (row,) = csv.DictReader(lines(path, style="csv", metrics=["bad_2"]))
    assert list(row) == ["report", "data", "method", "protocol", "region", "averaging", "bad_2"]
