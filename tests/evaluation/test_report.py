"""Reports are written whole, read back with every check, and tell networks apart."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import REPOSITORY, tiny_config

from stereo.checkpoint import read_checkpoint, save_checkpoint
from stereo.config import DatasetConfig, SyntheticConfig
from stereo.errors import DataError, OutputError
from stereo.evaluation.evaluator import EvaluationResult
from stereo.evaluation.provenance import describe_run
from stereo.evaluation.report import markdown_table, read_report, remarks, text_header, text_row, write_report
from stereo.methods.predictor import Predictor
from stereo.methods.sgbm import Sgbm
from stereo.model.network import StereoNetwork

ROW = {
    "data": "eth3d:/somewhere",
    "method": "network",
    "protocol": "all",
    "region": "all",
    "images": 3,
    "epe": 1.234,
    "epe_image_mean": 2.0,
} | dict.fromkeys(("bad_1", "bad_2", "bad_3", "d1", "seconds_per_pair"), 12.345)


def _report(path: Path, *rows: dict[str, Any], **settings: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    results = [ROW | row for row in rows or ({},)]
    weights = settings.pop("weights", settings.get("checkpoint"))
    path.write_text(json.dumps({"results": results, "settings": settings, "checkpoint_sha256": weights}))
    return path


def _table(*paths: Path) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in markdown_table([read_report(path) for path in paths])]


# ------------------------------------------------------------------------------------------------------- written


def test_a_report_is_written_over_an_older_one_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("an older one")
    write_report(path, [ROW | {"epe": None}], {"checkpoint": "x.pt", "settings": {"max_disparity": 64}})
    assert list(json.loads(path.read_text())) == ["results", "checkpoint", "settings"]
    report = read_report(path)
    assert report.results == (ROW | {"epe": None},)
    assert report.settings["max_disparity"] == 64
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


# --------------------------------------------------------------------------------------------------------- read


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a JSON file"),
        ("[]", "has no results"),
        ("{}", "has no results"),
        ('{"results": []}', "has no results"),
        ('{"results": ["x"]}', "result 1 is 'x', expected the values of one evaluation"),
        (json.dumps({"results": [ROW, ROW | {"epe": "1.2"}]}), "result 2: 'epe' is '1.2', expected a number or null"),
        (json.dumps({"results": [ROW | {"images": 2.5}]}), "'images' is 2.5, expected a whole number"),
        (json.dumps({"results": [ROW | {"images": None}]}), "'images' is None, expected a whole number"),
        (json.dumps({"results": [ROW | {"d1": True}]}), "'d1' is True, expected a number"),
        (json.dumps({"results": [ROW | {"d1": False}]}), "'d1' is False, expected a number"),
        (json.dumps({"results": [ROW | {"epe": float("nan")}]}), "'epe' is nan, expected a number"),
        (json.dumps({"results": [ROW | {"epe": 10**400}]}), "'epe' is 10+, expected a number"),
        (json.dumps({"results": [ROW | {"region": ["all"]}]}), r"'region' is \['all'\], expected a name"),
        ("[" * 100_000, "is not a JSON file"),
        (json.dumps({"results": [ROW | {"protocol": None}]}), "'protocol' is None, expected a name"),
        (json.dumps({"results": [{"data": "x", "method": "y", "protocol": "z"}]}), "has no 'images'"),
    ],
)
def test_what_is_wrong_in_a_report_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"report\.json: .*{message}.*name a report\.json"):
        read_report(path)


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: cannot be read"):
        read_report(tmp_path / "none.json")


def test_a_report_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    old = {key: value for key, value in ROW.items() if key != "region"}
    path.write_text(json.dumps({"results": [old], "checkpoint": "runs/a/best.pt"}))
    assert read_report(path).results == (ROW,)
    assert _table(path)[2][1] == "network (best)"


# ------------------------------------------------------------------------------------------------- side by side


def test_rows_that_can_be_compared_stand_together(tmp_path: Path) -> None:
    rows = [{}, {"data": "kitti2015:/a"}, {"protocol": "psmnet"}]
    one = _report(tmp_path / "one.json", *rows)
    other = _report(tmp_path / "other.json", *({**row, "method": "sgbm", "epe": None} for row in rows))
    table = _table(one, other)
    assert table[0][:5] == ["data", "method", "protocol", "images", "EPE, px"]
    assert [row[:3] for row in table[2:]] == [
        ["eth3d", "network", "all"],
        ["eth3d", "sgbm", "all"],
        ["kitti2015", "network", "all"],
        ["kitti2015", "sgbm", "all"],
        ["eth3d", "network", "psmnet"],
        ["eth3d", "sgbm", "psmnet"],
    ]
    assert [row[3:6] for row in table[2:4]] == [["3", "1.23", "12.3"], ["3", "–", "12.3"]]


def test_a_part_of_the_images_is_told_from_the_whole(tmp_path: Path) -> None:
    assert [row[2] for row in _table(_report(tmp_path / "a.json", {}, {"region": "edges"}))[2:]] == [
        "all",
        "all, edges",
    ]


def test_reports_without_a_common_protocol_are_not_comparable(tmp_path: Path) -> None:
    reports = _report(tmp_path / "a.json"), _report(tmp_path / "b.json", {"protocol": "psmnet"})
    with pytest.raises(DataError, match=r"different protocols \(all, psmnet\): not comparable"):
        _table(*reports)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([{"checkpoint": "a/x.pt"}], ["network (x)"]),
        ([{"checkpoint": "a/x.pt"}, {"checkpoint": "a/y.pt"}], ["network (x)", "network (y)"]),
        (
            [{"checkpoint": "runs/a/best.pt"}, {"checkpoint": "runs/b/best.pt"}],
            ["network (a/best)", "network (b/best)"],
        ),
        ([{"checkpoint": "/r/best.pt"}, {"checkpoint": "best.pt"}], ["network (r/best)", "network (best)"]),
        (
            [{"checkpoint": "x.pt", "max_disparity": 96}, {"checkpoint": "x.pt", "max_disparity": 192}],
            ["network (x, max_disparity 96)", "network (x, max_disparity 192)"],
        ),
        ([{"checkpoint": "x.pt", "max_disparity": 96}] * 2, ["network (x)", "network (x)"]),
        (
            [{"checkpoint": "x.pt", "weights": "1"}, {"checkpoint": "x.pt", "weights": "2"}],
            ["network (x, weights 1)", "network (x, weights 2)"],
        ),
        ([{"checkpoint": ""}, {"checkpoint": "x.pt"}], ["network (no name)", "network (x)"]),
        ([{}, {}], ["network", "network"]),
    ],
)
def test_two_methods_of_one_name_are_told_apart(
    tmp_path: Path, settings: list[dict[str, Any]], expected: list[str]
) -> None:
    reports = [_report(tmp_path / f"{number}.json", **values) for number, values in enumerate(settings)]
    reports.append(_report(tmp_path / "sgbm.json", {"method": "sgbm"}, num_disparities=64))
    assert [row[1] for row in _table(*reports)[2:]] == [*expected, "sgbm"]


def test_data_sets_with_other_settings_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for number, range_ in enumerate((32, 96)):
        path = _report(tmp_path / f"{number}.json")
        content = json.loads(path.read_text())
        spec = content["results"][0]["data"]
        content["data"] = {spec: {"split": "test", "limit": None, "synthetic": {"seed": 1, "max_disparity": range_}}}
        path.write_text(json.dumps(content))
        paths.append(path)
    cells = [row[0] for row in _table(*paths)[2:]]
    assert [cell.partition(" ")[2] for cell in cells] == [
        "(synthetic.max_disparity 32)",
        "(synthetic.max_disparity 96)",
    ]
    assert "(" not in _table(paths[0], paths[0])[2][0]


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
