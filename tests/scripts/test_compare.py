"""The script that compares reports; tests/evaluation has the parts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import REPOSITORY, load_script
from helpers.reports import SPEC, Scores, write_folder, write_json

from stereo.errors import DataError

A: Scores = {f"im{number}": (100 + number, 1.0 + number, 50.0) for number in range(6)}
B: Scores = {name: (pixels, epe - 0.25, bad - 10.0) for name, (pixels, epe, bad) in A.items()}


def run(*words: object) -> int:
    return load_script("compare").main([str(word) for word in words])


def test_two_networks_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports = [
        write_json(tmp_path / f"{name}.json", checkpoint=f"runs/{name}/best.pt", checkpoint_sha256=name)
        for name in ("one", "two")
    ]
    assert run(*reports, "--table-only") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| eth3d | network (one/best) | all | 3 | 1.23 | 12.3 | 12.3 | 12.3 | 12.3 | 12.35 |"
    assert lines[3].startswith("| eth3d | network (two/best) | all |")
    assert len(lines) == 4


def test_what_is_better_stands_below_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = write_folder(tmp_path / "1", {"a": A}), write_folder(tmp_path / "2", {"b": B})
    assert run(one, other) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == ""
    assert lines[5] == (
        "Image by image; in brackets 95 % intervals: percentiles of 9,999 paired bootstrap draws of the images, seed 0 "
        "(from fewer than 20 images they are too narrow):"
    )
    assert lines[6] == "- eth3d, all, EPE: b is better than a by 0.25 px [0.25, 0.25], 6 of 6 images"
    assert run(one, other, "--baseline", "b") == 0
    assert "a is worse than b by 0.25 px" in capsys.readouterr().out


def test_other_metrics_are_compared_where_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [write_folder(tmp_path / name, {name: scores}) for name, scores in (("a", A), ("b", B))]
    for folder in folders:
        table = folder / "per_image.csv"
        table.write_text(table.read_text("utf-8").replace(",bad_2", ",bad_1"), "utf-8")
    assert run(*folders, "--paired", "bad_1") == 0
    assert capsys.readouterr().out.splitlines()[6:8] == [
        "- eth3d, all, EPE: b is better than a by 0.25 px [0.25, 0.25], 6 of 6 images",
        "- eth3d, all, bad-1: b is better than a by 10.00 % points [10.00, 10.00], 6 of 6 images",
    ]
    with pytest.raises(DataError, match="has no column 'bad_2'"):
        run(*folders)
    with pytest.raises(SystemExit):
        run(*folders, "--paired", "density")


def test_regions_stand_side_by_side_where_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [{"region": "all"}, {"region": "visible", "bad_1": 2.0}]
    folder = write_folder(tmp_path / "1", {"a": A, "b": B}, *rows)
    words = ["--region", "all", "visible", "--join-regions", "--metrics", "epe", "bad_1"]
    assert run(folder, *words, "--table-only") == 0
    header, _, first, second = capsys.readouterr().out.splitlines()
    assert header == "| data | method | protocol | images | EPE, px | bad-1, % | s/pair |"
    assert first == "| eth3d | a | all: all / visible | 6 | 3.53 / 3.53 | 12.3 / 2.0 | 12.35 |"
    assert second.startswith("| eth3d | b | all: all / visible | 6 | 3.28 / 3.28 |")
    with pytest.raises(SystemExit):
        run(folder, *words, "--format", "csv")


def test_a_long_report_is_shown_by_its_first_protocol_and_region(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"protocol": protocol, "region": region} for protocol in ("all", "igev") for region in ("all", "edges")]
    folder = write_folder(tmp_path / "1", {"a": A, "b": B}, *rows)

    def shown(*words: str) -> tuple[int, int, bool]:
        assert run(folder, *words) == 0
        lines = "".join(capsys.readouterr()).splitlines()
        table = sum(line.startswith(("| eth3d", "eth3d &", str(folder))) for line in lines)
        return table, sum("EPE: " in line for line in lines), "note: 6 more of other" in "".join(lines)

    assert shown() == shown("--format", "latex") == (2, 1, True)
    assert shown("--region", "edges", "all") == (4, 2, False)
    assert shown("--protocol", "igev", "--region", "edges") == (2, 1, False)
    assert shown("--everything") == shown("--format", "csv") == (8, 4, False)


@pytest.mark.parametrize("style", ["markdown", "latex"])
def test_names_in_a_report_do_not_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    folder = write_folder(tmp_path / "1", {"a": A, "b\x1b[31m|\n": B})
    assert run(folder, "--format", style) == 0
    printed = "".join(capsys.readouterr())
    assert "�[31m" in printed
    assert all(character.isprintable() or character == "\n" for character in printed)


def test_sides_of_several_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = [write_folder(tmp_path / f"a{n}", {"network": A, "sgbm": A}) for n in range(2)]
    other = [write_folder(tmp_path / f"b{n}", {"network": B, "sgbm": A}) for n in range(2)]
    assert run("--a", *one, "--b", *other, "--method", "network") == 0
    assert (
        "B (2 runs of network) is better than A (2 runs of network) by 0.25 px [0.25, 0.25]" in capsys.readouterr().out
    )


@pytest.mark.parametrize("style", ["latex", "csv"])
def test_a_table_for_other_programs_stands_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    folder = write_folder(tmp_path / "1", {"a": A, "b": B})
    assert run(folder, "--format", style) == 0
    printed = capsys.readouterr()
    assert "better than" not in printed.out
    assert "b is better than a" in printed.err
    assert run(folder, "--format", style, "--output", tmp_path / "table") == 0
    assert (tmp_path / "table").read_text() == printed.out
    assert "b is better than a" in capsys.readouterr().out


def test_other_pixels_are_refused_unless_they_may_be(tmp_path: Path) -> None:
    one = write_folder(tmp_path / "1", {"a": A}, data={SPEC: {"rendering": "cleanpass"}})
    other = write_folder(tmp_path / "2", {"b": B}, data={SPEC: {"rendering": "finalpass"}})
    with pytest.raises(DataError, match="--allow-different rendering"):
        run(one, other)
    assert run(one, other, "--allow-different", "rendering") == 0


def test_a_user_s_mistake_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    path = write_json(tmp_path / "report.json", {"epe": "1.2"})
    command = [sys.executable, str(REPOSITORY / "scripts" / "compare.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    expected = "'epe' is '1.2', expected a number or null; name a report.json that evaluate.py wrote"
    assert done.stderr == f"error: {path}: result 1: {expected}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "one of the three"),
        (["x", "--merge", "y"], "one of the three"),
        (["--a", "x"], "--a and --b go together"),
        (["--a", "x", "--b", "y", "--baseline", "sgbm"], "--baseline: goes with reports"),
        (["--merge", "x"], "--merge: needs --output"),
        (["x", "--format", "html"], "invalid choice: 'html'"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_table_needs_neither_pytorch_nor_scipy(tmp_path: Path) -> None:
    path = write_json(tmp_path / "report.json")
    code = f"""
import runpy, sys
sys.argv = ["compare.py", {str(path)!r}]
try:
    runpy.run_path({str(REPOSITORY / "scripts" / "compare.py")!r}, run_name="__main__")
except SystemExit as end:
    assert end.code == 0
assert not {{"torch", "scipy", "numpy", "cv2"}} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("| data | method |")
