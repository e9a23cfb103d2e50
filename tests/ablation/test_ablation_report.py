"""Rows, their scores read back, and the tables between their markers."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from helpers.reports import ROW

from stereo.ablation.kept import SCENES, can_go_on, collect, read_run, write_run
from stereo.ablation.report import BEGIN, END, tables, write_tables
from stereo.ablation.rows import Place, Row, read_rows, seeds_in
from stereo.ablation.scores import read_scores
from stereo.ablation.together import compare
from stereo.errors import ConfigError, DataError

# EPE, bad-1 and bad-2 of each pair, by data set.
Errors = Mapping[str, Mapping[str, tuple[float, float, float]]]
REAL = "eth3d:/somewhere"


def evaluation(folder: Path, errors: Errors) -> None:
    """The folder of an evaluation, as evaluate.py writes it, of pairs of 100 px."""
    folder.mkdir(parents=True, exist_ok=True)
    results, lines = [], []
    for data, pairs in errors.items():
        for region in ("all", "visible"):
            epe = sum(values[0] for values in pairs.values()) / len(pairs)
            results.append({**ROW, "data": data, "region": region, "images": len(pairs), "epe": epe})
            lines += [[data, "network", "all", region, name, 100, *values] for name, values in pairs.items()]
    head = {"revision": "abc", "machine": "a machine", "checkpoint_sha256": "123"}
    (folder / "report.json").write_text(json.dumps({"results": results, **head}))
    with (folder / "per_image.csv").open("w", newline="") as file:
        titles = ["data", "method", "protocol", "region", "name", "pixels", "epe", "bad_1", "bad_2"]
        csv.writer(file).writerows([titles, *lines])


def errors(*values: float) -> Errors:
    """As many real pairs, and two scenes, with such EPE; bad-1 and bad-2 are ten times it, and five."""
    real = {f"im{place}": (value, 10 * value, 5 * value) for place, value in enumerate(values)}
    return {REAL: real, SCENES: {"one": (1.0, 10.0, 5.0), "two": (3.0, 30.0, 15.0)}}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo.evaluation.compare.statistics.RESAMPLES", 999)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "runs", tmp_path / "results", tmp_path / "scores")


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    heads = {"none": "# row (a): no attention", "gate": "# row (k): gates", "added": "# row: one more", "bare": "# -"}
    for name, head in heads.items():
        path = tmp_path / "rows" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{head}\n#\nmodel: {{}}\n")
    return read_rows(tmp_path / "rows")


def keep(place: Place, rows: Sequence[Row], name: str, seed: int, errors: Errors) -> Path:
    """The scores of a run, as evaluating it keeps them."""
    (row,) = (row for row in rows if row.name == name)
    evaluation(place.result(row, seed), errors)
    run = collect(place.result(row, seed), row)
    assert run is not None
    write_run(place.score(row, seed), run)
    return place.score(row, seed)


def cells(lines: Sequence[str], heading: str, row: str) -> list[str]:
    """What a table below a heading has of a row; the first table without a heading."""
    start = lines.index(heading) if heading else 0
    line = next(line for line in lines[start:] if f", `{row}` |" in line)
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


# ------------------------------------------------------------------------------------------------------------ rows


def test_rows_stand_by_letter_and_those_without_one_last(rows: list[Row]) -> None:
    labels = [row.label for row in rows]
    assert labels == ["(a) no attention, `none`", "(k) gates, `gate`", "one more, `added`", "bare, `bare`"]


def test_rows_that_are_wrong_are_refused(rows: list[Row], tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    with pytest.raises(ConfigError, match=r"'gates' is no row of .*rows, expected one of none, gate, added, bare"):
        read_rows(folder, ["gates"])
    with pytest.raises(ConfigError, match="holds no rows"):
        read_rows(tmp_path)
    (folder / "again.yaml").write_text("# row (a): again\n")
    with pytest.raises(ConfigError, match=r"is row \(a\) as .*again"):
        read_rows(folder)


def test_seeds_are_those_of_the_row_alone(rows: list[Row], tmp_path: Path) -> None:
    for name in ("gate_2", "gate_0", "gate_plane_0", "gate_x"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert seeds_in(tmp_path / "runs", rows[1]) == [0, 2]


# ---------------------------------------------------------------------------------------------------------- scores


def test_scores_are_of_complete_evaluations_alone(rows: list[Row], place: Place) -> None:
    evaluation(place.results / "none_1", {REAL: errors(1, 3)[REAL]})  # the scenes come last
    assert collect(place.results / "none_1", rows[0]) is None
    assert collect(place.results / "none_2", rows[0]) is None
    keep(place, rows, "none", 0, errors(1, 3))
    found = read_scores(rows[0], place)
    assert found is not None
    assert found.seeds == (0,)
    assert found.families == ["eth3d"]
    assert found.of("all", "bad_1", ["eth3d"])["eth3d"].tolist() == [[10, 30]]
    assert found.of("occluded", "epe", ["eth3d"]) == {}
    assert read_scores(rows[1], place) is None


def test_what_is_kept_is_what_was_scored(rows: list[Row], place: Place) -> None:
    path = keep(place, rows, "none", 0, errors(1 / 3, 3))
    run = read_run(path)
    assert run == collect(place.results / "none_0", rows[0])
    assert (run.weights, run.origin) == ("123", "revision abc, a machine")
    assert run.errors["all", "eth3d"] == {"somewhere/im0": (0.3333, 3.333, 1.667), "somewhere/im1": (3, 30, 15)}
    assert [run.has(data) for data in (REAL, "eth3d:other", "kitti2012:/somewhere", SCENES)] == [
        True,
        False,
        False,
        True,
    ]


def test_an_evaluation_goes_on_with_the_same_weights_and_paths_alone(place: Place) -> None:
    folder = place.results / "none_0"
    assert not can_go_on(folder, "123", [REAL, SCENES])
    evaluation(folder, {REAL: errors(1, 3)[REAL]})
    assert can_go_on(folder, "123", [REAL, SCENES])
    assert not can_go_on(folder, "456", [REAL, SCENES])
    assert not can_go_on(folder, "123", ["eth3d:../somewhere", SCENES])


def test_two_data_sets_of_a_family_are_one(rows: list[Row], place: Place) -> None:
    keep(place, rows, "none", 0, {**errors(1), "eth3d:/elsewhere": {"im0": (5.0, 50.0, 25.0)}})
    found = read_scores(rows[0], place)
    assert found is not None
    assert sorted(found.of("all", "epe", ["eth3d"])["eth3d"][0]) == [1, 5]


def test_two_folders_of_one_name_are_refused_and_no_pair_is_lost(rows: list[Row], place: Place) -> None:
    with pytest.raises(DataError, match="two data sets of 'eth3d' have a pair somewhere/im0"):
        keep(place, rows, "none", 0, {**errors(1), "eth3d:/other/somewhere": {"im0": (5.0, 50.0, 25.0)}})


@pytest.mark.parametrize(("name", "seed"), [("none", 1), ("gate", 0)])
def test_runs_on_other_pairs_are_refused(rows: list[Row], place: Place, name: str, seed: int) -> None:
    keep(place, rows, "none", 0, errors(1, 3))
    keep(place, rows, name, seed, errors(1, 3, 5))
    with pytest.raises(DataError, match=rf"{name}_{seed}.jsonl: was scored on other pairs .*somewhere/im2 of eth3d"):
        tables(rows, place, {})


def test_scores_of_an_earlier_form_of_a_row_are_refused_but_a_comment_changes_nothing(
    rows: list[Row], place: Place
) -> None:
    keep(place, rows, "gate", 0, errors(1, 3))
    rows[1].path.write_text("# row (k): gates, measured\nmodel: {}\n")
    assert read_scores(rows[1], place) is not None
    rows[1].path.write_text("# row (k): gates\nmodel: {max_disparity: 64}\n")
    with pytest.raises(DataError, match=r"gate_0\.jsonl: is of other settings than .*gate\.yaml has now"):
        tables(rows, place, {})


HEAD = '{"row": "1", "weights": "1", "origin": "1", "metrics": ["epe", "bad_1", "bad_2"]}\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]\n",
        "\0",
        HEAD,
        HEAD + '["all", "eth3d"]\n',
        HEAD + '["all", "eth3d", {"a": [1, 2]}]\n',
        HEAD + '["all", "eth3d", {"a": [1, 2, NaN]}]\n',
        HEAD + '["all", "eth3d", {"a": [1, 2, "x"]}]\n',
        HEAD + '["all", "eth3d", [1, 2, 3]]\n',
        HEAD.replace(', "bad_2"', "") + '["all", "eth3d", {"a": [1, 2]}]\n',
    ],
)
def test_a_broken_file_of_scores_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "none_0.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=r"none_0\.jsonl: holds no scores of a run"):
        read_run(path)
    path.write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"none_0\.jsonl: cannot be read"):
        read_run(path)


# ---------------------------------------------------------------------------------------------------------- tables


def test_tables_by_hand(rows: list[Row], place: Place) -> None:
    keep(place, rows, "none", 0, errors(2, 2))
    keep(place, rows, "none", 1, errors(4, 4))
    keep(place, rows, "gate", 0, errors(0.5, 1.5))
    cost = {"parameters": 1234567, "multiplications": 5e9, "training": {"ratio": 1}, "inference": {"ratio": 1.25}}
    lines = tables(rows, place, {"gate": {**cost, "machine": "another machine"}})
    # Seeds, then EPE, bad-1 and bad-2 of the pairs and of the scenes.
    assert cells(lines, "", "none") == [*"––––", "0, 1", "3.00", "30.00", "15.00", "2.00", "20.00", "10.00"]
    assert cells(lines, "", "gate")[:6] == ["1,234,567", "5.0", "1.00", "1.25", "0", "1.00"]
    assert "Real pairs by family: eth3d 2." in lines[0]
    assert "another machine" in lines[0]
    # Gates 0.5 and 1.5 against 2: seed 1 is of one row alone.
    assert cells(lines, "### Ratios on the real pairs", "gate")[:2] == ["0.50 [0.25, 0.75]", "0.50 [0.25, 0.75]"]
    assert cells(lines, "### Ratios on the real pairs", "none")[:3] == ["–"] * 3
    # Of the scenes, all rows alike.
    assert cells(lines, "### Ratios on the 64 procedural scenes", "gate")[0] == "1.00 [1.00, 1.00], within noise"
    assert cells(lines, "### By family", "gate") == ["**0.50** / **0.50**"]
    assert cells(lines, "### Each run", "none") == (
        ["0, 1", "2.00, 4.00", "20.00, 40.00", "10.00, 20.00", "2.00, 2.00", "20.00, 20.00", "10.00, 10.00"]
    )
    assert cells(lines, "### By region of the real pairs", "gate")[:2] == ["**0.50** / **0.50**", "– / –"]


def test_one_seed_of_one_pair_has_no_interval(rows: list[Row], place: Place) -> None:
    keep(place, rows, "none", 0, errors(2))
    keep(place, rows, "gate", 0, errors(1))
    assert cells(tables(rows, place, {}), "### Ratios on the real pairs", "gate")[0] == "0.50, no interval"


def test_rows_are_compared_by_the_seeds_that_both_have(rows: list[Row], place: Place) -> None:
    """Seed 7 is a lucky one: a row that has it is no better than one that lacks it."""
    keep(place, rows, "none", 3, errors(4, 4))
    keep(place, rows, "none", 7, errors(2, 2))
    keep(place, rows, "gate", 3, errors(4, 4))
    keep(place, rows, "added", 7, errors(2, 2))
    lines = tables(rows, place, {})
    ratios = "### Ratios on the real pairs"
    assert cells(lines, ratios, "gate")[0] == cells(lines, ratios, "added")[0] == "1.00 [1.00, 1.00], within noise"
    assert cells(lines, ratios, "added")[3] == "–"  # to gates: no seed in common


def test_two_groups_of_rows_are_compared_with_all_their_runs(rows: list[Row], place: Place) -> None:
    keep(place, rows, "none", 0, errors(2, 2))
    keep(place, rows, "none", 1, errors(4, 4))
    keep(place, rows, "gate", 0, errors(6, 6))
    keep(place, rows, "added", 0, errors(1, 1))
    none, gate, added, bare = (
        next(row for row in rows if row.name == name) for name in ("none", "gate", "added", "bare")
    )
    found = compare([added], [none, gate], place)
    # 1 : (2 + 6) / 2, from 1 : 6 to 1 : 2; seed 1 is of one row alone.
    assert str(found["real", "epe"]) == "0.25 [0.17, 0.50]"
    assert str(found["scenes", "bad_2"]) == "1.00 [1.00, 1.00], within noise"
    assert compare([none, added], [gate], place)["real", "epe"].value == pytest.approx((2 + 1) / 2 / 6)
    assert compare([added], [gate], place, "visible")["real", "bad_1"].value == pytest.approx(1 / 6)
    assert compare([added], [gate], place, "occluded") == {}
    with pytest.raises(ConfigError, match="none stands on both sides"):
        compare([none], [gate, none], place)
    with pytest.raises(ConfigError, match="no scores yet of bare"):
        compare([none], [bare], place)
    keep(place, rows, "bare", 2, errors(1, 1))
    with pytest.raises(ConfigError, match="no seed in common"):
        compare([none], [bare], place)
    keep(place, rows, "bare", 0, errors(1, 1, 1))
    with pytest.raises(DataError, match="other pairs"):
        compare([none], [bare], place)


def test_every_row_stands_in_the_first_table_also_without_scores(rows: list[Row], place: Place) -> None:
    keep(place, rows, "gate", 0, errors(1, 2))
    lines = tables(rows, place, {})
    assert [cells(lines, "", name)[4] for name in ("none", "gate", "added")] == ["no scores yet", "0", "no scores yet"]
    ratios = lines[lines.index("### Ratios on the real pairs") :]
    assert not [line for line in ratios if ", `none` |" in line or ", `added` |" in line]
    # No row to compare with.
    assert cells(lines, "### Ratios on the real pairs", "gate") == ["–"] * 9


def test_there_are_tables_before_anything_is_run(rows: list[Row], place: Place) -> None:
    lines = tables(rows, place, {})
    assert lines[0] == "No run has scores yet."
    assert cells(lines, "", "bare")[4] == "no scores yet"


def test_what_stands_around_the_tables_is_not_touched(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Mine\n\nabove\n{BEGIN}\nold\n{END}\nbelow\n")
    write_tables(page, ["new", "lines"])
    assert page.read_text() == f"# Mine\n\nabove\n{BEGIN}\n\nnew\nlines\n\n{END}\nbelow\n"
    once = page.read_bytes()
    write_tables(page, ["new", "lines"])
    assert page.read_bytes() == once


@pytest.mark.parametrize("text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}\n{BEGIN}\n{END}\n"])
def test_a_page_without_both_markers_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ConfigError, match=r"page\.md: expected the line"):
        write_tables(page, ["new"])
    assert page.read_text() == text
