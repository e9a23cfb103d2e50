"""What may be compared, what is refused, and which method is said to be better."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from helpers.reports import SPEC, Scores, write_folder, write_json
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo.errors import ConfigError, DataError
from stereo.evaluation.comparison import load_images, require_comparable
from stereo.evaluation.entries import Entry, choose_entries
from stereo.evaluation.notes import notes
from stereo.evaluation.reading import read_report
from stereo.evaluation.sides import compare_sides, sides_of_runs, single_sides

# Six images, on each of which B is better by 0.25 px and 10 % points.
A: Scores = {f"im{number}": (100 + number, 1.0 + number, 50.0) for number in range(6)}
B: Scores = {name: (pixels, epe - 0.25, bad - 10.0) for name, (pixels, epe, bad) in A.items()}


def entries(*folders: Path) -> list[Entry]:
    return choose_entries([read_report(folder) for folder in folders])


def check(*folders: Path, allowed: tuple[str, ...] = ()) -> None:
    found = entries(*folders)
    require_comparable(found, load_images(found), allowed)


def sentences(*folders: Path, baseline: str | None = None) -> list[str]:
    """Without the line above them."""
    found = entries(*folders)
    return compare_sides(found, load_images(found), single_sides(found, baseline))[1:]


def said(*folders: Path) -> list[str]:
    found = entries(*folders)
    return notes(found, load_images(found))


# ------------------------------------------------------------------------------------------------ image by image


def test_methods_of_one_report_are_compared_with_the_first(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"sgbm": A, "network": B, "bm": A}, {}, {"region": "edges"})
    found = sentences(folder)
    assert found[:4] == [
        "- eth3d, all, EPE: network is better than sgbm by 0.25 px [0.25, 0.25], 6 of 6 images",
        "- eth3d, all, bad-2: network is better than sgbm by 10.00 % points [10.00, 10.00], 6 of 6 images",
        "- eth3d, all, EPE: bm and sgbm are equal on each of 6 images",
        "- eth3d, all, bad-2: bm and sgbm are equal on each of 6 images",
    ]
    assert [line.partition(":")[0] for line in found[4:6]] == ["- eth3d, all, edges, EPE", "- eth3d, all, edges, bad-2"]
    assert sentences(folder, baseline="network")[0] == (
        "- eth3d, all, EPE: sgbm is worse than network by 0.25 px [0.25, 0.25], better on 0 of 6 images"
    )
    with pytest.raises(ConfigError, match="--baseline raft: no method is called so; there are sgbm, network, bm"):
        sentences(folder, baseline="raft")


def test_all_data_sets_together_count_every_image_alike(tmp_path: Path) -> None:
    # One folder of two data sets: on six images the network is better by 0.25 px, on six worse by 1 px.
    worse: Scores = {name: (9 * pixels, epe + 1, bad) for name, (pixels, epe, bad) in A.items()}
    both = [
        write_folder(tmp_path / data, {"sgbm": A, "network": other}, {"data": data})
        for data, other in (("eth3d:x", B), ("kitti2015:y", worse))
    ]
    rows = [row for folder in both for row in json.loads((folder / "report.json").read_text())["results"]]
    write_json(tmp_path / "both" / "report.json", *rows)
    header, *lines = [line for folder in both for line in (folder / "per_image.csv").read_text().splitlines()]
    text = "\n".join([header, *(line for line in lines if line != header)])
    (tmp_path / "both" / "per_image.csv").write_text(text + "\n")
    found = sentences(tmp_path / "both")
    assert len(found) == 2 * 2 + 2
    assert found[-2].startswith(
        "- 2 data sets, 12 images that count alike, all, EPE: network is worse than sgbm by 0.38"
    )
    assert found[-2].endswith("better on 6 of 12 images")


def test_reports_of_one_method_are_told_apart(tmp_path: Path) -> None:
    one, other = write_folder(tmp_path / "1", {"network": A}), write_folder(tmp_path / "2", {"network": B})
    expected = (
        "- eth3d, all, EPE: network of report 2 is better than network of report 1 by 0.25 px [0.25, 0.25], 6 of 6"
    )
    assert sentences(one, other)[0].startswith(expected)
    assert sentences(one, one)[0].startswith("- eth3d, all, EPE: network of report 2 and network of report 1 are equal")


def test_the_average_of_the_protocol_decides(tmp_path: Path) -> None:
    """Over pixels (1·4 + 3·0) / 4 = 1, over images (4 + 0) / 2 = 2."""
    one = {"x": (1, 5.0, 0.0), "y": (3, 5.0, 0.0)}
    other = {"x": (1, 1.0, 0.0), "y": (3, 5.0, 0.0)}
    rows: list[dict[str, str]] = [{}, {"protocol": "igev", "averaging": "images"}]
    found = sentences(write_folder(tmp_path, {"a": one, "b": other}, *rows))
    assert (
        found[0]
        == "- eth3d, all, EPE: a − b is 1.00 px, b is better on 1 of 2 images, 1 equal; too few images for an interval"
    )
    assert found[2].startswith("- eth3d, igev, EPE: a − b is 2.00 px")


def test_an_image_that_counts_as_0_counts_in_a_mean_over_images(tmp_path: Path) -> None:
    one = {"x": (5, 2.0, 0.0), "none": (0, 0.0, 0.0)}
    other = {"x": (5, 1.0, 0.0), "none": (0, 0.0, 0.0)}
    folder = write_folder(tmp_path, {"a": one, "b": other}, {"protocol": "psmnet", "averaging": "images"})
    assert sentences(folder)[0].startswith(
        "- eth3d, psmnet, EPE: a − b is 0.50 px, b is better on 1 of 2 images, 1 equal"
    )


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_the_order_of_the_images_changes_no_digit(
    tmp_path_factory: pytest.TempPathFactory, shuffler: random.Random, seed: int
) -> None:
    generator, folder = random.Random(seed), tmp_path_factory.mktemp("order")
    drawn = [{f"im{n}": (generator.randint(1, 99), generator.random(), 9.0) for n in range(9)} for _ in "ab"]
    drawn[1] = {name: (drawn[0][name][0], *score[1:]) for name, score in drawn[1].items()}
    expected = sentences(write_folder(folder / "1", {"a": drawn[0], "b": drawn[1]}))
    shuffled = [dict(shuffler.sample(list(scores.items()), len(scores))) for scores in drawn]
    assert sentences(write_folder(folder / "2", {"a": shuffled[0], "b": shuffled[1]})) == expected


def test_several_runs_a_side(tmp_path: Path) -> None:
    better = [write_folder(tmp_path / f"b{n}", {"network": B}) for n in range(3)]
    worse = [write_folder(tmp_path / f"a{n}", {"network": A}) for n in range(2)]
    found = entries(*worse, *better)
    sides = sides_of_runs(found, 2, 3)
    head, *lines = compare_sides(found, load_images(found), sides)
    assert (
        "of the images and of the runs, seed 0 (from fewer than 20 images or fewer than 5 runs they are too narrow)"
        in head
    )
    expected = "B (3 runs of network) is better than A (2 runs of network) by 0.25 px [0.25, 0.25], 6 of 6 images"
    assert lines[0] == f"- eth3d, all, EPE: {expected}"
    assert len(lines) == 2


def test_a_run_has_one_method(tmp_path: Path) -> None:
    both = write_folder(tmp_path, {"network": A, "sgbm": B})
    with pytest.raises(
        ConfigError, match="report 1 has the methods network, sgbm; a run has one: choose by --method net"
    ):
        sides_of_runs(entries(both, both), 1, 1)
    with pytest.raises(ConfigError, match="report 1 has nothing of what is asked for"):
        sides_of_runs([entry for entry in entries(both, both) if entry.source == (2, "sgbm")], 1, 1)


# ------------------------------------------------------------------------------------------------------- refused

FAMILY = {"path": "/a", "rendering": "cleanpass", "limit": None}
SIZES = [{"height": 4, "width": 6, "ran_at": None, "images": 6}]


@pytest.mark.parametrize(
    ("key", "scores", "rows", "rest", "message"),
    [
        ("protocol", B, [{"protocol": "psmnet"}], {}, r"protocol \(eth3d\): all with a, psmnet with b"),
        ("protocol", B, [{}, {"protocol": "psmnet"}], {}, r"protocol \(eth3d\): all with a, all, psmnet with b"),
        ("region", B, [{}, {"region": "edges"}], {}, r"region \(eth3d\): all with a, all, edges with b"),
        ("averaging", B, [{"averaging": "images"}], {}, r"averaging \(eth3d\): pixels with a, images with b"),
        (
            "names",
            {name: B[name] for name in list(B)[1:]},
            [{}],
            {},
            r"names \(eth3d\): 6 images with a, 5 images \(5 in common, im0 in one alone\) with b",
        ),
        (
            "sizes",
            B,
            [{"sizes": [{**SIZES[0], "width": 7}]}],
            {},
            r"sizes \(eth3d\): 6 of 4×6 with a, 6 of 4×7 with b",
        ),
        ("pixels", {**B, "im3": (7, 1.0, 1.0)}, [{}], {}, r"pixels \(eth3d\): 103 of im3 with a, 7 with b"),
        (
            "rendering",
            B,
            [{}],
            {"data": {SPEC: {**FAMILY, "rendering": "finalpass"}}},
            r"rendering \(eth3d\): cleanpass with a, finalpass with b",
        ),
    ],
)
def test_what_differs_is_named_refused_and_allowed_by_its_name(
    tmp_path: Path, key: str, scores: Scores, rows: list[dict[str, Any]], rest: dict[str, Any], message: str
) -> None:
    data = {"data": {SPEC: FAMILY}}
    one = write_folder(tmp_path / "1", {"a": A}, {"sizes": SIZES}, **data)
    other = write_folder(tmp_path / "2", {"b": scores}, *({"sizes": SIZES, **row} for row in rows), **(data | rest))
    choose = r"choose what they share \(--protocol, --region\), or " if key in ("protocol", "region") else ""
    advice = f"{choose}compare all the same: --allow-different {key}"
    with pytest.raises(DataError, match=f"^not comparable, these differ: {message}; {advice}$"):
        check(one, other)
    check(one, other, allowed=(key,))


def test_what_may_differ(tmp_path: Path) -> None:
    """Where the data lies, what was not needed to choose the same images, what a method ran at, and its own regions."""
    one = write_folder(tmp_path / "1", {"a": A}, {"sizes": SIZES}, data={SPEC: FAMILY})
    spec, rows = "eth3d:/other", [{"data": "eth3d:/other"}, {"data": "eth3d:/other", "region": "beyond_range"}]
    rows[0]["sizes"] = [{**SIZES[0], "ran_at": [8, 8]}]  # type: ignore[assignment]
    settings = {**FAMILY, "path": "/other", "limit": 6, "names": "six.txt"}
    other = write_folder(tmp_path / "2", {"b": B}, *rows, data={spec: settings})
    check(one, other)
    assert len(sentences(one, other)) == 2


def test_several_differences_are_named_at_once(tmp_path: Path) -> None:
    one = write_folder(tmp_path / "1", {"a": A})
    other = write_folder(tmp_path / "2", {"b": {"im0": B["im0"]}}, {}, {"region": "edges"})
    with pytest.raises(DataError, match=r"region .*; names .*--allow-different region names$"):
        check(one, other)
    with pytest.raises(DataError, match=r"differ: names .*--allow-different names$"):
        check(one, other, allowed=("region",))
    check(one, other, allowed=("region", "names"))


def test_data_sets_that_one_report_has_are_no_difference(tmp_path: Path) -> None:
    one = write_folder(tmp_path / "1", {"a": A}, {}, {"data": "kitti2015:/k", "protocol": "kitti2015"})
    other = write_folder(tmp_path / "2", {"b": B}, {"data": "kitti2012:/k", "protocol": "kitti2012"}, {})
    check(one, other)
    assert [line.split(",")[0] for line in sentences(one, other)] == ["- eth3d", "- eth3d"]


@pytest.mark.parametrize("other", [{"images": 4}, {}])
def test_without_the_images_their_number_and_choice_is_compared(tmp_path: Path, other: dict[str, Any]) -> None:
    one = write_json(tmp_path / "1.json", data={SPEC: FAMILY})
    two = write_json(tmp_path / "2.json", other, data={SPEC: {**FAMILY, "limit": None if other else 3}})
    with pytest.raises(DataError, match=r"names \(eth3d\): 3 images .*--allow-different names$"):
        check(one, two)
    check(one, one)
    assert sentences(one, one) == []


def test_common_images_are_compared_where_names_may_differ(tmp_path: Path) -> None:
    one = write_folder(tmp_path / "1", {"a": A})
    other = write_folder(tmp_path / "2", {"b": {name: B[name] for name in list(B)[1:]} | {"new": (5, 90.0, 90.0)}})
    assert sentences(one, other)[0].endswith("b is better than a by 0.25 px [0.25, 0.25], 5 of 5 images")
    assert said(one, other) == [
        "note: eth3d, all: the images are not all the same: compared are those in common, the table is of each one's"
    ]
    assert sentences(one, write_folder(tmp_path / "3", {"b": {"new": (5, 90.0, 90.0)}})) == []


def test_a_region_that_no_image_has_is_no_difference(tmp_path: Path) -> None:
    folders = []
    for number, limit in enumerate((6, None)):
        folder = write_folder(tmp_path / str(number), {str(number): A}, data={SPEC: {**FAMILY, "limit": limit}})
        report = json.loads((folder / "report.json").read_text())
        report["results"].append({**report["results"][0], "region": "disparity_192_up", "images": 0, "epe": None})
        (folder / "report.json").write_text(json.dumps(report))
        folders.append(folder)
    check(*folders)
    assert said(*folders) == []
    assert len(sentences(*folders)) == 2


# --------------------------------------------------------------------------------------------------------- notes


def test_what_has_to_be_said(tmp_path: Path) -> None:
    about = {"version": "0.1.0", "machine": "2 cores", "threads": 1}
    one = write_folder(tmp_path / "1", {"a": A}, **about)
    assert said(one, one) == []
    size: dict[str, Any] = {"height": 100, "width": 200, "images": 6}
    row = {"failed": ["x: gone"], "sizes": [size | {"ran_at": [128, 208]}]}
    other = write_folder(tmp_path / "2", {"b": B}, row, **(about | {"version": "0.2.0", "threads": 2}))
    assert said(one, other) == [
        "note: the reports differ in the version of stereo: 0.1.0 (report 1); 0.2.0 (report 2)",
        "note: the reports differ in the number of threads, so that times cannot be compared: "
        "1 (report 1); 2 (report 2)",
        "note: eth3d: 1 item failed with b",
    ]
    shard = write_folder(tmp_path / "4", {"b": B}, **about, shard="1/2")
    assert said(one, shard) == ["note: report 2 is shard 1/2 of an evaluation: join them by --merge"]
    odd = [size | {"ran_at": at} for at in (None, 3, ["x", "y"], [1], [128, 256])]
    small = write_folder(tmp_path / "3", {"b": B}, {"sizes": [*odd, size | {"ran_at": [64, 112]}]}, **about)
    assert said(one, small) == ["note: eth3d: b ran at 64×112, the images are 100×200"]


def test_images_that_are_not_there_are_said(tmp_path: Path) -> None:
    one, other = write_folder(tmp_path / "1", {"a": A}), write_json(tmp_path / "2" / "report.json", {"method": "b"})
    assert said(one, other) == [
        f"note: {other}: has no errors on single images (no per_image.csv), so that it is not compared image by image"
    ]
