"""The protocols of the literature, pixel by pixel and image by image, worked out by hand."""

import numpy as np
import pytest
from helpers import textured_sample

from stereo.data.sample import GroundTruth, Map, StereoSample
from stereo.errors import DataError
from stereo.evaluation.evaluator import EvaluationResult, evaluate
from stereo.evaluation.protocols import PROTOCOLS, SCENE_FLOW_TEST, Protocol, raft_subset
from stereo.methods.method import Prediction

ALL = PROTOCOLS["all"]
SCENE_FLOW = [PROTOCOLS[name] for name in ("all", "psmnet", "gwcnet", "igev", "stereo_toolbox")]


def _truth(*disparities: float) -> GroundTruth:
    disparity = np.array([disparities], np.float32)
    return GroundTruth(disparity, np.ones(disparity.shape, bool))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all", [0, 0, 0, 1, 1, 1, 1, 1, 0]),
        ("psmnet", [1, 1, 1, 1, 1, 1, 0, 0, 0]),
        ("gwcnet", [0, 0, 0, 1, 1, 1, 0, 0, 0]),
        ("igev", [0, 1, 1, 1, 1, 1, 0, 0, 0]),
        ("raft400", [0, 1, 1, 1, 1, 1, 0, 0, 0]),
        ("stereo_toolbox", [0, 0, 0, 1, 1, 0, 0, 0, 0]),
        ("kitti2012", [0, 0, 0, 1, 1, 1, 1, 1, 0]),
        ("kitti2015", [0, 0, 0, 1, 1, 1, 1, 1, 0]),
        ("middlebury", [0, 0, 0, 1, 1, 1, 1, 1, 0]),
        ("eth3d", [0, 0, 0, 1, 1, 1, 1, 1, 0]),
    ],
)
def test_which_pixels_count(name: str, expected: list[int]) -> None:
    truth = _truth(-192, -5, 0, 0.5, 190.5, 191, 192, 500, np.inf)
    assert PROTOCOLS[name].mask(truth).astype(int).tolist() == [expected]
    assert not PROTOCOLS[name].mask(GroundTruth(truth.disparity, np.zeros_like(truth.valid))).any()


@pytest.mark.parametrize(
    ("disparities", "expected"),
    [
        # all, psmnet, gwcnet, igev, stereo_toolbox
        ([500] * 10, ("score", "count as 0", "leave out", "leave out", "leave out")),  # no pixel within the range
        ([5] + [500] * 9, ("score",) * 5),  # exactly 10 % of them
        ([5] + [500] * 10, ("score", "score", "leave out", "score", "score")),  # less
        ([5] + [-1] * 99, ("score",) * 5),  # negative ones are not among the 10 %
        ([0] * 10, ("leave out", "score", "leave out", "score", "leave out")),
    ],
)
def test_what_becomes_of_an_image(disparities: list[float], expected: tuple[str, ...]) -> None:
    truth = _truth(*disparities)
    assert tuple(protocol.decide(protocol.mask(truth), truth) for protocol in SCENE_FLOW) == expected


def test_how_each_averages() -> None:
    over_pixels = {name for name, protocol in PROTOCOLS.items() if protocol.averaging == "pixels"}
    assert over_pixels == {"all", "kitti2015"}  # KITTI 2015 counts pixels of all images, KITTI 2012 averages shares


# ------------------------------------------------------------------------------------------------- RAFT-Stereo's 400


def _test_listing() -> list[str]:
    """Names for as many paths as Scene Flow's test half has: 437 folders of ten frames in three groups."""
    folders = [(group, number) for group in "ABC" for number in range(150)][:437]
    return [f"scene_flow/FlyingThings3D/TEST/{g}/{n:04d}/{frame:04d}" for g, n in folders for frame in range(6, 16)]


def test_the_400_of_raft_stereo_are_those_of_the_published_rule() -> None:
    names = _test_listing()
    assert len(names) == SCENE_FLOW_TEST
    drawn = raft_subset(names)
    # The rule is: sort the paths of the left views, seed numpy's legacy generator with 1000, take the first 400 places.
    places = np.random.RandomState(1000).permutation(SCENE_FLOW_TEST)[:400].tolist()
    assert len(set(drawn)) == 400
    assert [names[index] for index in drawn] == [sorted(names)[place] for place in places]
    assert places[:5] == FIRST_FIVE
    shuffled = [names[index] for index in np.random.RandomState(0).permutation(len(names))]
    assert [shuffled[index] for index in raft_subset(shuffled)] == [names[index] for index in drawn]


FIRST_FIVE = [1182, 2430, 2205, 1501, 808]


# ------------------------------------------------------------------------------------------ where a protocol applies


@pytest.mark.parametrize(
    ("protocol", "name", "count", "expected"),
    [
        ("all", "kitti2015/000000", 3, None),
        ("psmnet", "scene_flow/a", 3, None),
        ("psmnet", "synthetic/0", 3, None),
        ("psmnet", "kitti2015/000000", 3, "defined on scene_flow, synthetic and pairs"),
        ("kitti2012", "kitti2015/000000", 3, "defined on kitti2012"),
        ("middlebury", "middlebury2003/cones", 1, None),
        ("raft400", "scene_flow/a", 3, "drawn from the 4,370 samples of Scene Flow's test half; here: 3"),
        ("raft400", "scene_flow/a", SCENE_FLOW_TEST, None),
    ],
)
def test_a_protocol_says_why_it_does_not_apply(protocol: str, name: str, count: int, expected: str | None) -> None:
    assert PROTOCOLS[protocol].refusal([name] * count) == expected


def test_a_protocol_says_what_keeps_its_numbers_from_being_the_published_ones() -> None:
    whole, part = ["scene_flow/a"] * SCENE_FLOW_TEST, ["scene_flow/a"] * 3
    assert PROTOCOLS["psmnet"].notes(whole, "cleanpass") == []
    assert PROTOCOLS["psmnet"].notes(whole, "finalpass") == ["published on cleanpass; this is finalpass"]
    assert PROTOCOLS["igev"].notes(part, "cleanpass") == [
        "published on 4,370 images of the test half; here: 3",
        "published on finalpass; this is cleanpass",
    ]
    assert PROTOCOLS["gwcnet"].notes(["synthetic/0"], None) == ["its published numbers are of Scene Flow"]
    assert PROTOCOLS["all"].notes(part, "cleanpass") == PROTOCOLS["eth3d"].notes(["eth3d/a"], None) == []


# --------------------------------------------------------------------------------------------- through the evaluator


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
    results = _by_protocol(evaluate(method, data, SCENE_FLOW))
    assert method.calls == 3
    found = {name: (result.images, result.skipped, result.metrics["epe"]) for name, result in results.items()}
    assert found == {
        "all": (2, 1, 5),  # the negative plane has no pixel above 0
        "psmnet": (3, 0, pytest.approx(10 / 3)),  # the far plane counts as 0
        "gwcnet": (1, 2, 5),
        "igev": (2, 1, 5),
        "stereo_toolbox": (1, 2, 5),
    }
    assert results["psmnet"].pixels == 31 * 32 + 32 * 32
    assert results["psmnet"].averaging == "images"


def test_a_subset_is_drawn_from_the_names_and_predicted_once() -> None:
    second = Protocol("second", "one image", ALL.mask, "pixels", subset=lambda names: [names.index("plane/1")])
    method = _FivePixelsMore()
    (alone,) = evaluate(method, _Planes(1, 2, 3), (second,))
    assert (alone.images, method.calls) == (1, 1)
    both = _by_protocol(evaluate(method, _Planes(1, 2, 3), (second, ALL)))
    assert (both["second"].images, both["all"].images, method.calls) == (1, 3, 4)
    nothing = Protocol("nothing", "no image", ALL.mask, "pixels", subset=lambda names: [])
    with pytest.raises(DataError, match="planes: no sample of it belongs to nothing"):
        evaluate(method, _Planes(1), (nothing,), data="planes")
