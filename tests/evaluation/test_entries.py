"""Which entries of reports are compared, and how methods and data sets are told apart."""

from pathlib import Path
from typing import Any

import pytest
from helpers.reports import write_json

from stereo.errors import ConfigError
from stereo.evaluation.entries import Entry, choose_entries, data_labels, grouped, headline, metric_names
from stereo.evaluation.reading import read_report


def entries(*paths: Path, **wanted: Any) -> list[Entry]:
    return choose_entries([read_report(path) for path in paths], **wanted)


def test_entries_are_chosen_by_protocol_region_and_method(tmp_path: Path) -> None:
    rows = [
        {"method": method, "protocol": protocol, "region": region}
        for method in ("network", "sgbm")
        for protocol in ("all", "psmnet")
        for region in ("all", "edges")
    ]
    path = write_json(tmp_path / "report.json", *rows)
    assert len(entries(path)) == 8
    chosen = entries(path, protocols=["psmnet"], regions=["edges", "all"], methods=["sgbm"])
    assert [(entry.source, entry.group) for entry in chosen] == [
        ((1, "sgbm"), ("eth3d", "psmnet", "all")),
        ((1, "sgbm"), ("eth3d", "psmnet", "edges")),
    ]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"protocols": ["psmnte"]}, "unknown protocol 'psmnte', expected one of all, psmnet; did you mean 'psmnet'"),
        ({"regions": ["edges"]}, "unknown region 'edges', expected one of all"),
        ({"methods": ["bm"]}, "unknown method 'bm', expected one of network"),
        ({"protocols": ["psmnet"], "regions": ["edge"]}, "unknown region 'edge'"),
    ],
)
def test_names_that_no_report_has_are_refused(tmp_path: Path, wanted: dict[str, list[str]], message: str) -> None:
    path = write_json(tmp_path / "report.json", {}, {"protocol": "psmnet"})
    with pytest.raises(ConfigError, match=message):
        entries(path, **wanted)


def test_names_that_no_entry_has_together_are_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "report.json", {"region": "edges"}, {"protocol": "psmnet"})
    with pytest.raises(ConfigError, match="no entry is of protocol psmnet and region edges at once"):
        entries(path, protocols=["psmnet"], regions=["edges"])


def test_paths_of_two_machines_are_one_data_set(tmp_path: Path) -> None:
    one = write_json(tmp_path / "a.json", {"data": "eth3d:/a"}, data={"eth3d:/a": {"path": "/a"}})
    other = write_json(tmp_path / "b.json", {"data": "eth3d:/b"}, data={"eth3d:/b": {"path": "/b"}})
    assert [len(group) for group in grouped(entries(one, other)).values()] == [2]
    assert {entry.data + entry.data_label for entry in entries(one, other)} == {"eth3d"}


def test_two_data_sets_of_one_family_are_two(tmp_path: Path) -> None:
    one = write_json(tmp_path / "a.json", {"data": "pairs:a.txt"}, {"data": "pairs:b.txt"}, {"data": "eth3d:/a"})
    other = write_json(tmp_path / "b.json", {"data": "pairs:b.txt"})
    groups = grouped(entries(one, other))
    assert {group[0]: len(found) for group, found in groups.items()} == {"pairs:a.txt": 1, "pairs:b.txt": 2, "eth3d": 1}


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        (["eth3d:/a", "synthetic"], ["eth3d", "synthetic"]),
        (["pairs:/a", "eth3d:/a", "pairs:/b"], ["pairs:a", "pairs:b", "eth3d"]),
        (["pairs:/x/a/list.txt", "pairs:/x/b/list.txt"], ["pairs:a/list.txt", "pairs:b/list.txt"]),
        (["pairs:/a", "pairs:a", "pairs:/a/"], ["pairs:/a", "pairs:a", "pairs:/a/"]),
        (["synthetic", "synthetic:/a/b"], ["synthetic", "synthetic:b"]),
    ],
)
def test_data_sets_are_told_apart(specs: list[str], expected: list[str]) -> None:
    assert list(data_labels([specs]).values()) == expected


def test_the_headline_is_the_first_that_all_methods_have(tmp_path: Path) -> None:
    def rows(method: str, protocols: str) -> list[dict[str, str]]:
        regions = ("all", "edges")
        return [{"method": method, "protocol": name, "region": region} for name in protocols for region in regions]

    found = entries(write_json(tmp_path / "report.json", *rows("one", "xyz"), *rows("two", "zy")))
    assert {entry.group[1:] for entry in headline(found)} == {("y", "all")}
    assert {entry.group[1:] for entry in headline(found, regions=True)} == {("y", "all"), ("y", "edges")}
    assert {entry.group[1:] for entry in headline(found, protocols=True)} == {(name, "all") for name in "xyz"}
    apart = entries(write_json(tmp_path / "apart.json", *rows("one", "x"), *rows("two", "y")))
    assert headline(apart) == apart  # nothing is shared


def test_all_numbers_are_found(tmp_path: Path) -> None:
    path = write_json(
        tmp_path / "report.json", {"a90": None, "own_metric": 2, "averaging": "images"}, {"region": "edges"}
    )
    names = metric_names(entries(path))
    assert names[:3] == ["images", "epe", "epe_image_mean"]
    assert names[-1] == "own_metric"
    assert not {"a90", "averaging", "data"} & set(names)


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
    reports = [
        write_json(
            tmp_path / f"{number}.json",
            settings={key: value for key, value in values.items() if key != "weights"},
            checkpoint_sha256=values.get("weights"),
        )
        for number, values in enumerate(settings)
    ]
    reports.append(write_json(tmp_path / "sgbm.json", {"method": "sgbm"}, settings={"num_disparities": 64}))
    assert [entry.method for entry in entries(*reports)] == [*expected, "sgbm"]


def test_methods_of_one_report_are_told_from_those_of_another(tmp_path: Path) -> None:
    rows: list[dict[str, str]] = [{}, {"method": "sgbm"}]
    paths = [
        write_json(
            tmp_path / f"{size}.json", *rows, methods={"network": {"checkpoint": "x.pt"}, "sgbm": {"size": size}}
        )
        for size in (3, 5)
    ]
    assert [entry.method for entry in entries(*paths)] == [
        "network (x)",
        "sgbm (size 3)",
        "network (x)",
        "sgbm (size 5)",
    ]


def test_data_sets_with_other_settings_are_told_apart(tmp_path: Path) -> None:
    paths = [
        write_json(
            tmp_path / f"{number}.json",
            {"data": "synthetic"},
            data={"synthetic": {"split": "test", "limit": None, "synthetic": {"seed": 1, "max_disparity": range_}}},
        )
        for number, range_ in enumerate((32, 96))
    ]
    assert [entry.data_label for entry in entries(*paths)] == [
        " (synthetic.max_disparity 32)",
        " (synthetic.max_disparity 96)",
    ]
    assert entries(paths[0], paths[0])[0].data_label == ""
