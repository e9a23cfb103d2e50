"""Reports are written whole, and say where their numbers come from."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import REPOSITORY, tiny_config
from helpers.reports import ROW

from stereo.checkpoint import read_checkpoint, save_checkpoint
from stereo.config import DatasetConfig, SyntheticConfig
from stereo.errors import OutputError
from stereo.evaluation.evaluator import EvaluationResult
from stereo.evaluation.provenance import describe_run
from stereo.evaluation.reading import read_report
from stereo.evaluation.report import remarks, text_header, text_row, write_report
from stereo.methods.predictor import Predictor
from stereo.methods.sgbm import Sgbm
from stereo.model.network import StereoNetwork


def test_a_report_is_written_over_an_older_one_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("an older one")
    write_report(path, [ROW | {"epe": None}], {"checkpoint": "x.pt", "settings": {"max_disparity": 64}})
    assert list(json.loads(path.read_text())) == ["results", "checkpoint", "settings"]
    report = read_report(path)
    assert report.results == (ROW | {"epe": None},)
    assert report.methods["network"]["max_disparity"] == 64
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"report\.json"):
        write_report(tmp_path / "gone" / "report.json", [], {})


def test_the_report_says_where_the_numbers_come_from(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    save_checkpoint(tmp_path / "tiny.pt", StereoNetwork(config.model), config, step=0)
    predictor = Predictor.from_checkpoint(tmp_path / "tiny.pt", "cpu", max_disparity=48)
    data = {
        "scene_flow:x": DatasetConfig("scene_flow", "x", "test", "finalpass", names="names.txt", limit=3),
        "synthetic": DatasetConfig(synthetic=SyntheticConfig(seed=7)),
    }
    about = describe_run(predictor, data, "evaluate.py --data synthetic")
    assert about["checkpoint"] == str(tmp_path / "tiny.pt")
    assert len(about["checkpoint_sha256"]) == 64
    assert about["config"]["model"]["max_disparity"] == 48  # as used, not as trained
    assert about["settings"] == {"checkpoint": about["checkpoint"], "max_disparity": 48, "band_rows": None}
    scene_flow = about["data"]["scene_flow:x"]
    expected = {"path": "x", "split": "test", "rendering": "finalpass", "names": "names.txt", "skip_list": None}
    assert expected.items() <= scene_flow.items()
    assert scene_flow["limit"] == 3
    assert "synthetic" not in scene_flow
    assert about["data"]["synthetic"]["synthetic"]["seed"] == 7
    assert about["command"] == "evaluate.py --data synthetic"
    assert about["threads"] >= 1
    assert "CPU cores" in about["machine"]
    assert about["version"]
    git = subprocess.run(["git", "-C", REPOSITORY, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    assert (about["revision"] or "").removesuffix("-dirty") == git.stdout.strip()
    json.dumps(about, allow_nan=False)

    classical = describe_run(Sgbm(64), {}, "")
    assert classical["checkpoint"] is classical["checkpoint_sha256"] is classical["config"] is None
    assert classical["settings"]["num_disparities"] == 64


def test_what_json_cannot_hold_of_a_strangers_configuration_is_left_out(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    save_checkpoint(tmp_path / "tiny.pt", StereoNetwork(config.model), config, step=0)
    content = read_checkpoint(tmp_path / "tiny.pt")
    content["config"]["data"] = {"images": torch.ones(2)}
    content["config"]["loss"] = {"weight": float("nan")}
    torch.save(content, tmp_path / "tiny.pt")
    about = describe_run(Predictor.from_checkpoint(tmp_path / "tiny.pt", "cpu"), {}, "")
    assert about["config"]["data"] == about["config"]["loss"] == "left out: holds other than plain finite values"
    json.dumps(about, allow_nan=False)


def test_the_lines_of_a_terminal_stand_below_their_titles() -> None:
    header, row = text_header(20), text_row(ROW | {"epe": None}, 20)
    assert len(header) == len(row)
    for title, cell in (("EPE", "–"), ("bad-2", "12.35"), ("D1", "12.35"), ("images", "3"), ("protocol", "all     ")):
        assert row[: header.index(title) + len(title)].endswith(cell), title


def test_what_has_to_be_said_beside_the_numbers() -> None:
    result = EvaluationResult("x", "m", "all", "all", 2, 0, {}, 1.0, 1.0, 1.0, "pixels", 9, (), ())
    assert remarks([result]) == []
    some = [replace(result, skipped=1, failed=("a: gone",)), replace(result, protocol="psmnet", failed=("a: gone",))]
    assert remarks(some) == ["x, protocol all: left out 1 image", "failed: a: gone"]
    nothing = replace(result, images=0, skipped=3)
    assert remarks([nothing]) == ["x, protocol all: nothing was scored, none of 3 images has a pixel that counts"]
