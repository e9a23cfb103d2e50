"""The attention benchmark: forms that agree, predictions that fit, rows instead of crashes."""

import csv
import json
import math
from pathlib import Path

import pytest
import torch
from helpers import load_script

from stereo.benchmark.attention import Row, Setup
from stereo.benchmark.attention_forms import FORMS, MODES, Mode, Straightforward, Widths
from stereo.benchmark.attention_report import crossovers
from stereo.benchmark.cells import Outcome, run_cell
from stereo.errors import ConfigError
from stereo.model.attention import EfficientAttention

script = load_script("benchmark_attention")


def test_the_tests_that_it_runs_first_are_there() -> None:
    assert [path for path in script.TESTS if not path.is_file()] == []


@pytest.fixture
def agreeing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the forms' own tests, which the suite runs anyway."""
    test = tmp_path / "test_agreeing.py"
    test.write_text("def test_agreeing(): pass")
    monkeypatch.setattr(script, "TESTS", [test])


def test_the_straightforward_form_is_the_same_function() -> None:
    naive = EfficientAttention(6, 4, 10, 2, implementation="naive").double()
    torch.nn.init.normal_(naive.reprojection.weight)
    straightforward = Straightforward(6, 4, 10, 2).double()
    straightforward.load_state_dict(naive.state_dict())
    x = torch.randn(2, 6, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(straightforward(x), naive(x))


@pytest.mark.usefixtures("agreeing")
def test_rows_figures_and_limits(tmp_path: Path) -> None:
    sizes = ["32x32x16", "64x128x96"]  # N = 256 and 12,288: one N×N map of the second is 604 MB
    forms = ["efficient (streaming)", "dot_product"]
    arguments = ["--memory-limit", "400MB", "--sizes", *sizes, "--forms", *forms, "--output", str(tmp_path)]
    assert script.main(arguments) == 0
    rows = json.loads((tmp_path / "attention.json").read_text())["rows"]
    assert len(rows) == 8
    status = {(row["form"], row["mode"], row["positions"]): row["status"] for row in rows}
    assert all(state == "ok" for (form, _, _), state in status.items() if form != "dot_product")
    assert status["dot_product", "forward", 256] == "ok"
    assert status["dot_product", "forward", 12288] == status["dot_product", "forward+backward", 12288]
    (wall,) = [row for row in rows if row["form"] == "dot_product" and row["mode"] == "forward" and row["needed_bytes"]]
    assert wall["status"] == "out of memory"
    assert wall["needed_bytes"] >= 4 * 12288**2
    with (tmp_path / "attention.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == [row["status"] for row in rows]
    assert "| 12,288 | " in (tmp_path / "attention.md").read_text()
    assert "out of memory, needed" in (tmp_path / "attention.md").read_text()
    assert (tmp_path / "attention.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.usefixtures("agreeing")
def test_the_guided_dot_product_ends_at_one_map_of_a_slice(tmp_path: Path) -> None:
    size, positions = "384x512x16", 96 * 128 * 4  # a slice of 12,288 positions: one map is 604 MB
    forms = ["guided efficient (streaming)", "guided dot_product"]
    arguments = ["--memory-limit", "400MB", "--sizes", size, "--forms", *forms, "--output", str(tmp_path)]
    assert script.main(arguments) == 0
    rows = [row for row in json.loads((tmp_path / "attention.json").read_text())["rows"] if row["mode"] == "forward"]
    streaming, dot_product = rows
    assert (streaming["status"], dot_product["status"]) == ("ok", "out of memory")
    assert 2 * 4 * 12288**2 <= dot_product["needed_bytes"] < 3 * 4 * 12288**2  # not one for each of the four slices
    assert f"| {positions:,} | " in (tmp_path / "attention.md").read_text()
    assert [path.name for path in tmp_path.glob("*.png")] == ["attention_guided.png"]


@pytest.mark.usefixtures("agreeing")
def test_over_time_is_extrapolated_and_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = iter([Outcome("ok", 2.0, 10), Outcome("over time", message="over 5 s")] * 2)
    monkeypatch.setattr("stereo.benchmark.attention.run_cell", lambda command, limit: next(outcomes))
    sizes = ["32x32x16", "32x64x16", "64x64x16"]
    assert script.main(["--sizes", *sizes, "--forms", "sdpa", "--time-limit", "5", "--output", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "attention.json").read_text())["rows"][:3]
    assert [row["status"] for row in rows] == ["ok", "over time", "over time"]
    assert rows[1]["seconds"] == pytest.approx(8, rel=0.1)  # twice the positions: four times the work
    assert rows[2]["seconds"] == pytest.approx(32, rel=0.2)
    assert "over 5 s; extrapolated" in (tmp_path / "attention.md").read_text()


def test_the_crossover_is_where_it_is_faster_for_good() -> None:
    def row(form: str, positions: int, seconds: float) -> Row:
        return Row(form, "forward", "", positions, "ok", seconds, 1, None, 1, 1)

    ours = [row("efficient (streaming)", n, seconds) for n, seconds in ((1, 1.0), (2, 3.0), (3, 3.0), (4, 3.0))]
    other = [row("sdpa", n, seconds) for n, seconds in ((1, 2.0), (2, 2.0), (3, 9.0), (4, 12.0))]
    (line,) = crossovers([*ours, *other])
    assert "is faster than sdpa from N = 3 on; at N = 4 it takes 0.25× of the time" in line


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMS)
def test_predictions_grow_as_the_form_does(form: str, mode: Mode) -> None:
    widths = Widths(32, 16, 32, 1, slices=10)
    one, two = (FORMS[form].elements(n, widths, mode) for n in (10**6, 2 * 10**6))
    work, more = (FORMS[form].multiplications(n, widths, mode) for n in (10**6, 2 * 10**6))
    quadratic = form.removeprefix("guided ") in ("dot_product", "sdpa")
    assert more / work == pytest.approx(4 if quadratic else 2, rel=0.01)
    assert two / one == pytest.approx(4 if form.endswith("dot_product") else 2, rel=0.02)  # a chunk is the same at both


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", FORMS)
def test_predictions_are_what_is_measured(form: str, mode: Mode) -> None:
    shapes = {"dot_product": [8, 16, 24], "sdpa": [12, 16, 32], "guided dot_product": [12, 48, 64]}
    shape = shapes.get(form, [32, 48, 64])
    setup = Setup("cpu", 4 * 10**9, 120, Widths(32, 16, 32, 1, slices=shape[0]))
    outcome = run_cell(setup.command({"form": form, "mode": mode, "shape": shape}), 120)
    predicted = 4 * FORMS[form].elements(math.prod(shape), setup.widths, mode)
    # Libraries keep up to 3 MB for themselves, which is much only beside what sdpa takes at a size of a few seconds.
    assert outcome.extra_bytes == pytest.approx(predicted, rel=0.25, abs=3e6)


def test_no_speed_while_the_forms_disagree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = tmp_path / "test_failing.py"
    failing.write_text("def test_failing(): raise AssertionError")
    monkeypatch.setattr(script, "TESTS", [failing])
    assert script.main(["--quick", "--output", str(tmp_path)]) == 1
    assert "no speed is reported" in capsys.readouterr().err
    assert not list(tmp_path.glob("attention.*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "big"], "'big' is no size, expected HEIGHTxWIDTHxMAX_DISPARITY"),
        (["--forms", "linear"], "unknown form 'linear', expected one of efficient"),
        (["--memory-limit", "much"], "'much' is no amount of memory"),
        (["--memory-limit", "lots"], "'lots' is no amount of memory"),
        (["--time-limit", "0"], "--time-limit is 0"),
        (["--sizes", "0x0x0"], "'0x0x0' is no size"),
        (["--sizes", "64x64"], "'64x64' is no size"),
        (["--num-heads", "3"], "3 heads do not divide 16 key and 32 value channels"),
        (["--channels", "0"], "--channels is 0, expected 1 or more"),
        (["--device", "cuda:99"], "device 'cuda:99' is not available here"),
        (["--network", "none.yaml"], "none.yaml: no such configuration file"),
    ],
)
def test_wrong_requests_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        script.main(arguments)


def test_no_speed_where_the_forms_have_no_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "TESTS", [tmp_path / "test_nothing.py"])
    assert script.main(["--quick", "--output", str(tmp_path)]) == 1
    assert "run this from a checkout" in capsys.readouterr().err
