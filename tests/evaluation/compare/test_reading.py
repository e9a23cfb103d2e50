"""Reports are read back with every check, whoever wrote them, in the form of today and of earlier versions."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.reports import COLUMNS, ROW, SPEC, write_folder, write_json

from stereo.errors import DataError
from stereo.evaluation.compare.reading import ImageScore, Key, key_of, read_images, read_report

KEY: Key = (SPEC, "network", "all", "all")
IMAGES = {"one": (10, 1.0, 20.0), "two": (30, 3.0, 40.0)}


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
        (json.dumps({"results": [ROW | {"method": "\ud800"}]}), "is not a JSON file"),
        (json.dumps({"results": [ROW | {"protocol": None}]}), "'protocol' is None, expected a name"),
        (
            json.dumps({"results": [ROW, ROW | {"epe": 2.0}]}),
            "result 2 is of the data set, .* of result 1",
        ),
        (json.dumps({"results": [ROW | {"rmse": float("inf")}]}), "'rmse' is inf, expected a number or null"),
        (json.dumps({"results": [ROW | {"averaging": "both"}]}), "'averaging' is 'both', expected pixels or images"),
        (json.dumps({"results": [ROW | {"failed": 3}]}), "'failed' is 3, expected a list"),
        (json.dumps({"results": [ROW | {"sizes": [{"height": 4}]}]}), "'sizes' is .*expected a list of {height, width"),
        (json.dumps({"results": [{"data": "x", "method": "y", "protocol": "z"}]}), "has no 'images'"),
    ],
)
def test_what_is_wrong_in_a_report_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"report\.json: .*{message}.*name a report\.json"):
        read_report(path)


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: no such file"):
        read_report(tmp_path / "none.json")


def test_a_report_is_named_by_its_folder_too(tmp_path: Path) -> None:
    path = write_json(tmp_path / "report.json")
    assert read_report(tmp_path) == read_report(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty/report\.json: no such file"):
        read_report(tmp_path / "empty")


def test_the_settings_of_each_method_are_read(tmp_path: Path) -> None:
    methods = {"network": {"checkpoint": "a/x.pt", "max_disparity": 64}, "sgbm": {"block_size": 3}}
    write_json(tmp_path / "report.json", {}, {"method": "sgbm"}, methods=methods, checkpoint_sha256="0123456789abcdef")
    assert read_report(tmp_path).methods == {
        "network": {"checkpoint": "a/x.pt", "max_disparity": 64, "weights": "01234567"},
        "sgbm": {"block_size": 3},
    }


@pytest.mark.parametrize("rest", [{"checkpoint": "a/x.pt"}, {"settings": {"checkpoint": "a/x.pt"}}])
def test_a_report_of_an_earlier_version_is_read(tmp_path: Path, rest: dict[str, Any]) -> None:
    old = {key: value for key, value in ROW.items() if key not in ("region", "averaging")}
    (tmp_path / "report.json").write_text(json.dumps({"results": [old], **rest}))
    report = read_report(tmp_path)
    assert report.results == (ROW,)
    assert report.methods["network"]["checkpoint"] == "a/x.pt"
    assert read_images(report, {KEY}) == {}


# ------------------------------------------------------------------------------------------------- image by image


def test_the_errors_on_each_image_are_read(tmp_path: Path) -> None:
    write_folder(tmp_path, {"network": IMAGES, "sgbm": IMAGES}, {}, {"region": "edges"})
    report = read_report(tmp_path)
    assert report.results[0]["epe"] == 2.5
    images = read_images(report, {KEY})
    assert images == {KEY: {"one": ImageScore(10, (1.0, 20.0)), "two": ImageScore(30, (3.0, 40.0))}}
    assert read_images(report, {key_of(result) for result in report.results}).keys() == {
        (SPEC, method, "all", region) for method in ("network", "sgbm") for region in ("all", "edges")
    }


def test_an_earlier_version_wrote_them_into_the_report(tmp_path: Path) -> None:
    images = [{"index": 0, "name": "one", "epe": 1.0, "bad_2": 20.0, "pixels": 10, "seconds": 0.1}]
    images.append({"index": 1, "name": "two", "epe": 3.0, "bad_2": 40.0, "pixels": 30})
    write_json(tmp_path / "report.json", {"epe": 2.5, "per_image": images})
    assert read_images(read_report(tmp_path), {KEY}) == {
        KEY: {"one": ImageScore(10, (1.0, 20.0)), "two": ImageScore(30, (3.0, 40.0))}
    }


def test_images_without_a_pixel_in_a_region_are_left_out_and_names_told_apart(tmp_path: Path) -> None:
    rows = [("one", 10, 1.0, 20.0), ("one", 30, 3.0, 40.0), ("none", 0, "", "")]
    _write_csv(tmp_path, [[*KEY, number, *row[:2], "", "", *row[2:]] for number, row in enumerate(rows)])
    assert list(read_images(read_report(tmp_path), {KEY})[KEY]) == ["one", "one #2"]


def test_an_image_that_counts_as_0_is_an_image(tmp_path: Path) -> None:
    images = {"one": (10, 1.0, 20.0), "none": (0, 0.0, 0.0)}
    write_folder(tmp_path, {"network": images}, {"averaging": "images", "protocol": "psmnet"})
    key = (SPEC, "network", "psmnet", "all")
    assert read_images(read_report(tmp_path), {key})[key]["none"] == ImageScore(0, (0.0, 0.0))


def _write_csv(folder: Path, rows: list[list[Any]], titles: tuple[str, ...] = COLUMNS, epe: float = 2.5) -> None:
    write_json(folder / "report.json", {"epe": epe})
    with (folder / "per_image.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([titles, *rows])


GOOD = [*KEY, 0, "one", 10, "", "", "1.0", "20.0"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([*GOOD[:9], "much", "20.0"], r"line 2: 'epe' is 'much', expected a number, 0 or more"),
        ([*GOOD[:9], "nan", "20.0"], r"line 2: 'epe' is nan"),
        ([*GOOD[:9], "-1", "20.0"], r"line 2: 'epe' is -1"),
        ([*GOOD[:9], "1.0", "1e999"], r"line 2: 'bad_2' is inf"),
        ([*GOOD[:9], "9" * 5000, "1"], r"line 2: 'epe' is"),
        ([*GOOD[:6], "1.5", *GOOD[7:]], r"line 2: 'pixels' is '1\.5', expected a whole number, 0 or more"),
        ([*GOOD[:6], "", *GOOD[7:]], r"line 2: 'pixels' is None"),
        ([*GOOD[:6], "-3", *GOOD[7:]], r"line 2: 'pixels' is -3"),
        ([*GOOD[:6], str(2**60), *GOOD[7:]], r"line 2: 'pixels' is 1152921504606846976"),
        (GOOD[:5], r"line 2: has 5 cells, expected 11"),
        ([*GOOD, "more"], r"line 2: has 12 cells, expected 11"),
        (["x" * 200_000], r"is not a CSV file in UTF-8: field larger"),
    ],
)
def test_what_is_wrong_in_the_images_is_named(tmp_path: Path, row: list[Any], message: str) -> None:
    _write_csv(tmp_path, [row])
    with pytest.raises(DataError, match=rf"per_image\.csv: {message}"):
        read_images(read_report(tmp_path), {KEY})


def test_a_column_that_is_missing_and_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    _write_csv(tmp_path, [], titles=COLUMNS[:-1])
    with pytest.raises(DataError, match=r"per_image\.csv: has no column 'bad_2'"):
        read_images(read_report(tmp_path), {KEY})
    (tmp_path / "per_image.csv").write_bytes(b"data\xff")
    with pytest.raises(DataError, match=r"per_image\.csv: is not a CSV file in UTF-8"):
        read_images(read_report(tmp_path), {KEY})
    (tmp_path / "per_image.csv").unlink()
    (tmp_path / "per_image.csv").mkdir()
    with pytest.raises(DataError, match=r"per_image\.csv: cannot be read"):
        read_images(read_report(tmp_path), {KEY})


def test_images_of_another_evaluation_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, {"network": IMAGES})
    other = tmp_path / "other"
    write_folder(other, {"network": IMAGES | {"two": (30, 3.1, 40.0)}})
    (tmp_path / "per_image.csv").write_bytes((other / "per_image.csv").read_bytes())
    with pytest.raises(DataError, match=r"eth3d:/somewhere, network, all, all is 2\.575 px, the report's 2\.5 px"):
        read_images(read_report(tmp_path), {KEY})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("many", "'per_image' is 'many', expected a list"),
        ([3], "'per_image' holds 3, expected an image's values"),
        ([{"name": 3}], "'per_image' holds {'name': 3}, expected"),
        ([{"name": "one", "pixels": 3, "epe": "1", "bad_2": 2.0}], "one: 'epe' is '1', expected a number"),
        ([{"name": "one", "pixels": True, "epe": 1, "bad_2": 2.0}], "one: 'pixels' is True, expected a whole number"),
    ],
)
def test_what_is_wrong_in_the_images_of_an_earlier_version_is_named(tmp_path: Path, images: Any, message: str) -> None:
    write_json(tmp_path / "report.json", {"per_image": images})
    with pytest.raises(DataError, match=rf"report\.json: result 1: {message}"):
        read_images(read_report(tmp_path), {KEY})
