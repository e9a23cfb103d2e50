"""report.html holds all that it shows, takes strangers' names as text, and has every number of the report."""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import textured_sample, truth_of

from stereo.data.sample import StereoSample
from stereo.errors import OutputError
from stereo.evaluation.page import tables
from stereo.evaluation.page.charts import profile_charts
from stereo.evaluation.page.colors import color_signed_error
from stereo.evaluation.page.pictures import LONGEST_SIDE, PagePictures, Picture, draw_views
from stereo.evaluation.page.write import write_page
from stereo.methods.method import Prediction
from stereo.processes import Processes

EVIL = "</script><script>alert('x')</script><img src=http://example.org/x>"
METRICS = (
    *("epe", "rmse", "bad_05", "bad_1", "bad_2", "bad_3", "bad_4", "bad_5", "d1", "density", "a50", "a90", "a95"),
    *("a99", "ause", "risk_90", "risk_80", "risk_50"),
)


def _row(**values: Any) -> dict[str, Any]:
    row = dict.fromkeys(METRICS, 1.25) | {
        "data": "eth3d:/somewhere",
        "method": "network",
        "protocol": "all",
        "region": "all",
        "images": 2,
        "skipped": 0,
        "epe_image_mean": 1.5,
        "share": 100.0,
        "pixels": 4096,
        "averaging": "pixels",
        "seconds_per_pair": 0.5,
        "seconds_p90": 0.75,
        "loading_seconds": 0.01,
        "peak_memory_mb": 812.0,
        "occlusion": "the data set's mask",
        "sizes": [{"height": 490, "width": 941, "ran_at": [496, 944], "images": 2}],
        "failed": [],
        "notes": [],
    }
    return row | values


def _profile(**values: Any) -> dict[str, Any]:
    profile = {
        "data": "eth3d:/somewhere",
        "method": "network",
        "protocol": "all",
        "error_edges": [0.0, 0.5, 1.0, 2.0],
        "error_counts": [50, 30, 10, 10],
        "disparity_edges": [0.0, 8.0, 16.0],
        "disparity_counts": [20, 0, 80],
        "disparity_error_sums": [10.0, 0.0, 100.0],
        "edge_distance_edges": [0.0, 1.0, 2.0],
        "edge_distance_counts": [5, 5, 90],
        "edge_distance_error_sums": [25.0, 15.0, 70.0],
    }
    return profile | values


def _image(**values: Any) -> dict[str, Any]:
    words = {key: _row()[key] for key in ("data", "method", "protocol", "region")}
    numbers = {"index": "0", "pixels": "2048", "seconds": "0.5", "loading_seconds": "0.01"}
    return words | numbers | dict.fromkeys(METRICS, "1.25") | {"name": "eth3d/a"} | values


def _report(results: Sequence[Mapping[str, Any]], profiles: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {
        "results": list(results),
        "profiles": list(profiles),
        "protocols": {"all": "every known pixel"},
        "regions": {"all": "the whole image"},
        "methods": {"network": {"max_disparity": 192}},
        "checkpoint": "compact.pt",
        "checkpoint_sha256": "9f" * 32,
        "config": {"model": {"max_disparity": 192}},
        "data": {"eth3d:/somewhere": {"path": "/somewhere"}},
        "shard": None,
        "command": "evaluate.py --data eth3d:/somewhere",
        "version": "0.1.0",
        "revision": "0123abcd",
        "torch": "2.13.0",
        "threads": 1,
        "machine": "a machine",
    }


def _full() -> tuple[dict[str, Any], list[dict[str, Any]], list[Picture]]:
    """Two methods, one of them with pictures that have a confidence."""
    results = [_row(), _row(method="sgbm", ause=None, epe=2.5)]
    images = [_image(name=f"eth3d/{name}", method=method) for name in "ab" for method in ("network", "sgbm")]
    collector = PagePictures("eth3d:/somewhere", "network")
    for index in range(2):
        collector.observe(f"eth3d/{'ab'[index]}", index, {"epe": 1.0 + index}, *_pair(confidence=True))
    return _report(results, [_profile(), _profile(method="sgbm")]), images, collector.pictures(_never)


@pytest.fixture(scope="module")
def full_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with all its sections."""
    return _write(tmp_path_factory.mktemp("page"), *_full())


def _write(
    folder: Path,
    report: Mapping[str, Any],
    images: Iterable[Mapping[str, Any]] = (),
    pictures: Sequence[Picture] = (),
) -> str:
    write_page(folder / "report.html", report, images, pictures)
    return (folder / "report.html").read_text(encoding="utf-8")


def _pair(
    height: int = 32, width: int = 48, offset: float = 1, confidence: bool = False
) -> tuple[StereoSample, Prediction]:
    sample = textured_sample(height, width, 8)
    disparity = truth_of(sample).disparity + np.float32(offset)
    return sample, Prediction(disparity, np.full_like(disparity, 0.5) if confidence else None)


def _never(index: int) -> tuple[StereoSample, Prediction]:
    raise AssertionError(f"pair {index} is predicted again")


class _Page(HTMLParser):
    """Elements with their attributes, and the text of table cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _embedded(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="image-rows">(.*?)</script>', text, re.DOTALL)
    assert found is not None

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(found[1], parse_constant=refuse)


# ---------------------------------------------------------------------------------------------------------- the page


def test_the_page_loads_nothing_and_runs_its_own_script_alone(full_page: str) -> None:
    page = _Page(full_page)
    assert not re.search(r"https?:|@import|url\((?!#)", full_page)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base"), tag
        assert "srcset" not in attributes
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        for key in ("href", "xlink:href"):
            assert (attributes.get(key) or "#").startswith("#"), attributes
    assert len([one for one in page.named("script") if "type" not in one]) == 1
    (policy,) = [one["content"] or "" for one in page.named("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policy)


def test_a_view_that_several_pictures_show_is_in_the_page_once(tmp_path: Path) -> None:
    report, images, pictures = _full()
    others = [replace(picture, method="sgbm") for picture in pictures]
    page = _Page(_write(tmp_path, report, images, [*pictures, *others]))
    sources = {image["id"]: image["src"] for image in page.named("img") if "src" in image}
    assert len(set(sources.values())) == len(sources)
    shown = [image.get("src") or sources[image["data-same"]] for image in page.named("img")]
    assert shown == [view.image for picture in [*pictures, *others] for view in picture.views]


@pytest.mark.parametrize(("other", "chosen"), [("psmnet", "psmnet"), ("kitti2015", "")])
def test_the_table_begins_with_a_protocol_that_all_data_sets_have(tmp_path: Path, other: str, chosen: str) -> None:
    rows = [_row(), _row(protocol="psmnet"), _row(data="synthetic", protocol=other)]
    assert tables.shared_protocol(rows) == chosen
    text = _write(tmp_path, _report(rows))
    assert ('<option value="psmnet" selected>' in text) == bool(chosen)


def test_ids_are_given_once_and_lead_somewhere(full_page: str) -> None:
    page = _Page(full_page)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for key in ("href", "aria-labelledby"):
            if key in attributes:
                assert (attributes[key] or "").removeprefix("#") in ids
    for name in re.findall(r"url\(#([^)]+)\)", full_page):
        assert name in ids


def test_names_of_strangers_stay_text(tmp_path: Path) -> None:
    spec, method = f"pairs:{EVIL}$x^", "<script>'$_$'</script>"  # so short that it stands whole in a chart
    results = [_row(data=spec, method=method, failed=[EVIL], notes=[EVIL], occlusion=EVIL)]
    picture = replace(_full()[2][0], data=spec, method=method, name=EVIL)
    report = _report(results, [_profile(data=spec, method=method)]) | {"command": EVIL, "methods": {EVIL: {EVIL: EVIL}}}
    text = _write(tmp_path, report, [_image(data=spec, method=method, name=EVIL)], [picture])
    page = _Page(text)
    assert len(page.named("script")) == 2  # the rows and the page's own
    assert "alert('x')" not in text
    assert "&lt;script&gt;'$_$'&lt;/script&gt;</text>" in text
    assert all((image.get("src") or "data:").startswith("data:") for image in page.named("img"))
    assert _embedded(text)["names"] == [EVIL]
    assert [row for row in page.rows if row[0] == EVIL]


def test_names_that_are_no_utf_8_are_shown_as_far_as_they_go(tmp_path: Path) -> None:
    name = "caf\udce9\x01"  # as Python reads a file's name in Latin-1
    text = _write(tmp_path, _report([_row(method=name)]), [_image(method=name, name=name)])
    assert ">caf��</text>" in text
    assert '<th scope="row">caf?' in text


def test_the_page_has_every_number_of_the_report(tmp_path: Path) -> None:
    values = {name: 1.125 + number for number, name in enumerate(METRICS)}
    rows = [_row(**values), _row(region="edges", **dict.fromkeys(METRICS))]
    page = _Page(_write(tmp_path, _report(rows), []))
    header, first, second = page.rows[:3]
    titles = [title.replace(" px", "").replace(" %", "") for title in header]
    assert first[0].split() == ["eth3d", "network"]
    assert first[1:3] == ["all", "all"]
    assert first[titles.index("EPE")] == "1.125"
    assert first[titles.index("RMSE")] == "2.125"
    assert first[titles.index("bad-0.5")] == "3.12"
    assert first[titles.index("risk 50")] == "18.125"
    assert first[titles.index("peak memory MB")] == "812"
    assert second[1:3] == ["all", "edges"]
    assert second[titles.index("EPE")] == second[titles.index("A99")] == "–"
    assert [row for row in page.rows if row[:1] == ["eth3d"] and "944 × 496" in row]


def test_a_metric_that_no_row_has_gets_no_column(tmp_path: Path) -> None:
    text = _write(tmp_path, _report([_row(ause=None)]), [])
    assert ">AUSE <" not in text
    assert ">RMSE <" in text


def test_what_there_is_not_gets_no_section(tmp_path: Path) -> None:
    bare = _report([_row(**dict.fromkeys(METRICS), images=0, sizes=[], occlusion=None)])
    text = _write(tmp_path, bare | dict.fromkeys(("checkpoint", "checkpoint_sha256", "config", "revision")), [])
    assert not re.search(r'id="(pictures|images|errors)"', text)
    assert "None" not in text


def test_notes_and_failures_are_said_once(tmp_path: Path) -> None:
    said = {"failed": ["b: cannot be read"], "notes": ["published on 4,370 images"]}
    rows = [_row(protocol=protocol, **said) for protocol in ("gwcnet", "psmnet")]
    text = _write(tmp_path, _report([*rows, _row(method="sgbm", **said)]), [])
    assert text.count("b: cannot be read") == 1
    assert "(network, sgbm; protocol gwcnet, psmnet, all): published on 4,370 images" in text


def test_a_page_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"report\.html"):
        write_page(tmp_path / "gone" / "report.html", _report([_row()]), [], [])


# ----------------------------------------------------------------------------------------------- the table of images


def test_the_rows_of_images_are_numbers_or_null(tmp_path: Path) -> None:
    images = [_image(epe="0.123456789", ause="", rmse="nan"), _image(name="eth3d/b", epe=2, rmse="3.5", ause=None)]
    text = _write(tmp_path, _report([_row()]), images)
    rows = _embedded(text)
    assert rows["names"] == ["eth3d/a", "eth3d/b"]
    (group,) = rows["groups"]
    assert [group[key] for key in ("data", "method", "protocol", "region")] == [
        *("eth3d:/somewhere", "network", "all", "all")
    ]
    assert group["rows"][0][:4] == [0, 2048, 0.12346, None]
    assert group["rows"][1][:4] == [1, 2048, 2, 3.5]
    assert len(rows["columns"]) == len(group["rows"][0]) - 1
    # Without JavaScript the largest error stands first.
    static = [row[0] for row in _Page(text).rows if row[0].startswith("eth3d/")]
    assert static == ["eth3d/b", "eth3d/a"]


def test_too_many_rows_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_IMAGE_ROWS", 5)
    results = [_row(region="edges"), _row(region="visible"), _row(protocol="psmnet"), _row()]
    images = [_image(region=row["region"], protocol=row["protocol"], name=name) for row in results for name in "ab"]
    rows = tables.image_rows(results, images)
    assert [(group["protocol"], group["region"]) for group in rows["groups"]] == [("psmnet", "all"), ("all", "all")]
    assert rows["left_out"] == 4


# ------------------------------------------------------------------------------------------------------------ charts


def test_charts_have_the_numbers_of_the_profile() -> None:
    methods = ["network", "sgbm"]
    profiles = [_profile(), _profile(method="sgbm", error_counts=[0, 0, 0, 100])]
    by_disparity, by_distance, cumulative, errors, true = profile_charts("p", profiles, methods)
    assert by_disparity.rows == (("0 – 8", "0.5", "0.5"), ("8 – 16", "–", "–"), ("16 and above", "1.25", "1.25"))
    assert [row[1] for row in by_distance.rows] == ["5", "3", "0.778"]
    assert cumulative.rows == (("0", "0", "0"), ("0.5", "50", "0"), ("1", "80", "0"), ("2", "90", "0"))
    assert [row[1:] for row in errors.rows] == [("50", "0"), ("30", "0"), ("10", "0"), ("10", "100")]
    assert true.header == ("true disparity, px", "pixels in the bin, %")  # one line for both: the same pairs
    assert "network" in by_disparity.svg
    assert "sgbm" in by_disparity.svg
    assert "var(--series-2)" in by_disparity.svg
    assert "true disparity, px" in by_disparity.svg


def test_without_an_edge_there_is_no_chart_of_the_distance_to_it() -> None:
    charts = profile_charts("p", [_profile(edge_distance_counts=[0, 0, 100])], ["network"])
    assert [chart.title for chart in charts][1] == "Cumulative error"


def test_a_profile_without_a_pixel_is_drawn() -> None:
    nothing = {
        f"{name}_counts": [0] * len(_profile()[f"{name}_edges"]) for name in ("error", "disparity", "edge_distance")
    }
    for chart in profile_charts("p", [_profile(**nothing)], ["network"]):
        assert "<svg" in chart.svg


# ---------------------------------------------------------------------------------------------------------- pictures


def _collect(errors: Sequence[float], count: int) -> PagePictures:
    collector = PagePictures("d", "m", count)
    for index, epe in enumerate(errors):
        collector.observe(f"n{index}", index, {"epe": epe}, *_pair())
    return collector


def test_the_worst_are_kept_and_the_median_ones_asked_for_again() -> None:
    asked: list[int] = []

    def reload(index: int) -> tuple[StereoSample, Prediction]:
        asked.append(index)
        return _pair()

    pictures = _collect([3, 9, 1, 2, 8, 4, 5, 6, 7], count=2).pictures(reload)
    assert [(picture.label, picture.name) for picture in pictures] == [
        ("worst 1", "n1"),
        ("worst 2", "n4"),
        ("median 1", "n6"),
        ("median 2", "n7"),
    ]
    assert asked == [6, 7]


def test_a_pair_is_shown_once_and_equal_errors_stay_in_order() -> None:
    pictures = _collect([1, 1, 1], count=3).pictures(_never)
    assert [(picture.label, picture.name) for picture in pictures] == [
        ("worst 1", "n0"),
        ("worst 2", "n1"),
        ("worst 3", "n2"),
    ]
    assert _collect([], count=3).pictures(_never) == []


def test_pairs_without_an_error_are_passed_over() -> None:
    collector = _collect([math.nan, 1], count=2)
    collector.observe("none", 2, {})
    assert [picture.name for picture in collector.pictures(_never)] == ["n1"]


def test_what_an_earlier_run_scored_is_asked_for_again() -> None:
    collector = _collect([1], count=2)
    collector.observe("earlier", 7, {"epe": 5.0})
    (worst, _) = collector.pictures(lambda index: _pair())
    assert (worst.name, len(worst.views)) == ("earlier", 4)


def test_several_processes_choose_as_one_would() -> None:
    errors = [3.0, 9, 1, 2, 8, 4]
    alone = _collect(errors, 2)
    shares = [PagePictures("d", "m", 2) for _ in range(2)]
    for index, epe in enumerate(errors):
        shares[index % 2].observe(f"n{index}", index, {"epe": epe}, *_pair())

    class Two(Processes):
        def gather(self, value: Any) -> list[Any]:
            return [(share._seen, share._drawn) for share in shares]

    shares[0].gather(Two(size=2))
    expected = [picture.name for picture in alone.pictures(lambda index: _pair())]
    assert [picture.name for picture in shares[0].pictures(lambda index: _pair())] == expected


def test_views_are_reduced_and_small() -> None:
    sample, prediction = _pair(400, 1280, confidence=True)
    views = draw_views(sample, prediction)
    assert [view.title for view in views] == ["left view", "prediction", "ground truth", "signed error", "confidence"]
    for view in views:
        assert (view.width, view.height) == (LONGEST_SIDE, 150)
        assert view.image.startswith("data:image/webp;base64,")
    assert sum(len(view.image) for view in views[1:]) < 20_000
    # Noise is the worst case of a photograph: 40 pairs of it stay in a few MB.
    assert len(views[0].image) < 150_000


def test_unknown_and_infinite_values_are_drawn() -> None:
    sample, prediction = _pair()
    prediction.disparity[:8] = np.inf
    truth_of(sample).valid[:] = False
    assert len(draw_views(sample, prediction)) == 4


def test_the_signed_error_is_blue_below_gray_at_and_vermilion_above_the_truth() -> None:
    error = np.array([[-8, 0, 8, 1000, 5]], np.float32)
    below, none, above, beyond, unknown = color_signed_error(error, error != 5)[0].astype(int)
    assert below[2] > below[0] + 50
    assert above[0] > above[2] + 50
    assert none.min() > 230
    assert list(beyond) == [106, 30, 0]
    assert list(unknown) == [0, 0, 0]


# ----------------------------------------------------------------------------------------------------------- browser


@pytest.mark.slow
def test_chromium_runs_the_page_without_an_error(tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")
    report, images, pictures = _full()
    images.append(_image(name="eth3d/c", epe="9.75"))
    report["results"][0]["images"] = 3
    _write(tmp_path, report, images, pictures)
    done = subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom"),
            (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    page = _Page(done.stdout)
    names = [row[0] for row in page.rows if row[0].startswith("eth3d/")]
    assert names[0] == "eth3d/c"  # the script has sorted the rows
    assert "1 – 5 of 5 rows" in done.stdout
    assert [one for one in page.named("figure") if one.get("class") == "view shown"]
