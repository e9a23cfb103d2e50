"""The notebook docs/tour.ipynb runs, cell by cell, and was committed as it ran.

Its outputs are renewed by `jupyter nbconvert --to notebook --execute --inplace docs/tour.ipynb`; jupyter is no
dependency of this project, so the test runs the cells' code itself.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import REPOSITORY

from stereo.data.formats import read_ply

NOTEBOOK = REPOSITORY / "docs" / "tour.ipynb"


def code_cells() -> list[dict[str, Any]]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_the_cells_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "tour"}
    for number, cell in enumerate(code_cells(), 1):
        exec(compile("".join(cell["source"]), f"{NOTEBOOK} cell {number}", "exec"), names)
    points, colors = read_ply(tmp_path / "cloud.ply")
    assert 0 < len(points) <= names["truth"].size
    assert colors is not None
    assert names["error"].mean() < 1.5  # a network that has learned something
    assert names["error"][names["sure"]].mean() < names["error"].mean()
    assert "pixels became points" in capsys.readouterr().out


def test_it_has_its_outputs_and_is_small() -> None:
    cells = code_cells()
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell["outputs"] for cell in cells)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 4
    assert NOTEBOOK.stat().st_size < 1_000_000
