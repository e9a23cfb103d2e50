"""What is scored, what is skipped, what has failed, and which images are worth a picture."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import textured_sample, truth_of

from stereo.data.sample import StereoSample
from stereo.errors import DataError, FormatError, StereoError
from stereo.evaluation.evaluator import EvaluationResult, ScoredSample, evaluate
from stereo.evaluation.previews import Previews
from stereo.methods.method import Prediction
from stereo.processes import Processes

CONTRACT = [
    "data",
    "method",
    "protocol",
    "region",
    "images",
    "skipped",
    "epe",
    "epe_image_mean",
    "rmse",
    "bad_05",
    "bad_1",
    "bad_2",
    "bad_3",
    "bad_4",
    "bad_5",
    "d1",
    "density",
    "a50",
    "a90",
    "a95",
    "a99",
    "ause",
    "risk_90",
    "risk_80",
    "risk_50",
    "seconds_per_pair",
    "peak_memory_mb",
]


class _Constant:
    """Predicts one disparity everywhere."""

    device = None
    max_disparity = None

    def __init__(self, value: float = 10.0, name: str = "constant") -> None:
        self.name = name
        self.settings = {"value": value}
        self.value = value
        self.calls = 0

    def predict_sample(self, sample: StereoSample) -> Prediction:
        self.calls += 1
        return Prediction(np.full(sample.left.shape[:2], self.value, np.float32))


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


def _only(results: list[EvaluationResult]) -> EvaluationResult:
    (result,) = results
    return result


def test_a_data_set_is_scored_over_pixels_with_the_image_mean_beside() -> None:
    # Errors of 2 px on 40 columns and of 5 px on 120 columns.
    result = _only(evaluate(_Constant(), _Items(_plane(8), _plane(5, width=120)), data="planes", progress=False))
    expected = {"epe": 17 / 4, "rmse": math.sqrt((4 + 3 * 25) / 4), "bad_05": 100, "bad_1": 100}
    expected |= {"bad_2": 75, "bad_3": 75, "bad_4": 75, "bad_5": 0, "d1": 75, "density": 100}
    expected |= dict.fromkeys(("a50", "a90", "a95", "a99"), 3.5)  # quantiles: the mean of the images' own, 2 and 5
    assert {name: value for name, value in result.metrics.items() if not math.isnan(value)} == pytest.approx(expected)
    assert result.epe_image_mean == pytest.approx(3.5)
    assert (result.images, result.skipped, result.pixels, result.failed) == (2, 0, 32 * 160, ())
    assert (result.data, result.method, result.protocol, result.region) == ("planes", "constant", "all", "all")
    assert result.averaging == "pixels"
    assert [dict(size) for size in result.sizes] == [
        {"height": 32, "width": 40, "ran_at": None, "images": 1},
        {"height": 32, "width": 120, "ran_at": None, "images": 1},
    ]
    assert result.share == 100
    assert result.seconds_per_pair >= 0
    assert result.peak_memory_mb > 1


def test_an_image_without_a_valid_pixel_is_skipped_and_not_scored_zero() -> None:
    result = _only(evaluate(_Constant(), _Items(_plane(8), _without_valid_pixel())))
    assert (result.images, result.skipped, result.metrics["epe"], result.epe_image_mean) == (1, 1, 2, 2)


def test_items_that_fail_are_named_and_the_others_go_on() -> None:
    unknown = StereoSample(_plane(1).left, _plane(1).right, name="unknown")
    tiny = textured_sample(8, 8, 1)

    class Picky(_Constant):
        def predict_sample(self, sample: StereoSample) -> Prediction:
            if sample.height < 32:
                raise DataError("the images are too small")
            return super().predict_sample(sample)

    result = _only(evaluate(Picky(), _Items(_plane(8), FormatError("b.png: truncated"), unknown, tiny)))
    assert (result.images, result.metrics["epe"]) == (1, 2)
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


def test_a_method_may_look_at_the_whole_sample() -> None:
    class Truth(_Constant):
        def predict_sample(self, sample: StereoSample) -> Prediction:
            return Prediction(truth_of(sample).disparity)

    result = _only(evaluate(Truth(name="the truth"), _Items(_plane(8))))
    assert (result.method, result.metrics["epe"]) == ("the truth", 0)


def test_an_entry_of_the_report_keeps_its_contract() -> None:
    entry = _only(evaluate(_Constant(), _Items(_plane(8)))).to_dict()
    assert list(entry)[: len(CONTRACT)] == CONTRACT
    assert (entry["epe"], entry["bad_1"], entry["averaging"]) == (2, 100, "pixels")
    nothing = _only(evaluate(_Constant(), _Items(_without_valid_pixel()))).to_dict()
    assert (nothing["epe"], nothing["epe_image_mean"], nothing["d1"], nothing["skipped"]) == (None, None, None, 1)


class _OneOfTwo(Processes):
    """One of two processes; the other one has sent what is in `sent`."""

    sent: list[Any]

    def __init__(self, rank: int, sent: list[Any]) -> None:
        super().__init__(rank, 2)
        object.__setattr__(self, "sent", sent)  # the class is frozen

    def gather(self, value: Any) -> list[Any]:
        self.sent.append(value)
        return self.sent


def test_shares_of_several_processes_are_put_together_in_order() -> None:
    items = _Items(*(_plane(disparity) for disparity in (8, 5, 1, 9, 7)))
    alone = _only(evaluate(_Constant(), items))
    sent: list[Any] = []
    methods = _Constant(), _Constant()
    evaluate(methods[1], items, processes=_OneOfTwo(1, sent))
    together = _only(evaluate(methods[0], items, processes=_OneOfTwo(0, sent)))
    assert [method.calls for method in methods] == [3, 2]
    for found, expected in ((together.to_dict(), alone.to_dict()),):
        for key in ("seconds_per_pair", "seconds_p90", "loading_seconds", "peak_memory_mb"):
            del found[key], expected[key]
        assert found == expected


def test_previews_of_several_processes_are_put_together() -> None:
    sent: list[Any] = []
    for rank, disparities in ((1, (8, 4)), (0, (5, 9))):
        previews = Previews(2)
        evaluate(_Constant(), _Items(*map(_plane, disparities)), observe=previews.observe)
        previews.gather(_OneOfTwo(rank, sent))
    assert [(label, item.scored.name) for label, item in previews.chosen()] == [
        ("worst1", "plane/4"),
        ("first1", "plane/5"),
    ]


# ------------------------------------------------------------------------------------------------------- previews


def test_previews_show_the_worst_and_the_first_once_each_without_a_second_prediction(tmp_path: Path) -> None:
    method, previews = _Constant(), Previews(3)
    evaluate(
        method, _Items(_plane(8), _without_valid_pixel(), _plane(5), _plane(1), _plane(7)), observe=previews.observe
    )
    assert [(label, item.scored.index) for label, item in previews.chosen()] == [
        ("worst1", 3),
        ("worst2", 2),
        ("first1", 0),
    ]
    previews.write(tmp_path / "previews")
    assert sorted(path.name for path in (tmp_path / "previews").iterdir()) == [
        "first1_plane_8.png",
        "worst1_plane_1.png",
        "worst2_plane_5.png",
    ]
    assert method.calls == 5


@pytest.mark.parametrize("count", [0, 1, 4, 100])
def test_few_samples_are_held_and_the_right_ones(count: int) -> None:
    errors = np.random.default_rng(count).permutation(30)
    previews = Previews(count)
    held = 0

    def observe(scored: ScoredSample) -> None:
        nonlocal held
        previews.observe(scored)
        held = max(held, len(previews._kept))

    evaluate(_Constant(), _Items(*(_plane(10 + int(error)) for error in errors)), observe=observe)
    worst = sorted(range(30), key=lambda index: -errors[index])[: (count + 1) // 2]
    first = [index for index in range(30) if index not in worst][: count - len(worst)]
    assert [item.scored.index for _, item in previews.chosen()] == worst + first
    assert held <= 1.5 * count + 1


def test_no_preview_makes_no_folder(tmp_path: Path) -> None:
    previews = Previews(0)
    evaluate(_Constant(), _Items(_plane(8)), observe=previews.observe)
    previews.write(tmp_path / "previews")
    assert not (tmp_path / "previews").exists()
