"""The script that sets reports side by side; tests/evaluation/test_report.py has the table itself."""

import json
from pathlib import Path

import pytest
from helpers import load_script

from stereo.errors import DataError

COLUMNS = ("epe", "bad_1", "bad_2", "bad_3", "d1", "seconds_per_pair")


def report(path: Path, checkpoint: str, epe: object = 1.234) -> str:
    row = {"data": "eth3d:/somewhere", "method": "network", "protocol": "all", "images": 3}
    results = [row | dict.fromkeys(COLUMNS, 12.345) | {"epe": epe}]
    path.write_text(json.dumps({"results": results, "checkpoint": checkpoint}), encoding="utf-8")
    return str(path)


def test_two_networks_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = [report(tmp_path / f"{name}.json", f"runs/{name}/best.pt") for name in ("one", "two")]
    assert load_script("compare").main(reports) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| eth3d | network (one/best) | all | 3 | 1.23 | 12.3 | 12.3 | 12.3 | 12.3 | 12.35 |"
    assert lines[3].startswith("| eth3d | network (two/best) | all |")


def test_a_number_that_is_none_is_named_and_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.json: result 1: 'epe' is '1.2', expected a number"):
        load_script("compare").main([report(tmp_path / "a.json", "x.pt", "1.2")])
