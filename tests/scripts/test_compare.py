"""Reports side by side."""

import json
from pathlib import Path

import pytest
from helpers import load_script

from stereo.errors import DataError


def report(path: Path, method: str, epe: float | None, protocol: str = "all") -> str:
    keys = ("bad_1", "bad_2", "bad_3", "d1", "seconds_per_pair")
    rows = [
        {"data": f"{family}:/somewhere", "method": method, "protocol": protocol, "images": 3, "epe": epe}
        | dict.fromkeys(keys, 12.345)
        for family in ("eth3d", "kitti2015")
    ]
    path.write_text(json.dumps({"results": rows}), encoding="utf-8")
    return str(path)


def test_rows_of_one_data_set_stand_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = [report(tmp_path / "a.json", "network", 1.234), report(tmp_path / "b.json", "sgbm", None)]
    assert load_script("compare").main(reports) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| eth3d", "network"],
        ["| eth3d", "sgbm"],
        ["| kitti2015", "network"],
        ["| kitti2015", "sgbm"],
    ]
    assert "| 3 | 1.23 | 12.3 |" in lines[2]
    assert "| 3 | – |" in lines[3]


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    reports = [report(tmp_path / "a.json", "x", 1.0), report(tmp_path / "b.json", "y", 1.0, "psmnet")]
    with pytest.raises(DataError, match="different protocols"):
        load_script("compare").main(reports)
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(DataError, match="not a report"):
        load_script("compare").main([str(broken)])
    with pytest.raises(DataError, match="cannot be read"):
        load_script("compare").main([str(tmp_path / "none.json")])
