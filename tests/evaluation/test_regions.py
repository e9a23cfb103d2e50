"""Where each region lies, worked out by hand on rows of a few pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from helpers import SHARED, textured_sample, truth_of

from stereo.config import DatasetConfig, SyntheticConfig
from stereo.data.datasets import build_dataset
from stereo.data.sample import GroundTruth, Map, Mask, StereoSample
from stereo.data.synthetic import SyntheticWorld
from stereo.evaluation.regions import REGIONS, Scene, occluded_by_both, occluded_by_left, textureless


def _truth(rows: Sequence[Sequence[float]], **known: Any) -> GroundTruth:
    disparity = np.array(rows, np.float32)
    valid = known.pop("valid", None)
    return GroundTruth(disparity, disparity != 0 if valid is None else np.array(valid, bool), **known)


def _scene(truth: GroundTruth, max_disparity: int | None = None) -> Scene:
    view = np.zeros((*truth.disparity.shape, 3), np.uint8)
    return Scene(StereoSample(view, view, truth), max_disparity)


def _row(name: str, scene: Scene) -> list[int]:
    mask = REGIONS[name].mask(scene)
    assert mask is not None
    return mask[0].astype(int).tolist()


# A surface of 3 px in columns 3 to 5 before one of 1 px: columns 1 and 2 of the right view see the front, which hides
# columns 2 and 3 … of the left view there.
STEP = [[1, 1, 1, 3, 3, 3, 1, 1]]


def test_what_the_left_view_alone_says() -> None:
    # x − d of the columns is −1, 0, 1, 0, 1, 2, 5 and 6: columns 1 and 2 are hidden by 3 and 4, column 0 is outside.
    assert occluded_by_left(_truth(STEP)).astype(int).tolist() == [[1, 1, 1, 0, 0, 0, 0, 0]]


def test_what_is_not_known_is_not_occluded_and_hides_nothing() -> None:
    truth = _truth(STEP, valid=[[1, 1, 1, 1, 0, 1, 1, 0]])
    assert occluded_by_left(truth).astype(int).tolist() == [[1, 1, 0, 0, 0, 0, 0, 0]]


def test_a_disparity_below_0_is_hidden_by_what_lies_before_it_alone() -> None:
    # Some protocols count them. x − d of the columns is 2, 3, 4, 4 and 4: columns 2 and 3 have something before them.
    assert occluded_by_left(_truth([[-2, -2, -2, -1, 0.5]])).astype(int).tolist() == [[0, 0, 1, 1, 0]]
    assert occluded_by_left(_truth([[-2, -2, -2, 9, 9, 9]])).astype(int).tolist() == [[0, 0, 0, 1, 1, 1]]


def test_both_disparities_decide_where_the_right_one_is_known() -> None:
    # The right view as the step above gives it; its columns 3 and 4 see what the left view does not.
    right = np.array([[3, 3, 3, 1, 1, 1, 1, 1]], np.float32)
    assert occluded_by_both(_truth(STEP), right).astype(int).tolist() == [[1, 1, 1, 0, 0, 0, 0, 0]]
    # Where the right disparity is not known, the left view alone decides: column 0 of the right view is column 3.
    unknown = right.copy()
    unknown[0, :3] = 0
    assert occluded_by_both(_truth(STEP), unknown).astype(int).tolist() == [[1, 1, 1, 0, 0, 0, 0, 0]]
    # A right view that shows the far surface there says that the left pixel is visible.
    far = np.ones((1, 8), np.float32)
    assert occluded_by_both(_truth(STEP), far).astype(int).tolist() == [[1, 0, 0, 1, 1, 1, 0, 0]]


def test_fractions_of_a_pixel_take_either_neighbor() -> None:
    disparity, right = np.full((1, 6), 1.5, np.float32), np.array([[9, 1.5, 9, 1.5, 9, 9]], np.float32)
    # x − d is −1.5, −0.5, 0.5, 1.5, 2.5 and 3.5.
    assert occluded_by_both(GroundTruth(disparity, disparity > 0), right).astype(int).tolist() == [[1, 1, 0, 0, 0, 0]]


def test_the_data_sets_own_mask_comes_first_and_the_source_is_named() -> None:
    right = np.ones((1, 8), np.float32)
    mask: Mask = np.zeros((1, 8), bool)
    cases = {
        "the data set's mask": _truth(STEP, occluded=mask, disparity_right=right),
        "both views' disparities": _truth(STEP, disparity_right=right),
        "left-right consistency of the left view's disparity alone": _truth(STEP),
    }
    for source, truth in cases.items():
        assert _scene(truth).occlusion[1] == source
    assert _row("visible", _scene(cases["the data set's mask"])) == [1] * 8


def test_the_procedural_worlds_own_mask_agrees_with_both_derived_ones() -> None:
    sample = SyntheticWorld(SyntheticConfig(height=96, width=160, max_disparity=32))[0]
    truth = sample.require_truth("this test")
    assert truth.occluded is not None
    assert truth.disparity_right is not None
    share = truth.occluded.mean()
    for found in (occluded_by_both(truth, truth.disparity_right), occluded_by_left(truth)):
        assert (found & truth.occluded).sum() / (found | truth.occluded).sum() > 0.8
        assert abs(found.mean() - share) < 0.03


def test_edges_reach_3_px_from_a_jump_of_more_than_2_px() -> None:
    row = [10.0] * 8 + [12.0] * 8  # no more than 2 px
    assert _row("edges", _scene(_truth([row]))) == [0] * 16
    row = [10.0] * 8 + [12.5] * 8
    assert _row("edges", _scene(_truth([row]))) == [0] * 4 + [1] * 8 + [0] * 4
    # Pixels 7 and 8 are at the jump; a jump to what is not known is none.
    assert _scene(_truth([row])).edge_distance[0].tolist() == pytest.approx([*range(7, 0, -1), 0, 0, *range(1, 8)])
    valid = [[1] * 8 + [0] + [1] * 7]
    assert _row("edges", _scene(_truth([row], valid=valid))) == [0] * 16
    # Up and down, and round corners: the distance is Euclidean.
    square = np.full((9, 9), 10, np.float32)
    square[4, 4] = 20
    distance = _scene(GroundTruth(square, square > 0)).edge_distance
    assert (distance[4, 3], distance[3, 3], distance[1, 4]) == pytest.approx((0, 1, 2))


def _gray(levels: Map) -> StereoSample:
    view = np.repeat(levels[..., None], 3, axis=2).astype(np.uint8)
    return StereoSample(view, view)


def test_textureless_is_a_mean_squared_gradient_below_16() -> None:
    for step, expected in ((0, True), (3, True), (4, False), (9, False)):
        ramp = np.tile(np.arange(10) * step + 5, (5, 1)).astype(np.float32)
        assert (textureless(_gray(ramp)) == expected).all()
    # One vertical edge of 11 levels: 121 on three of nine pixels of a window is 40, on none is 0.
    edge = np.where(np.arange(10) < 5, 50, 61)[None].repeat(5, axis=0).astype(np.float32)
    assert textureless(_gray(edge))[2].astype(int).tolist() == [1, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    # Horizontal edges are no texture along the rows.
    assert textureless(_gray(edge.T)).all()
    # A single column has no neighbors to differ from.
    assert textureless(_gray(edge[:, :1])).all()


def test_the_left_border_is_what_the_right_view_does_not_reach() -> None:
    assert _row("left_border", _scene(_truth([[3, 3, 3, 3, 3]]))) == [1, 1, 1, 0, 0]


def test_bins_of_disparity_are_half_open_and_leave_no_gap() -> None:
    values = [-5, 0.5, 15.9, 16, 31, 32, 64, 128, 191.9, 192, 500]
    scene = _scene(_truth([values]))
    found = {name: _row(name, scene) for name in REGIONS if name.startswith("disparity_")}
    assert found == {
        "disparity_0_16": [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        "disparity_16_32": [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0],
        "disparity_32_64": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
        "disparity_64_128": [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
        "disparity_128_192": [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0],
        "disparity_192_up": [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
    }
    assert np.sum(list(found.values()), axis=0).tolist() == [1] * len(values)


def test_beyond_the_range_depends_on_the_method() -> None:
    truth = _truth([[10, 63.9, 64, 100]])
    assert _row("beyond_range", _scene(truth, 64)) == [0, 0, 1, 1]
    assert REGIONS["beyond_range"].mask(_scene(truth)) is None


def test_moving_objects_are_known_where_the_data_set_says_so() -> None:
    foreground = np.array([[1, 1, 0, 0]], bool)
    occluded = np.array([[1, 0, 1, 0]], bool)
    scene = _scene(_truth([[1, 1, 1, 1]], foreground=foreground, occluded=occluded))
    found = {name: _row(name, scene) for name in REGIONS if name.endswith("ground")}
    assert found == {
        "background": [0, 0, 1, 1],
        "foreground": [1, 1, 0, 0],
        "visible_background": [0, 0, 0, 1],
        "visible_foreground": [0, 1, 0, 0],
    }
    assert REGIONS["foreground"].mask(_scene(_truth([[1, 1, 1, 1]]))) is None


def test_every_region_of_a_pair_has_its_shape() -> None:
    sample = textured_sample(32, 48, 5)
    for name, region in REGIONS.items():
        mask = region.mask(Scene(sample, 64))
        assert name.endswith("ground") if mask is None else (mask.shape, mask.dtype) == ((32, 48), bool)


def test_what_the_left_view_alone_says_agrees_with_middleburys_masks() -> None:
    folder = SHARED / "real" / "middlebury2014"
    if not folder.is_dir():
        pytest.skip(f"needs the real pairs in {folder}")
    dataset = build_dataset(DatasetConfig("middlebury2014", str(folder)))
    for index in range(0, len(dataset), 3):
        truth = truth_of(dataset[index])
        assert truth.occluded is not None
        found, mask = occluded_by_left(truth) & truth.valid, truth.occluded & truth.valid
        assert (found & mask).sum() / (found | mask).sum() > 0.8  # 0.82 to 0.92 when this was written
