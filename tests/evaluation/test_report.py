"""Reports are written whole, and say where their numbers come from."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import REPOSITORY, tiny_config
from helpers.reports import ROW

from stereo.checkpoint import read_checkpoint, save_checkpoint
from stereo.config import DatasetConfig, SyntheticConfig
from stereo.errors import OutputError
from stereo.evaluation.compare.reading import read_report
from stereo.evaluation.provenance import describe_run, identity
from stereo.evaluation.records import differing
from stereo.evaluation.report import TextTable, remarks, write_report
from stereo.evaluation.tally import EvaluationResult
from stereo.methods.predictor import Predictor
from stereo.methods.sgbm import Sgbm
from stereo.methods.variants import FlipTest
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
    about = describe_run([Sgbm(64), FlipTest(predictor)], data, "evaluate.py --data synthetic")
    assert about["checkpoint"] == str(tmp_path / "tiny.pt")
    assert len(about["checkpoint_sha256"]) == 64
    assert about["config"]["model"]["max_disparity"] == 48  # as used, not as trained
    assert list(about["methods"]) == ["sgbm", "network (flip test)"]
    settings = about["methods"]["network (flip test)"]
    assert (settings["checkpoint"], settings["max_disparity"]) == (about["checkpoint"], 48)
    assert about["methods"]["sgbm"]["num_disparities"] == 64
    scene_flow = about["data"]["scene_flow:x"]
    expected = {"path": "x", "split": "test", "rendering": "finalpass", "names": "names.txt", "skip_list": None}
    assert expected.items() <= scene_flow.items()
    assert scene_flow["limit"] == 3
    assert "synthetic" not in scene_flow
    assert about["data"]["synthetic"]["synthetic"]["seed"] == 7
    assert not {"rendering", "negative_disparity", "half"} & about["data"]["synthetic"].keys()
    assert about["command"] == "evaluate.py --data synthetic"
    assert about["threads"] >= 1
    assert "CPU cores" in about["machine"]
    assert about["version"]
    git = subprocess.run(["git", "-C", REPOSITORY, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    assert (about["revision"] or "").removesuffix("-dirty") == git.stdout.strip()
    json.dumps(about, allow_nan=False)

    classical = describe_run([Sgbm(64)], {}, "")
    assert classical["checkpoint"] is classical["checkpoint_sha256"] is classical["config"] is None


def test_records_are_of_one_evaluation_where_all_that_numbers_depend_on_agrees() -> None:
    def of(method: Sgbm, command: str, protocols: list[str], names: Sequence[str] = ("a", "b")) -> dict[str, Any]:
        return identity(describe_run([method], {}, command), {"pairs:x": names}, protocols, ["all"], "1/1", None)

    one = of(Sgbm(64), "evaluate.py", ["all"])
    assert one == of(Sgbm(64), "evaluate.py --resume", ["all"])
    assert differing(one, of(Sgbm(128), "evaluate.py", ["all"])) == ["methods.sgbm.num_disparities"]
    assert differing(one, of(Sgbm(64), "evaluate.py", ["igev"])) == ["protocols"]
    assert differing(one, of(Sgbm(64), "evaluate.py", ["all"], ["a", "c"])) == ["samples.pairs:x"]


def test_what_json_cannot_hold_of_a_strangers_configuration_is_left_out(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    save_checkpoint(tmp_path / "tiny.pt", StereoNetwork(config.model), config, step=0)
    content = read_checkpoint(tmp_path / "tiny.pt")
    content["config"]["loss"] = {"weight": float("nan")}
    torch.save(content, tmp_path / "tiny.pt")
    about = describe_run([Predictor.from_checkpoint(tmp_path / "tiny.pt", "cpu")], {}, "")
    assert about["config"]["loss"] == "left out: holds other than plain finite values"
    json.dumps(about, allow_nan=False)


def test_a_path_that_is_no_utf_8_is_written_so_that_everyone_can_read_it(tmp_path: Path) -> None:
    write_report(tmp_path / "report.json", [{"data": "kitti2015:/ä😀\udcff"}], {})
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["results"] == [{"data": "kitti2015:/ä😀\\udcff"}]


def test_the_lines_of_a_terminal_stand_below_their_titles() -> None:
    table = TextTable({"data": ["x" * 20], "method": ["network"], "protocol": ["all"], "region": ["textureless"]})
    header, row = table.header(), table.row(ROW | {"epe": None, "region": "all", "share": 100.0})
    assert len(header) == len(row)
    for title, cell in (("EPE", "–"), ("bad-2", "12.35"), ("D1", "12.35"), ("images", "3"), ("region", "all   ")):
        assert row[: header.index(title) + len(title)].endswith(cell), title


RESULT = EvaluationResult(
    data="x",
    method="m",
    protocol="all",
    region="all",
    images=2,
    skipped=0,
    metrics={"epe": 7.5},
    epe_image_mean=1.0,
    share=100.0,
    pixels=9,
    averaging="pixels",
    seconds_per_pair=1.0,
    seconds_p90=1.0,
    loading_seconds=0.1,
    peak_memory_mb=1.0,
    occlusion=None,
    sizes=(),
    failed=(),
    notes=(),
)


def test_what_has_to_be_said_beside_the_numbers() -> None:
    assert remarks([RESULT]) == []
    some = [replace(RESULT, skipped=1, failed=("a: gone",)), replace(RESULT, protocol="psmnet", failed=("a: gone",))]
    assert remarks(some) == ["x, protocol all: left out 1 image", "failed: a: gone"]
    nothing = replace(RESULT, images=0, skipped=3)
    assert remarks([nothing]) == ["x, protocol all: nothing was scored, none of 3 images has a pixel that counts"]
    shard = replace(RESULT, images=0)
    assert remarks([shard, replace(shard, region="edges")]) == ["x, protocol all: no pair of it belongs to this shard"]


def test_what_is_said_of_regions() -> None:
    edges = replace(RESULT, region="edges", images=0, skipped=2)
    beyond = replace(RESULT, region="beyond_range", share=2.5, pixels=4)
    assert remarks([RESULT, edges, beyond]) == [
        "x, protocol all: 2.5 % of the pixels lie beyond the range of m; their EPE is 7.50 px",
        "x: no pixel lies in edges",
    ]
    assert remarks([RESULT, replace(edges, region="beyond_range", pixels=0)]) == []


def test_one_note_is_said_once_with_all_that_it_is_of() -> None:
    note = "2 of 2 images do not say which pixels these are"
    whole = [replace(RESULT, protocol=name, notes=("published on finalpass",)) for name in ("gwcnet", "igev")]
    parts = [replace(RESULT, region=name, images=0, notes=(note,)) for name in ("background", "foreground")]
    assert remarks([*whole, *parts]) == [
        "x: published on finalpass (gwcnet; igev)",
        f"x: {note} (all: background, foreground)",
    ]
