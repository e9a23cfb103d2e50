"""The protocol that there is, and those of the literature, which the dataclass can say."""

from collections.abc import Sequence

import numpy as np
import pytest
from helpers import textured_sample

from stereo.data.sample import GroundTruth, Map, StereoSample
from stereo.errors import DataError
from stereo.evaluation.evaluator import EvaluationResult, evaluate
from stereo.evaluation.protocols import PROTOCOLS, Decision, Protocol, known_and_positive
from stereo.methods.method import Prediction

# The table "Numbers that can be compared" of the design, said by the dataclass. The range is 192 px.


def _below(truth: GroundTruth) -> np.ndarray:
    return truth.valid & (truth.disparity < 192)


def _within(truth: GroundTruth) -> np.ndarray:
    return truth.valid & (np.abs(truth.disparity) < 192)


def _ten_per_cent(counts: np.ndarray, truth: GroundTruth) -> Decision:
    return "score" if counts.any() and counts.sum() >= 0.1 * known_and_positive(truth).sum() else "leave out"


def _four_hundred(names: Sequence[str]) -> list[int]:
    by_path = sorted(range(len(names)), key=lambda index: names[index])
    permutation = np.random.RandomState(1000).permutation(len(by_path))
    return [by_path[position] for position in permutation[:400]]


ALL = PROTOCOLS["all"]
PSMNET = Protocol(
    "psmnet",
    "d < 192",
    mask=_below,
    averaging="images",
    decide=lambda counts, truth: "score" if counts.any() else "count as 0",
    rendering="cleanpass",
)
GWCNET = Protocol(
    "gwcnet",
    "0 < d < 192, images with 10 % of their pixels in it",
    mask=lambda truth: known_and_positive(truth) & (truth.disparity < 192),
    averaging="images",
    decide=_ten_per_cent,
    rendering="finalpass",
)
IGEV = Protocol("igev", "|d| < 192", mask=_within, averaging="images", rendering="finalpass")
RAFT400 = Protocol(
    "raft400", "|d| < 192, 400 images", mask=_within, averaging="images", subset=_four_hundred, rendering="finalpass"
)


def _truth(*disparities: float) -> GroundTruth:
    disparity = np.array([disparities], np.float32)
    return GroundTruth(disparity, np.ones(disparity.shape, bool))


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        (ALL, [0, 0, 1, 1, 1, 1, 0]),
        (PSMNET, [1, 1, 1, 1, 0, 0, 0]),
        (GWCNET, [0, 0, 1, 1, 0, 0, 0]),
        (IGEV, [1, 1, 1, 1, 0, 0, 0]),
        (RAFT400, [1, 1, 1, 1, 0, 0, 0]),
    ],
)
def test_which_pixels_count(protocol: Protocol, expected: list[int]) -> None:
    truth = _truth(-5, 0, 0.5, 191.5, 192, 500, np.inf)
    assert protocol.mask(truth).astype(int).tolist() == [expected]
    unknown = GroundTruth(truth.disparity, np.zeros_like(truth.valid))
    assert not protocol.mask(unknown).any()


def test_far_below_zero_is_outside_the_range_of_some() -> None:
    truth = _truth(-192, -300, 5)
    assert PSMNET.mask(truth).tolist() == [[True, True, True]]
    assert IGEV.mask(truth).tolist() == [[False, False, True]]


@pytest.mark.parametrize(
    ("disparities", "expected"),
    [
        ([500] * 10, ("score", "count as 0", "leave out", "leave out")),  # no pixel within the range
        ([5] + [500] * 9, ("score", "score", "score", "score")),  # exactly 10 % of them
        ([5] + [500] * 10, ("score", "score", "leave out", "score")),  # less
        ([5] + [-1] * 99, ("score", "score", "score", "score")),  # negative ones are not among the 10 %
        ([0] * 10, ("leave out", "score", "leave out", "score")),
    ],
)
def test_what_becomes_of_an_image(disparities: list[float], expected: tuple[str, ...]) -> None:
    truth = _truth(*disparities)
    protocols = (ALL, PSMNET, GWCNET, IGEV)
    assert tuple(protocol.decide(protocol.mask(truth), truth) for protocol in protocols) == expected


class _FivePixelsMore:
    """Is wrong by 5 px everywhere, and counts how often it is asked."""

    name, device, max_disparity = "fake", None, None

    def __init__(self) -> None:
        self.settings: dict[str, int] = {}
        self.calls = 0

    def predict_sample(self, sample: StereoSample) -> Prediction:
        self.calls += 1
        return Prediction(sample.require_truth("this test").disparity + np.float32(5))


class _Planes:
    """Frontal planes of given disparities, whatever their images show; some rows may be of another."""

    def __init__(self, *disparities: float, names: list[str] | None = None) -> None:
        self.maps: list[Map] = [np.full((32, 32), disparity, np.float32) for disparity in disparities]
        self.names = names or [f"plane/{index}" for index in range(len(disparities))]

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index: int) -> StereoSample:
        views = textured_sample(32, 32, 0)
        truth = GroundTruth(self.maps[index], np.ones((32, 32), bool))
        return StereoSample(views.left, views.right, truth, name=self.names[index])


def _by_protocol(results: list[EvaluationResult]) -> dict[str, EvaluationResult]:
    return {result.protocol: result for result in results}


def test_one_prediction_is_scored_under_every_protocol() -> None:
    data = _Planes(10, 500, -7)
    data.maps[0][0] = 300  # a row beyond the range
    method = _FivePixelsMore()
    results = _by_protocol(evaluate(method, data, (ALL, PSMNET, GWCNET, IGEV)))
    assert method.calls == 3
    found = {name: (result.images, result.skipped, result.metrics["epe"]) for name, result in results.items()}
    assert found == {
        "all": (2, 1, 5),  # the negative plane has no pixel above 0
        "psmnet": (3, 0, pytest.approx(10 / 3)),  # the far plane counts as 0
        "gwcnet": (1, 2, 5),
        "igev": (2, 1, 5),
    }
    assert [image.pixels for image in results["psmnet"].per_image] == [31 * 32, 0, 32 * 32]
    assert results["psmnet"].averaging == "images"


def test_a_subset_is_drawn_from_the_names_and_predicted_once() -> None:
    names = [f"TEST/{index:04d}" for index in range(500)]
    order = np.random.RandomState(0).permutation(500)
    drawn = _four_hundred([names[position] for position in order])
    assert len(set(drawn)) == 400
    expected = np.random.RandomState(1000).permutation(500)[:400]
    assert [names[order[index]] for index in drawn] == [names[position] for position in expected]

    second = Protocol("second", "one image", ALL.mask, "pixels", subset=lambda names: [names.index("plane/1")])
    method = _FivePixelsMore()
    (alone,) = evaluate(method, _Planes(1, 2, 3), (second,))
    assert (alone.images, method.calls, alone.per_image[0].name) == (1, 1, "plane/1")
    both = _by_protocol(evaluate(method, _Planes(1, 2, 3), (second, ALL)))
    assert (both["second"].images, both["all"].images, method.calls) == (1, 3, 4)
    nothing = Protocol("nothing", "no image", ALL.mask, "pixels", subset=lambda names: [])
    with pytest.raises(DataError, match="planes: no sample of it belongs to nothing"):
        evaluate(method, _Planes(1), (nothing,), data="planes")
