"""evaluate.py as its users meet it: what is written, what is said, and the exit codes."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import SHARED, load_script

from stereo.data.formats import write_pfm
from stereo.errors import ConfigError, DataError, StereoError
from stereo.evaluation.records import RecordLog
from stereo.evaluation.regions import BY_DATA, REGIONS
from stereo.evaluation.tally import PairRecord

infer: Callable[[list[str]], int] = load_script("infer").main
evaluate: Callable[[list[str]], int] = load_script("evaluate").main
compare: Callable[[list[str]], int] = load_script("compare").main


# ------------------------------------------------------------------------------------------------------- evaluate


def test_evaluate_prints_a_table_and_writes_the_report(
    pairs: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = f"pairs:{pairs / 'pairs.csv'}"
    out = pairs / "out"
    assert evaluate(["--data", data, "--checkpoint", checkpoint, "--output", str(out), "--previews", "2"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["checkpoint"] == checkpoint
    assert report["config"]["model"]["max_disparity"] == 32
    result, beyond = report["results"]
    assert (result["data"], result["method"], result["protocol"]) == (data, "network", "all")
    assert (result["region"], beyond["region"], beyond["images"]) == ("all", "beyond_range", 0)
    assert (result["images"], result["skipped"], result["pixels"]) == (2, 0, 2 * 40 * 70)
    assert sorted(path.name[:7] for path in (out / "previews/01_pairs").iterdir()) == ["first1_", "worst1_"]
    assert f"{result['epe']:.3f}" in capsys.readouterr().out


def test_evaluate_sgbm_with_a_given_and_with_the_true_range(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = f"pairs:{pairs / 'pairs.csv'}"
    out = pairs / "out"
    assert evaluate(["--data", data, "--method", "sgbm", "--max-disparity", "32"]) == 0
    assert not out.exists()
    assert evaluate(["--data", data, "--method", "sgbm", "--oracle-range", "--output", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["checkpoint"] is None
    assert report["results"][0]["method"] == "sgbm (true range)"
    assert report["results"][0]["epe"] < 0.5
    assert "sgbm (true range)" in capsys.readouterr().out


def test_evaluate_and_infer_give_the_same_disparities(pairs: Path, checkpoint: str) -> None:
    """Batch normalization is folded in both, the range is the same, and what infer.py wrote can be evaluated."""
    arguments = ["--checkpoint", checkpoint, "--max-disparity", "48"]
    data = ["--data", f"pairs:{pairs / 'pairs.csv'}", "--previews", "0"]
    assert infer(["--list", str(pairs / "pairs.csv"), "--output", str(pairs / "inferred"), *arguments]) == 0
    assert evaluate([*data, "--output", str(pairs / "network"), *arguments]) == 0
    stored = ["--method", f"predictions:{pairs / 'inferred'}"]
    assert evaluate([*data, "--output", str(pairs / "stored"), *stored]) == 0
    network, predictions = (json.loads((pairs / name / "report.json").read_text()) for name in ("network", "stored"))
    assert network["methods"]["network"]["max_disparity"] == network["config"]["model"]["max_disparity"] == 48
    assert predictions["methods"]["predictions:inferred"]["folder"] == str(pairs / "inferred")
    for key in ("images", "epe", "rmse", "bad_05", "d1"):
        assert network["results"][0][key] == predictions["results"][0][key]


def test_evaluate_takes_settings_of_the_data_and_states_them(pairs: Path) -> None:
    (pairs / "names.txt").write_text("b\n")
    data = f"pairs:{pairs / 'pairs.csv'}"
    options = ["--method", "sgbm", "--max-disparity", "16", "--names", str(pairs / "names.txt"), "--quiet"]
    assert evaluate(["--data", data, "check_views=false", "--output", str(pairs / "out"), *options]) == 0
    report = json.loads((pairs / "out/report.json").read_text())
    assert [row["name"] for row in _images(pairs / "out")] == ["pairs/left/b"]
    stated = report["data"][data]
    assert (stated["check_views"], stated["names"]) == (False, str(pairs / "names.txt"))
    assert "check_views=false" in report["command"]


def test_an_evaluation_that_scores_nothing_is_no_success(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        write_pfm(pairs / f"truth/{name}.pfm", np.zeros((40, 70), np.float32))
    assert evaluate(["--data", f"pairs:{pairs / 'pairs.csv'}", "--method", "sgbm", "--max-disparity", "16"]) == 1
    captured = capsys.readouterr()
    assert "nan" not in captured.out
    assert captured.err.strip().endswith("nothing was scored, none of 2 images has a pixel that counts")


def test_a_prediction_that_is_missing_is_named(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "stored").mkdir()
    write_pfm(pairs / "stored/pairs_left_a.pfm", np.full((40, 70), 6, np.float32))
    data = ["--data", f"pairs:{pairs / 'pairs.csv'}"]
    assert evaluate([*data, "--method", f"predictions:{pairs / 'stored'}"]) == 1
    assert "failed: pairs/left/b: has no prediction: looked for" in capsys.readouterr().err


def test_evaluate_names_what_fails_and_goes_on(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "truth/b.pfm").write_text("broken")
    assert evaluate(["--data", f"pairs:{pairs / 'pairs.csv'}", "--method", "sgbm", "--max-disparity", "16"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("failed: pairs/left/b: ")
    assert "b.pfm" in captured.err
    assert len(captured.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "midlebury2014:x"], "did you mean 'middlebury2014'"),
        (["--data", "kitti2015"], "needs a path, as in kitti2015:"),
        (["--data", "synthetic:x"], "synthetic takes no path"),
        (["--data", "pairs:gone.csv"], "gone.csv"),
        (["--data", "synthetic", "--protocol", "psmmet"], "unknown protocol 'psmmet', expected one of all"),
        (["--data", "synthetic", "--limit", "0"], "limit is 0"),
        (["--data", "synthetic", "--checkpoint", "gone.pt"], "gone.pt"),
        (["--data", "synthetic", "--max-disparity", "100"], "--max-disparity is 100"),
        (["--data", "synthetic", "--previews", "-1"], "--previews is -1, expected 0 or more"),
        (["--data", "synthetic", "--method", "predictions:gone"], "gone: no such folder of predictions"),
    ],
)
def test_evaluate_says_what_is_wrong(arguments: list[str], message: str) -> None:
    with pytest.raises(StereoError, match=message):
        evaluate(arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "nettwork"], "did you mean 'network'"),
        (["--oracle-range"], "--oracle-range goes with --method sgbm or bm only"),
        (["--method", "sgbm", "--checkpoint", "x.pt"], "--checkpoint goes with --method network only"),
        (["--method", "sgbm", "--oracle-range", "--max-disparity", "64"], "give one of them"),
        (["--method", "predictions:x", "--checkpoint", "x.pt"], "--checkpoint goes with --method network only"),
        (["--shard", "5/4", "--output", "x"], "--shard is '5/4', expected i/n"),
        (["--shard", "0/4", "--output", "x"], "--shard is '0/4', expected i/n"),
        (["--protocol", "kitti2015"], "synthetic: no protocol applies to it: kitti2015 .defined on kitti2015.; add"),
        (["half=testing"], "testing"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: list[str], message: str) -> None:
    with pytest.raises(StereoError, match=message):
        evaluate(["--data", "synthetic", *options])


@pytest.mark.parametrize("option", [["--html"], ["--resume"], ["--shard", "1/2"]])
def test_what_goes_into_the_output_folder_needs_one(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluate(["--data", "synthetic", *option])
    assert "needs --output DIR" in capsys.readouterr().err


def test_sgbm_on_a_real_pair(tmp_path: Path) -> None:
    folder = SHARED / "real" / "middlebury2003"
    if not folder.is_dir():
        pytest.skip(f"needs the real pairs in {folder}")
    arguments = ["--data", f"middlebury2003:{folder}", "--method", "sgbm", "--max-disparity", "64"]
    assert evaluate([*arguments, "--output", str(tmp_path), "--previews", "0"]) == 0
    result = json.loads((tmp_path / "report.json").read_text())["results"][0]
    assert result["bad_2"] < 12  # 9.2 % when this was written
    assert not (tmp_path / "previews").exists()


# ------------------------------------------------------------------------------- protocols, regions, several methods


WORLD = ["--data", "synthetic", "synthetic.height=48", "synthetic.width=96", "synthetic.max_disparity=40", "--quiet"]


def _images(folder: Path) -> list[dict[str, str]]:
    with (folder / "per_image.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _rows(folder: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The report's rows without what differs from run to run, by method, protocol and region."""
    times = ("seconds_per_pair", "seconds_p90", "loading_seconds", "peak_memory_mb")
    rows = json.loads((folder / "report.json").read_text())["results"]
    return {
        (row["method"], row["protocol"], row["region"]): {key: row[key] for key in row if key not in times}
        for row in rows
    }


def test_every_protocol_and_region_of_several_methods_in_one_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--method", "sgbm", "bm", "--max-disparity", "16", "--protocol", "all", "--regions", "--limit", "3"]
    assert evaluate([*WORLD, *options, "--output", str(tmp_path), "--html"]) == 0
    rows = _rows(tmp_path)
    assert {key[0] for key in rows} == {"sgbm", "bm"}
    assert {key[1] for key in rows} == {"all", "psmnet", "gwcnet", "igev", "stereo_toolbox"}
    assert {key[2] for key in rows} == {name for name in REGIONS if name not in BY_DATA}
    whole, beyond = rows["sgbm", "all", "all"], rows["sgbm", "all", "beyond_range"]
    assert (whole["images"], whole["share"], whole["sizes"][0]["height"]) == (3, 100, 48)
    assert 0 < beyond["share"] < 100
    assert rows["sgbm", "all", "visible"]["occlusion"] == "the data set's mask"
    assert rows["sgbm", "all", "occluded"]["epe"] > rows["sgbm", "all", "visible"]["epe"]
    captured = capsys.readouterr()
    assert "protocols that do not apply: raft400" in captured.err
    assert "lie beyond the range of sgbm" in captured.err
    assert "its published numbers are of Scene Flow (psmnet; gwcnet; igev; stereo_toolbox)" in captured.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert [profile["method"] for profile in report["profiles"]] == ["sgbm", "bm"]
    assert sum(report["profiles"][0]["error_counts"]) == whole["pixels"]
    assert set(report["protocols"]) == {key[1] for key in rows}
    page = (tmp_path / "report.html").read_text()
    # Of each of three pairs two views, and two of each of two methods' predictions.
    assert page.count("data:image/webp") == 3 * (2 + 2 * 2)


def test_protocols_by_name_are_those_alone(tmp_path: Path) -> None:
    options = ["--method", "bm", "--max-disparity", "16", "--limit", "1", "--output", str(tmp_path)]
    assert evaluate([*WORLD, *options, "--protocol", "igev", "--protocol", "psmnet"]) == 0
    assert list(_rows(tmp_path)) == [
        ("bm", protocol, region) for protocol in ("igev", "psmnet") for region in ("all", "beyond_range")
    ]


def test_shards_merge_and_a_run_resumes_to_the_digits_of_one(tmp_path: Path) -> None:
    options = [*WORLD, "--method", "bm", "--max-disparity", "32", "--protocol", "all", "--regions", "--limit", "5"]
    assert evaluate([*options, "--output", str(tmp_path / "whole")]) == 0
    for shard in ("1/2", "2/2"):
        assert evaluate([*options, "--output", str(tmp_path / shard[0]), "--shard", shard]) == 0
    merged = tmp_path / "merged"
    assert compare(["--merge", str(tmp_path / "2"), str(tmp_path / "1"), "--output", str(merged)]) == 0
    assert _rows(merged) == _rows(tmp_path / "whole")
    records = tmp_path / "whole" / "records" / "rank0.jsonl"
    lines = records.read_text().splitlines(keepends=True)
    records.write_text("".join(lines[:3]))  # the header and two of five pairs
    assert evaluate([*options, "--output", str(tmp_path / "whole"), "--resume", "--html"]) == 0
    assert _rows(merged) == _rows(tmp_path / "whole")
    again = records.read_text().splitlines(keepends=True)
    assert (again[:3], len(again)) == (lines[:3], 6)
    with pytest.raises(DataError, match=r"differs in regions; use another --output"):
        evaluate([*(word for word in options if word != "--regions"), "--output", str(tmp_path / "whole"), "--resume"])


def test_saved_predictions_are_scored_to_the_same_digits(tmp_path: Path, checkpoint: str) -> None:
    options = [*WORLD, "--regions", "--limit", "2"]
    network = ["--checkpoint", checkpoint, "--confidence", "--device", "cpu"]
    saved = str(tmp_path / "saved")
    assert evaluate([*options, *network, "--output", str(tmp_path / "a"), "--save-predictions", saved]) == 0
    assert evaluate([*options, "--method", f"predictions:{saved}", "--output", str(tmp_path / "b")]) == 0
    first, second = _rows(tmp_path / "a"), _rows(tmp_path / "b")
    for (method, protocol, region), row in second.items():
        assert method == "predictions:saved"
        own = ("method", "sizes")
        expected = {key: value for key, value in first["network", protocol, region].items() if key not in own}
        assert {key: value for key, value in row.items() if key not in own} == expected
    whole = first["network", "all", "all"]
    assert whole["ause"] > 0
    assert whole["sizes"] == [{"height": 48, "width": 96, "ran_at": [48, 96], "images": 2}]


def test_predictions_that_would_lie_in_one_file_are_refused(pairs: Path) -> None:
    (pairs / "other.csv").write_text((pairs / "pairs.csv").read_text())
    data = [f"pairs:{pairs / name}" for name in ("pairs.csv", "other.csv")]
    with pytest.raises(ConfigError, match=r"pairs\.csv and .*other\.csv both have a sample of the name pairs/left/a"):
        evaluate(["--data", *data, "--method", "bm", "--save-predictions", str(pairs / "saved")])


def test_resume_goes_on_with_the_same_samples_and_files_alone(pairs: Path) -> None:
    names = pairs / "names.txt"
    names.write_text("a\n")
    options = ["--data", f"pairs:{pairs / 'pairs.csv'}", "--method", "bm", "--max-disparity", "16", "--quiet"]
    options += ["--names", str(names), "--output", str(pairs / "out")]
    assert evaluate(options) == 0
    with pytest.raises(DataError, match="differs in save_predictions"):
        evaluate([*options, "--resume", "--save-predictions", str(pairs / "saved")])
    names.write_text("b\n")
    with pytest.raises(DataError, match=r"differs in samples\.pairs:.*pairs\.csv; use another"):
        evaluate([*options, "--resume"])
    assert (pairs / "out/report.json").exists()


def test_a_report_never_stands_beside_records_of_another_evaluation(pairs: Path) -> None:
    class Killed(Exception): ...

    def killed(log: RecordLog, data: str, method: str, record: PairRecord) -> None:
        raise Killed

    options = ["--data", f"pairs:{pairs / 'pairs.csv'}", "--method", "bm", "--max-disparity", "16", "--quiet"]
    options += ["--output", str(pairs / "out")]
    assert evaluate(options) == 0
    (pairs / "out/.abcd1234.part.csv").write_text("half")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordLog, "append", killed)
        with pytest.raises(Killed):
            evaluate(options)
    assert sorted(path.name for path in (pairs / "out").iterdir()) == ["previews", "records"]


def test_a_shard_without_a_pair_is_done_and_one_whose_pairs_fail_is_not(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pairs / "truth/b.pfm").write_text("broken")
    options = ["--data", f"pairs:{pairs / 'pairs.csv'}", "--method", "bm", "--max-disparity", "16", "--html"]
    codes = [evaluate([*options, "--output", str(pairs / f"s{i}"), "--shard", f"{i}/3"]) for i in (1, 2, 3)]
    assert codes == [0, 1, 0]
    assert "protocol all: no pair of it belongs to this shard" in capsys.readouterr().err
    folders = [str(pairs / f"s{i}") for i in (1, 2, 3)]
    assert compare(["--merge", *folders, "--output", str(pairs / "merged")]) == 0
    row = json.loads((pairs / "merged/report.json").read_text())["results"][0]
    assert (row["images"], len(row["failed"])) == (1, 1)


def test_a_kill_loses_the_pair_at_hand_alone(tmp_path: Path) -> None:
    def killed(log: RecordLog, data: str, method: str, record: PairRecord) -> None:
        if record.index == 2:
            raise KeyboardInterrupt
        append(log, data, method, record)

    append = RecordLog.append
    options = [*WORLD, "--method", "bm", "--max-disparity", "16", "--limit", "4", "--output", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordLog, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            evaluate(options)
    assert len((tmp_path / "records" / "rank0.jsonl").read_text().splitlines()) == 1 + 2
    assert evaluate([*options, "--resume"]) == 0
    assert [row["index"] for row in _images(tmp_path) if row["region"] == "all"] == ["0", "1", "2", "3"]
