"""Records on disk: read back to the last digit, gone on with after a kill, and merged from shards."""

import csv
import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stereo.data.sample import GroundTruth, StereoSample
from stereo.errors import DataError, OutputError
from stereo.evaluation.evaluator import tally_pairs
from stereo.evaluation.folder import merge_folders, write_folder
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.records import RecordLog, read_in_order, read_records
from stereo.evaluation.regions import REGIONS
from stereo.evaluation.tally import Tally
from stereo.methods.method import Prediction
from stereo.processes import Processes

OWN = [PROTOCOLS[name] for name in ("all", "psmnet", "igev")]
REGIONS_ASKED = [name for name in REGIONS if not name.endswith("ground")]
# What differs from run to run.
TIMES = ("seconds_per_pair", "seconds_p90", "loading_seconds", "peak_memory_mb")


class _Noisy:
    """Predicts the truth and noise, and counts; it fails on the samples named."""

    name, device, max_disparity = "noisy", None, 64

    def __init__(self, *failing: str) -> None:
        self.settings: dict[str, Any] = {}
        self.failing = failing
        self.calls = 0

    def predict_sample(self, sample: StereoSample) -> Prediction:
        if sample.name in self.failing:
            raise DataError("cannot be taken")
        self.calls += 1
        truth = sample.require_truth("this test").disparity
        noise = np.random.default_rng(int(truth.sum())).normal(0, 2, truth.shape)
        return Prediction(
            (truth + noise).astype(np.float32), np.exp(-np.abs(noise)).astype(np.float32), ran_at=(48, 48)
        )


class _Scenes:
    """Pairs of noise, large disparities among them."""

    def __init__(self, count: int) -> None:
        self.names = [f"synthetic/{index}" for index in range(count)]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> StereoSample:
        rng = np.random.default_rng(index)
        disparity = rng.uniform(1, 80 + 30 * index, (32, 40)).astype(np.float32)
        view = rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)
        truth = GroundTruth(disparity, rng.random((32, 40)) < 0.7)
        return StereoSample(view, view, truth, name=self.names[index])


IDENTITY = {"methods": {"noisy": {}}, "data": {"scenes": {"limit": None}}}


def _run(
    folder: Path,
    method: _Noisy,
    count: int = 5,
    *,
    resume: bool = False,
    shard: tuple[int, int] = (1, 1),
    dataset: Any = None,
) -> Tally:
    log = RecordLog(folder, IDENTITY, resume, Processes())
    dataset = dataset or _Scenes(count)
    tally = tally_pairs(method, dataset, OWN, REGIONS_ASKED, data="scenes", progress=False, shard=shard, log=log)
    write_folder(folder, [tally], {"command": "test"}, None if shard == (1, 1) else f"{shard[0]}/{shard[1]}")
    return tally


def _numbers(tally_or_folder: Tally | Path) -> list[dict[str, Any]]:
    if isinstance(tally_or_folder, Tally):
        rows = [result.to_dict() for result in tally_or_folder.results()]
    else:
        rows = json.loads((tally_or_folder / "report.json").read_text())["results"]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def _images(folder: Path) -> list[dict[str, str]]:
    with (folder / "per_image.csv").open(newline="") as file:
        return [{key: cell for key, cell in row.items() if "seconds" not in key} for row in csv.DictReader(file)]


def test_records_give_the_same_numbers_to_the_last_digit(tmp_path: Path) -> None:
    tally = _run(tmp_path, _Noisy())
    again = Tally("scenes", "noisy", OWN, tally.regions, tally.notes)
    for entry in read_records(tmp_path / "records"):
        again.counts.add(entry.record)
    assert [result.to_dict() for result in again.results()] == [result.to_dict() for result in tally.results()]
    assert again.profile() == tally.profile()
    assert pickle.loads(pickle.dumps(tally.counts)).done == 5  # processes send it


def test_what_is_finished_is_not_computed_again(tmp_path: Path) -> None:
    whole = _run(tmp_path / "whole", _Noisy())

    class Killed(_Scenes):
        def __getitem__(self, index: int) -> StereoSample:
            if index == 3:
                raise KeyboardInterrupt
            return super().__getitem__(index)

    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "cut", _Noisy(), dataset=Killed(5))
    records = tmp_path / "cut" / "records" / "rank0.jsonl"
    # A kill in the middle of a file that was to take the place of another, of a line, and a power cut.
    records.with_name(".abcd1234.part.jsonl").write_text(records.read_text())
    with records.open("a") as file:
        file.write('\0\0\0\n{"data": "scenes"}\n{"data": "scenes", "method": "noisy", "ind')
    method = _Noisy()
    tally = _run(tmp_path / "cut", method, resume=True)
    assert method.calls == 2
    assert _numbers(tally) == _numbers(whole)
    assert _images(tmp_path / "cut") == _images(tmp_path / "whole")
    assert len(records.read_text().splitlines()) == 1 + 5
    assert [path.name for path in records.parent.iterdir()] == ["rank0.jsonl"]


def test_a_failure_is_tried_again_and_without_resume_all_is_computed_anew(tmp_path: Path) -> None:
    first = _run(tmp_path, _Noisy("synthetic/2"))
    assert first.counts.failed == ("synthetic/2: cannot be taken",)
    method = _Noisy()
    assert _run(tmp_path, method, resume=True).counts.failed == ()
    assert method.calls == 1
    method = _Noisy()
    _run(tmp_path, method)
    assert method.calls == 5


def test_records_of_another_evaluation_are_refused_by_what_differs(tmp_path: Path) -> None:
    _run(tmp_path, _Noisy())
    other = {"methods": {"noisy": {}}, "data": {"scenes": {"limit": 3}}}
    with pytest.raises(DataError, match=r"another evaluation, which differs in data\.scenes\.limit; use another"):
        RecordLog(tmp_path, other, True, Processes())
    (tmp_path / "records" / "rank0.jsonl").write_text("nonsense\n")
    with pytest.raises(DataError, match="is no file of records"):
        RecordLog(tmp_path, IDENTITY, True, Processes())


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_shards_are_merged_to_the_digits_of_one_run(tmp_path: Path, order: Sequence[int]) -> None:
    _run(tmp_path / "whole", _Noisy("synthetic/1"), 7)
    for number in order:
        _run(tmp_path / f"s{number}", _Noisy("synthetic/1"), 7, shard=(number, 3))
    merged = merge_folders([tmp_path / f"s{number}" for number in order], tmp_path / "merged")
    assert _numbers(merged) == _numbers(tmp_path / "whole")
    assert _images(merged) == _images(tmp_path / "whole")
    reports = [json.loads((folder / "report.json").read_text()) for folder in (merged, tmp_path / "whole")]
    assert reports[0]["profiles"] == reports[1]["profiles"]
    assert reports[0]["shard"] is None
    # Once more into the same folder, from shards of another number.
    for number in (1, 2):
        _run(tmp_path / f"half{number}", _Noisy("synthetic/1"), 7, shard=(number, 2))
    assert _numbers(merge_folders([tmp_path / "half1", tmp_path / "half2"], merged)) == _numbers(tmp_path / "whole")


def test_a_shard_may_be_empty_or_fail_as_a_whole(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        _run(tmp_path / f"s{number}", _Noisy("synthetic/1"), 2, shard=(number, 3))
    _run(tmp_path / "whole", _Noisy("synthetic/1"), 2)
    merged = merge_folders([tmp_path / f"s{number}" for number in (3, 2, 1)], tmp_path / "merged")
    assert _numbers(merged) == _numbers(tmp_path / "whole")
    assert _images(merged) == _images(tmp_path / "whole")


def test_a_region_that_is_not_known_is_skipped_by_the_images_of_the_protocol_alone() -> None:
    class Unlimited(_Noisy):
        max_disparity = None  # type: ignore[assignment]

    first = replace(PROTOCOLS["all"], name="first", subset=lambda names: [0])
    tally = tally_pairs(
        Unlimited(), _Scenes(3), [PROTOCOLS["all"], first], ["beyond_range"], data="scenes", progress=False
    )
    assert {(row.protocol, row.region): (row.images, row.skipped) for row in tally.results()} == {
        ("all", "all"): (3, 0),
        ("all", "beyond_range"): (0, 3),
        ("first", "all"): (1, 0),
        ("first", "beyond_range"): (0, 1),
    }


def test_shards_that_are_not_all_of_one_evaluation_are_refused(tmp_path: Path) -> None:
    for number, count in ((1, 2), (2, 2), (1, 3)):
        _run(tmp_path / f"s{number}of{count}", _Noisy(), 4, shard=(number, count))
    _run(tmp_path / "whole", _Noisy(), 4)
    first, second, third, whole = (tmp_path / name for name in ("s1of2", "s2of2", "s1of3", "whole"))
    cases: dict[str, list[Path]] = {
        "shard 2/2 is missing": [first],
        "there twice": [first, second, second],
        "different divisions: 1/2, 1/3": [first, third],
        "is no shard": [first, whole],
        "nowhere/report.json: no such file": [first, tmp_path / "nowhere"],
    }
    for message, folders in cases.items():
        with pytest.raises(DataError, match=message):
            merge_folders(folders, tmp_path / "merged")
    records = second / "records" / "rank0.jsonl"
    lines = records.read_text().splitlines()
    records.write_text("\n".join([json.dumps({"identity": {**IDENTITY, "version": "2"}}), *lines[1:]]) + "\n")
    with pytest.raises(DataError, match=r"differs from .*s1of2 in version: not of one evaluation"):
        merge_folders([first, second], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_shard_whose_report_lost_the_rows_of_the_whole_image_is_refused(tmp_path: Path) -> None:
    shards = [tmp_path / "s1", tmp_path / "s2"]
    for number, folder in enumerate(shards, 1):
        _run(folder, _Noisy(), 4, shard=(number, 2))
    path = shards[0] / "report.json"
    report = json.loads(path.read_text())
    for row in report["results"]:
        row["region"] = "visible"
    path.write_text(json.dumps(report))
    with pytest.raises(DataError, match=r"is scored by what .*s1 does not list; evaluate it again"):
        merge_folders(shards, tmp_path / "merged")


def test_shards_that_are_not_finished_are_refused_and_none_is_overwritten(tmp_path: Path) -> None:
    shards = [tmp_path / "s1", tmp_path / "s2"]
    for number, folder in enumerate(shards, 1):
        _run(folder, _Noisy(), 4, shard=(number, 2))
    before = _images(shards[0])
    with pytest.raises(OutputError, match=r"s1: is one of the shards; use another --output"):
        merge_folders(shards, shards[0])
    assert _images(shards[0]) == before
    for folder in shards:  # as if there were another data set, at which the second broke off
        path = folder / "records" / "rank0.jsonl"
        lines = path.read_text().splitlines()
        identity = {**IDENTITY, "data": {"more": {}, "scenes": {}}}
        path.write_text("\n".join([json.dumps({"identity": identity}), *lines[1:]]))
    with pytest.raises(DataError, match=r"s1: is not finished, noisy on more is missing; go on with --resume"):
        merge_folders(shards, tmp_path / "merged")


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    _run(tmp_path, _Noisy(), 2)
    path = tmp_path / "records" / "rank0.jsonl"
    lines = path.read_text().splitlines()
    for broken in ('{"data": "scenes"}', "[]", lines[1][:100], lines[1].replace('"size": [32, 40]', '"size": 7')):
        path.write_text("\n".join([lines[0], broken]) + "\n")
        with pytest.raises(DataError, match=r"rank0\.jsonl: line 2 is no record"):
            list(read_in_order(tmp_path / "records"))


def test_one_row_for_each_image_protocol_and_region(tmp_path: Path) -> None:
    tally = _run(tmp_path, _Noisy(), 3)
    rows = _images(tmp_path)
    keys = [(row["protocol"], row["region"], int(row["index"])) for row in rows]
    assert len(set(keys)) == len(keys)
    for result in tally.results():
        own = [row for row in rows if (row["protocol"], row["region"]) == (result.protocol, result.region)]
        assert (len(own), sum(int(row["pixels"]) for row in own)) == (result.images, result.pixels)
        if own:
            assert result.epe_image_mean == pytest.approx(np.mean([float(row["epe"]) for row in own]), rel=1e-15)
    assert {row["ause"] == "" for row in rows if row["region"] == "edges"} == {True}
    assert {row["ause"] == "" for row in rows if row["region"] == "all"} == {False}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.integers(1, 4))
def test_no_digit_depends_on_the_order_of_the_pairs_nor_on_how_they_are_shared(order: list[int], shards: int) -> None:
    class Shuffled(_Scenes):
        def __getitem__(self, index: int) -> StereoSample:
            return super().__getitem__(order[index])

    def counts(dataset: _Scenes, shard: tuple[int, int]) -> Tally:
        return tally_pairs(_Noisy(), dataset, OWN, REGIONS_ASKED, data="scenes", progress=False, shard=shard)

    straight = counts(_Scenes(6), (1, 1))
    shuffled = counts(Shuffled(6), (1, shards))
    for number in range(2, shards + 1):
        shuffled.counts.merge(counts(Shuffled(6), (number, shards)).counts)
    assert _numbers(shuffled) == _numbers(straight)
