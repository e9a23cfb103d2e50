"""The rows that ship: one budget for all, and the commands that run them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import REPOSITORY, load_script, tiny_config

from stereo.ablation.measuring import read_costs, write_costs
from stereo.ablation.rows import REFERENCE, REFERENCES, Place, Row, read_rows
from stereo.ablation.scores import read_scores
from stereo.ablation.scoring import evaluate_run, is_finished, real_specs, train_row
from stereo.checkpoint import save_checkpoint
from stereo.config import Preset, config_to_dict, load_config, model_preset
from stereo.errors import ConfigError, DataError
from stereo.model.network import StereoNetwork

ROWS = read_rows(REPOSITORY / "configs" / "ablation")
# Of the budget a row may differ in what it is there to show.
MAY_DIFFER = {
    "none_fp32": "precision",
    "gate_plane_trunk": "initial_trunk",
    "gate_plane_pyramid_trunk": "initial_trunk",
    "gate_merged_pyramid_trunk": "initial_trunk",
    "gate_pyramid_trunk": "initial_trunk",
    "gate_volume_pyramid_trunk": "initial_trunk",
    "guided": "initial_trunk",
}


def budget(row: Row) -> dict[str, Any]:
    """All of a row but its network and where its run lies."""
    values = config_to_dict(load_config(row.path))
    assert values["training"].pop("output") == f"runs/ablation/{row.name}"
    values["training"].pop(MAY_DIFFER.get(row.name), None)
    if row.name == "curated":
        assert values["data"]["train"]["skip_list"] == "data/ablation_hard.txt"
        values["data"]["train"]["skip_list"] = None
    return {key: values[key] for key in ("data", "training")}


# The preset that each of them became.
CHOSEN: dict[str, Preset] = {"gate_volume_pyramid_trunk": "compact", "guided": "guided", "volume_efficient": "slim"}


@pytest.mark.parametrize("row", [row for row in ROWS if row.name in CHOSEN], ids=lambda row: row.name)
def test_a_preset_is_the_row_that_it_was_chosen_by(row: Row) -> None:
    network = load_config(row.path).model
    # The range is one of the data, the statistics are a matter of training.
    network = replace(network, max_disparity=192, features=replace(network.features, frozen_statistics=False))
    assert network == model_preset(CHOSEN[row.name])


def test_the_references_are_rows() -> None:
    assert {row.name: row.letter for row in ROWS if row.name in REFERENCES} == {
        "none": "a",
        "volume_efficient": "c",
        "gate": "k",
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_has_the_same_budget_and_a_title(row: Row) -> None:
    reference = budget(next(other for other in ROWS if other.name == REFERENCE))
    reference["training"].pop(MAY_DIFFER.get(row.name), None)
    assert budget(row) == reference
    assert row.title != row.name
    assert load_config(row.path).model.max_disparity == 96


# ------------------------------------------------------------------------------------------------------------ runs


def save(folder: Path, step: int) -> None:
    folder.mkdir(parents=True)
    config = tiny_config(folder, steps=4)
    save_checkpoint(folder / "last.pt", StereoNetwork(config.model), config, step)


def test_a_run_is_finished_after_its_last_step(tmp_path: Path) -> None:
    save(tmp_path / "half", 3)
    save(tmp_path / "whole", 4)
    assert [is_finished(tmp_path / name) for name in ("half", "whole", "nothing")] == [False, True, False]


def test_a_finished_run_is_not_trained_again_and_another_gets_seed_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[int, str, object]] = []
    monkeypatch.setattr(
        "stereo.ablation.scoring.train",
        lambda config, resume: trained.append((config.training.seed, config.training.output, resume)),
    )
    place = Place(tmp_path, tmp_path, tmp_path)
    save(place.run(ROWS[0], 0), 4)
    assert not train_row(ROWS[0], 0, place)
    assert train_row(ROWS[0], 1, place)
    assert trained == [(1, str(tmp_path / "none_1"), "auto")]


def test_a_run_that_is_scored_is_scored_and_trained_no_more_also_on_another_machine(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    scenes = "{length: 2, height: 64, width: 96, max_disparity: 24}"
    (tmp_path / "rows" / "tiny.yaml").write_text(f"# row: tiny\ndata: {{validation: {{synthetic: {scenes}}}}}\n")
    (row,) = read_rows(tmp_path / "rows")
    here = Place(tmp_path / "runs", tmp_path / "results", tmp_path / "scores")
    save(here.run(row, 0), 4)
    assert evaluate_run(row, 0, [], here, "the command", "cpu")
    kept = here.score(row, 0).read_bytes()
    assert not evaluate_run(row, 0, [], here, "the command", "cpu")
    # Kept again from the evaluation that is there, without the network.
    here.score(row, 0).unlink()
    report = (here.result(row, 0) / "report.json").stat()
    assert evaluate_run(row, 0, [], here, "the command", "cpu")
    assert here.score(row, 0).read_bytes() == kept
    assert (here.result(row, 0) / "report.json").stat() == report
    elsewhere = Place(tmp_path / "other", tmp_path / "others", here.scores)
    assert not train_row(row, 0, elsewhere)
    scores = read_scores(row, elsewhere)
    assert scores is not None
    assert scores.of("all", "epe", ["synthetic"])["synthetic"].shape == (1, 2)


def test_real_pairs_are_those_that_are_there(tmp_path: Path) -> None:
    for name in ("eth3d", "kitti2015_noc", "other"):
        (tmp_path / name).mkdir()
    assert real_specs(tmp_path) == [f"eth3d:{tmp_path / 'eth3d'}", f"kitti2015:{tmp_path / 'kitti2015_noc'}"]
    with pytest.raises(ConfigError, match="has none of the folders scene_flow"):
        real_specs(tmp_path / "other")


def test_costs_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results" / "costs.json"
    assert read_costs(path) == {}
    write_costs(path, {"none": {"parameters": 3}})
    assert read_costs(path) == {"none": {"parameters": 3}}
    path.write_text("[]")
    with pytest.raises(DataError, match="holds no costs"):
        read_costs(path)


def test_the_script_says_what_it_leaves_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = load_script("ablate")
    save(tmp_path / "none_0", 3)
    rows = ["--rows", str(REPOSITORY / "configs" / "ablation"), "--runs", str(tmp_path), "--results", str(tmp_path)]
    assert script.main(["evaluate", "none", *rows]) == 0
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "index.json").touch()
    assert script.main(["prepare", "--output", str(tmp_path / "packed")]) == 0
    assert capsys.readouterr().out.splitlines() == ["none, seed 0: not finished", f"{tmp_path / 'packed'}: is there"]
    with pytest.raises(ConfigError, match="'nothing' is no row"):
        script.main(["evaluate", "nothing", *rows])


def test_the_script_compares_rows_in_a_region(capsys: pytest.CaptureFixture[str]) -> None:
    """The scores that the repository keeps."""
    script = load_script("ablate")
    scores = ["--rows", str(REPOSITORY / "configs" / "ablation"), "--scores", str(REPOSITORY / "docs" / "ablation")]
    assert script.main(["compare", "gate_plane_trunk", "--with", "none", "gate", "--region", "occluded", *scores]) == 0
    lines = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert lines == [[part, metric] for part in ("real", "scenes") for metric in ("EPE", "bad-1", "bad-2")]
