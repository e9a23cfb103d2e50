"""The fast scoring against its naive twin, and what protocols and regions make of an image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stereo.data.sample import GroundTruth, StereoSample
from stereo.errors import StereoError
from stereo.evaluation.metrics import ImageSums, image_sums, select_pixels
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.regions import REGIONS, Scene
from stereo.evaluation.scoring import Scores, score
from stereo.evaluation.tally import regions_of
from stereo.methods.method import Prediction

EVERY = list(PROTOCOLS.values())


def _scene(seed: int, height: int = 37, width: int = 53) -> Scene:
    """A pair of noise: every kind of disparity there is, also unknown, negative, infinite and exactly 192."""
    rng = np.random.default_rng(seed)
    disparity = rng.choice([-3, 0, 1, 5.5, 17, 40, 100, 150, 191.5, 192, 300], (height, width)).astype(np.float32)
    view = rng.integers(0, 40, (height, width, 3), dtype=np.uint8)
    truth = GroundTruth(
        disparity,
        rng.random((height, width)) < 0.8,
        occluded=rng.random((height, width)) < 0.2,
        foreground=rng.random((height, width)) < 0.1,
    )
    return Scene(StereoSample(view, view, truth), 128)


def _prediction(scene: Scene, seed: int, confidence: bool = False) -> Prediction:
    rng = np.random.default_rng(1000 + seed)
    shape = scene.truth.disparity.shape
    # Errors of all sizes, many of them equal: 0, tiny, at thresholds, beyond the coarse bins.
    error = rng.choice([0, 1e-6, 0.5, 1, 3, 3.25, 12, 5000], shape) + rng.random(shape) * (rng.random(shape) < 0.3)
    disparity = (scene.truth.disparity + error * rng.choice([-1, 1], shape)).astype(np.float32)
    return Prediction(
        disparity,
        rng.random(shape).astype(np.float32) if confidence else None,
        estimated=rng.random(shape) < 0.7,
    )


def _naive(prediction: Prediction, scene: Scene) -> Scores:
    scores: Scores = {}
    for protocol in EVERY:
        counts = protocol.mask(scene.truth)
        assert protocol.decide(counts, scene.truth) == "score"
        for name, region in REGIONS.items():
            mask = region.mask(scene)
            assert mask is not None
            inside = counts & mask
            sums = image_sums(select_pixels(prediction.disparity, scene.truth.disparity, inside, prediction.estimated))
            scores[protocol.name, name] = sums if inside.any() else None
    return scores


def _close(found: ImageSums | None, expected: ImageSums | None) -> bool:
    if found is None or expected is None:
        return found is expected
    # Sums of the same numbers in another order; all else is equal to the last digit.
    return found.pixels == expected.pixels and found.own == expected.own and found.sums == pytest.approx(expected.sums)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_the_cells_give_what_the_naive_twin_gives(seed: int) -> None:
    scene = _scene(seed)
    prediction = _prediction(scene, seed)
    found = score(prediction, scene, EVERY, {protocol.name: list(REGIONS) for protocol in EVERY}).scores
    expected = _naive(prediction, scene)
    assert set(found) == set(expected)
    assert [key for key, sums in found.items() if not _close(sums, expected[key])] == []


def test_regions_that_partition_add_up_to_the_whole() -> None:
    scene = _scene(1)
    found = score(_prediction(scene, 1), scene, EVERY, {protocol.name: list(REGIONS) for protocol in EVERY}).scores
    bins = [name for name in REGIONS if name.startswith("disparity_")]
    for protocol in PROTOCOLS:
        for parts in (["visible", "occluded"], bins, ["background", "foreground"]):
            sums = [part for name in parts if (part := found[protocol, name]) is not None]
            whole = found[protocol, "all"]
            assert whole is not None
            assert sum(part.pixels for part in sums) == whole.pixels
            for metric, value in whole.sums.items():
                assert sum(part.sums[metric] for part in sums) == pytest.approx(value, rel=1e-12)


def test_confidence_is_judged_on_the_whole_image_under_each_protocol() -> None:
    scene = _scene(2)
    regions = {protocol.name: ["all", "visible"] for protocol in EVERY}
    found = score(_prediction(scene, 2, confidence=True), scene, EVERY, regions).scores
    for (_, region), sums in found.items():
        assert sums is not None
        assert ("ause" in sums.own) == (region == "all")
    first = found["all", "all"]
    assert first is not None
    assert 0 < first.own["risk_50"] < 5001


def test_an_image_that_counts_as_zero_does_so_as_a_whole_and_a_region_it_lacks_leaves_it_out() -> None:
    disparity = np.full((8, 8), 500, np.float32)
    truth = GroundTruth(disparity, disparity > 0, occluded=disparity < 0)
    view = np.zeros((8, 8, 3), np.uint8)
    scene = Scene(StereoSample(view, view, truth))
    own = [PROTOCOLS["psmnet"], PROTOCOLS["igev"], PROTOCOLS["all"]]
    scored = score(
        Prediction(disparity + 1), scene, own, {protocol.name: ["all", "occluded", "beyond_range"] for protocol in own}
    )
    found = {key: None if sums is None else (sums.pixels, sums.metrics()["epe"]) for key, sums in scored.scores.items()}
    assert found == {
        ("psmnet", "all"): (0, 0),
        ("psmnet", "occluded"): None,
        ("igev", "all"): None,
        ("igev", "occluded"): None,
        ("all", "all"): (64, 1),
        ("all", "occluded"): None,
        **{(protocol.name, "beyond_range"): None for protocol in own},
    }
    assert (scored.missing, scored.occlusion) == (("beyond_range",), "the data set's mask")


def test_a_prediction_that_is_not_finite_where_any_protocol_counts_is_refused() -> None:
    scene = _scene(3)
    broken = np.where(scene.truth.disparity == 300, np.nan, scene.truth.disparity).astype(np.float32)
    with pytest.raises(StereoError, match=r"scene3: \d+ of \d+ errors are not finite"):
        score(Prediction(broken), scene, EVERY, {protocol.name: ["all"] for protocol in EVERY}, "scene3")
    # No protocol of the range looks there.
    score(Prediction(broken), scene, [PROTOCOLS["gwcnet"]], {"gwcnet": ["all"]})


def test_a_protocol_brings_its_own_regions() -> None:
    assert regions_of(PROTOCOLS["all"], []) == ["all"]
    assert regions_of(PROTOCOLS["middlebury"], ["edges"]) == ["all", "visible", "edges"]
    assert regions_of(PROTOCOLS["kitti2015"], []) == [
        "all",
        "visible",
        "background",
        "foreground",
        "visible_background",
        "visible_foreground",
    ]
