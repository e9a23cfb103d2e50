"""Curation: which samples of an evaluation are left out, and which requests are refused."""

import re
from pathlib import Path
from typing import Any

import pytest
from helpers.reports import SPEC, write_folder

from stereo.errors import ConfigError, DataError
from stereo.evaluation.curation import Scores, read_scores, samples_above

# Pixels, EPE and bad-2 by sample.
IMAGES = {"eth3d/a": (10, 9.0, 60.0), "eth3d/b": (10, 0.5, 60.5), "eth3d/c": (20, 30.0, 99.0), "eth3d/d": (5, 0.1, 0.0)}
KEY = (SPEC, "network", "all", "all")


def test_what_is_above_the_threshold(tmp_path: Path) -> None:
    write_folder(tmp_path, {"network": IMAGES})
    scores = read_scores(tmp_path, "bad_2")
    assert scores == Scores(KEY, "bad_2", {name: bad_2 for name, (_, _, bad_2) in IMAGES.items()})
    assert samples_above(scores, 60) == ["eth3d/b", "eth3d/c"]
    assert samples_above(scores, 0) == ["eth3d/a", "eth3d/b", "eth3d/c"]
    assert samples_above(read_scores(str(tmp_path), "epe"), 8.9) == ["eth3d/a", "eth3d/c"]


def test_a_threshold_that_leaves_out_none_or_all(tmp_path: Path) -> None:
    write_folder(tmp_path, {"network": IMAGES})
    with pytest.raises(DataError, match=r"no sample has bad_2 above 99, the largest is 99: .*lower --above"):
        samples_above(read_scores(tmp_path, "bad_2"), 99)
    with pytest.raises(DataError, match=r"every one of 4 samples has epe above 0\.05, the smallest is 0\.1: .*raise"):
        samples_above(read_scores(tmp_path, "epe"), 0.05)
    for threshold in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=r"--above is .*, expected a number, 0 or more"):
            samples_above(read_scores(tmp_path, "epe"), threshold)


def test_of_samples_of_one_name_the_worst_counts(tmp_path: Path) -> None:
    """A line of a skip list stands for both."""
    write_folder(tmp_path, {"network": IMAGES})
    table = tmp_path / "per_image.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[4].replace("0.0", "70.0")]) + "\n")
    assert samples_above(read_scores(tmp_path, "bad_2"), 65) == ["eth3d/c", "eth3d/d"]


def test_a_sample_without_a_value_stays(tmp_path: Path) -> None:
    write_folder(tmp_path, {"network": IMAGES})
    table = tmp_path / "per_image.csv"
    table.write_text(table.read_text().replace("99.0", ""))
    assert samples_above(read_scores(tmp_path, "bad_2"), 60) == ["eth3d/b"]


@pytest.mark.parametrize(
    ("choice", "key"),
    [
        ({"method": "network", "protocol": "igev"}, (SPEC, "network", "igev", "all")),
        ({"method": "sgbm", "protocol": "all", "region": "edges"}, (SPEC, "sgbm", "all", "edges")),
    ],
)
def test_one_entry_is_chosen(tmp_path: Path, choice: dict[str, Any], key: tuple[str, ...]) -> None:
    entries = [{"protocol": "all"}, {"protocol": "all", "region": "edges"}, {"protocol": "igev"}]
    write_folder(tmp_path, {"network": IMAGES, "sgbm": IMAGES}, *entries)
    assert read_scores(tmp_path, "bad_2", **choice).key == key


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "is of several: eth3d:/a, eth3d:/b; choose one by --data"),
        ({"data": "eth3d:/c"}, "unknown data 'eth3d:/c', expected one of eth3d:/a, eth3d:/b"),
        ({"data": "eth3d:/a"}, "is of several: network, sgbm; choose one by --method"),
        ({"data": "eth3d:/a", "method": "network"}, "is of several: all, igev; choose one by --protocol"),
        ({"data": "eth3d:/b", "method": "sgbm"}, ""),
        ({"data": "eth3d:/b", "method": "sgbm", "region": "edges"}, "unknown region 'edges', expected one of all"),
        ({"data": "eth3d:/b", "method": "sgbm", "protocol": "igev"}, "unknown protocol 'igev', expected one of all"),
    ],
)
def test_which_entry_is_not_guessed(tmp_path: Path, choice: dict[str, Any], message: str) -> None:
    entries = [{"data": "eth3d:/a"}, {"data": "eth3d:/a", "protocol": "igev"}, {"data": "eth3d:/b"}]
    write_folder(tmp_path, {"network": IMAGES, "sgbm": IMAGES}, *entries)
    if not message:
        assert read_scores(tmp_path, "bad_2", **choice).key == ("eth3d:/b", "sgbm", "all", "all")
        return
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_scores(tmp_path, "bad_2", **choice)


def test_metrics_and_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: there is no such folder; name a folder that evaluate\.py --output"):
        read_scores(tmp_path / "nowhere", "bad_2")
    with pytest.raises(DataError, match=r"has no per_image\.csv; name a folder"):
        read_scores(tmp_path, "bad_2")
    write_folder(tmp_path, {"network": IMAGES})
    with pytest.raises(ConfigError, match=r"unknown metric 'bad2', expected one of .*did you mean 'bad_2'"):
        read_scores(tmp_path, "bad2")
    with pytest.raises(ConfigError, match="unknown metric 'density'"):  # where more is better
        read_scores(tmp_path, "density")
    with pytest.raises(DataError, match="has no column 'd1'"):
        read_scores(tmp_path, "d1")
    table = tmp_path / "per_image.csv"
    table.write_text(table.read_text().replace("99.0", "a lot"))
    with pytest.raises(DataError, match=r"per_image\.csv: line 4: 'bad_2' is 'a lot', expected a number"):
        read_scores(tmp_path, "bad_2")
    table.write_text(table.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match="no sample has a value of bad_2"):
        read_scores(tmp_path, "bad_2")
