"""What is scored, what is skipped, what has failed, and what the report says of it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample, truth_of

from stereo.data.sample import Image, Map, StereoSample
from stereo.errors import DataError, FormatError, OutputError, StereoError
from stereo.evaluation.evaluator import evaluate, worst_and_first
from stereo.evaluation.report import write_report

CONTRACT = [
    "data",
    "method",
    "protocol",
    "images",
    "skipped",
    "epe",
    "epe_image_mean",
    "bad_1",
    "bad_2",
    "bad_3",
    "d1",
    "seconds_per_pair",
    "peak_memory_mb",
]


class _Constant:
    """Predicts one disparity everywhere."""

    name = "constant"

    def __init__(self, value: float = 10.0) -> None:
        self.value = value

    def predict(self, left: Image, right: Image) -> Map:
        return np.full(left.shape[:2], self.value, np.float32)


class _Items:
    """A data set of given samples; an exception stands for an item that cannot be loaded."""

    def __init__(self, *items: StereoSample | Exception) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> StereoSample:
        item = self.items[index]
        if isinstance(item, Exception):
            raise item
        return item


def _plane(disparity: int, width: int = 40) -> StereoSample:
    return textured_sample(32, width, disparity, seed=disparity)


def _without_valid_pixel() -> StereoSample:
    sample = _plane(9)
    truth_of(sample).valid[:] = False
    return sample


def test_a_data_set_is_scored_over_pixels_with_the_image_mean_beside() -> None:
    # Errors of 2 px on 40 columns and of 5 px on 120 columns.
    result = evaluate(_Constant(), _Items(_plane(8), _plane(5, width=120)), data="planes", progress=False)
    assert result.epe == pytest.approx((2 * 40 + 5 * 120) / 160)
    assert result.epe_image_mean == pytest.approx(3.5)
    assert (result.bad_1, result.bad_2, result.bad_3, result.d1) == pytest.approx((100, 75, 75, 75))
    assert (result.images, result.skipped, result.pixels, result.failed) == (2, 0, 32 * 160, ())
    assert (result.data, result.method, result.protocol) == ("planes", "constant", "all")
    assert [row.name for row in result.per_image] == ["plane/8", "plane/5"]
    assert [row.epe for row in result.per_image] == pytest.approx([2, 5])
    assert result.seconds_per_pair >= 0
    assert result.peak_memory_mb > 1


def test_an_image_without_a_valid_pixel_is_skipped_and_not_scored_zero() -> None:
    result = evaluate(_Constant(), _Items(_plane(8), _without_valid_pixel()))
    assert (result.images, result.skipped, result.epe, result.epe_image_mean) == (1, 1, 2, 2)


def test_items_that_fail_are_named_and_the_others_go_on() -> None:
    unknown = StereoSample(_plane(1).left, _plane(1).right, name="unknown")
    tiny = textured_sample(8, 8, 1)

    class Picky(_Constant):
        def predict(self, left: Image, right: Image) -> Map:
            if left.shape[0] < 32:
                raise DataError("the images are too small")
            return super().predict(left, right)

    result = evaluate(Picky(), _Items(_plane(8), FormatError("b.png: truncated"), unknown, tiny))
    assert (result.images, result.epe) == (1, 2)
    assert result.failed == (
        "item 1: b.png: truncated",
        "unknown: no ground truth, which evaluation needs",
        "plane/0: the images are too small",
    )


def test_a_data_set_of_which_nothing_can_be_evaluated_is_a_wrong_request() -> None:
    with pytest.raises(DataError, match=r"broken: none of 2 items .* item 0: a.png: truncated"):
        evaluate(_Constant(), _Items(FormatError("a.png: truncated"), FormatError("b.png: gone")), data="broken")
    with pytest.raises(DataError, match="empty"):
        evaluate(_Constant(), _Items())


def test_a_prediction_that_is_not_finite_stops_the_evaluation() -> None:
    with pytest.raises(StereoError, match=r"plane/8: .* not finite"):
        evaluate(_Constant(math.nan), _Items(_plane(8)))


def test_an_oracle_sees_the_whole_sample() -> None:
    class Truth:
        name = "the truth"

        def predict_sample(self, sample: StereoSample) -> Map:
            return truth_of(sample).disparity

    result = evaluate(Truth(), _Items(_plane(8)))
    assert (result.method, result.epe) == ("the truth", 0)


def test_the_report_keeps_its_contract(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("an older one")
    results = [evaluate(_Constant(), _Items(_plane(8))), evaluate(_Constant(), _Items(_without_valid_pixel()))]
    write_report(path, results, tmp_path / "weights.pt", {"model": {"max_disparity": 192}})
    report = json.loads(path.read_text())
    assert list(report) == ["results", "checkpoint", "config"]
    assert report["checkpoint"] == str(tmp_path / "weights.pt")
    assert report["config"] == {"model": {"max_disparity": 192}}
    assert list(report["results"][0])[: len(CONTRACT)] == CONTRACT
    assert report["results"][0]["per_image"][0]["name"] == "plane/8"
    assert report["results"][1]["epe"] is None  # JSON has no NaN
    assert report["results"][1]["skipped"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"report\.json"):
        write_report(tmp_path / "gone" / "report.json", [], None, None)


def test_previews_show_the_worst_and_the_first_once_each() -> None:
    result = evaluate(_Constant(), _Items(_plane(8), _plane(5), _plane(1), _plane(9)))
    shown = [(label, row.index) for label, row in worst_and_first(result, 3)]
    assert shown == [("worst1", 2), ("worst2", 1), ("first1", 0)]
    assert len(worst_and_first(result, 10)) == 4
    assert worst_and_first(result, 0) == []
