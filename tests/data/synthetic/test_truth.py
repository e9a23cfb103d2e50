"""The ground truth of the procedural world is true: by warping, by the two disparity maps, and in space."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import occluded_of, right_disparity_of, truth_of, with_truth
from helpers.world import CLEAN, SCENES, clean_pair, grid, inside_surfaces, scene_of, warp_error
from numpy.typing import NDArray

from stereo.config import ScenePreset, SyntheticConfig
from stereo.data.sample import Calibration, Map
from stereo.data.synthetic import SyntheticWorld, Window
from stereo.data.synthetic.truth import judge
from stereo.errors import DataError

Array = NDArray[Any]


def test_the_right_view_warped_by_the_disparity_is_the_left_view() -> None:
    inside, visible, scaled, shifted = [], [], [], []
    for index in SCENES:
        pair = clean_pair(index)
        disparity, mask = truth_of(pair).disparity, inside_surfaces(pair)
        inside.append(warp_error(pair, mask))
        visible.append(warp_error(pair, ~occluded_of(pair)))
        scaled.append(warp_error(pair, mask, disparity * np.float32(0.9)))
        shifted.append(warp_error(pair, mask, disparity + np.float32(1)))
    assert max(inside) < 1.0
    assert np.mean(inside) < 0.5
    assert np.mean(visible) < 1.5
    assert np.mean(scaled) > 4 * np.mean(inside)
    assert np.mean(shifted) > 3 * np.mean(inside)
    assert all(wrong > right for wrong, right in zip(shifted, inside, strict=True))


def test_occlusion_agrees_with_the_two_disparity_maps() -> None:
    found = [judge(clean_pair(index)) for index in SCENES]
    assert sum(truth.both for truth in found) / sum(truth.either for truth in found) > 0.99
    assert np.mean([truth.decided for truth in found]) > 0.98


def at_match(right: Map, disparity: Map) -> Map:
    """Return a map of the right view, read at x − disparity; very large outside the view."""
    x, y = grid(*disparity.shape)
    seen = cv2.remap(right, x - disparity, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(1e6,) * 3)
    return np.asarray(seen, np.float32)


def test_visible_pixels_have_one_disparity_in_both_views() -> None:
    for index in SCENES:
        pair = clean_pair(index)
        seen = at_match(right_disparity_of(pair), truth_of(pair).disparity)
        difference = np.abs(seen - truth_of(pair).disparity)[inside_surfaces(pair)]
        assert np.median(difference) < 1e-3
        assert np.quantile(difference, 0.95) < 0.05


# ------------------------------------------------------------------------------------------------------- in space


def to_space(calibration: Calibration, columns: Array, rows: Array, disparity: Array) -> Array:
    """Return the points [N, 3] that pixels show: Z = f · baseline / d, X = (x − cx) Z / f, Y = (y − cy) Z / f."""
    assert calibration.cx is not None
    assert calibration.cy is not None
    depth = calibration.focal_length * calibration.baseline / disparity
    across, down = columns - calibration.cx, rows - calibration.cy
    return np.stack([across * depth / calibration.focal_length, down * depth / calibration.focal_length, depth], -1)


def worst_cosine(config: SyntheticConfig, window: Window, beside: tuple[float, float]) -> float:
    """Return the largest |cosine| between faces of one block, in several scenes; each is a plane fitted to its points.

    beside: Moves the pixels, and so the principal point, by this many columns and rows.
    """
    cosines = [0.0]
    for index in range(6):
        sample, object_id, _ = SyntheticWorld(config).annotated(index, window)
        assert sample.calibration is not None
        for number, layer in enumerate(scene_of(config, index).layers):
            rows, columns = np.nonzero(object_id == number)
            if len(layer.surface.planes) < 3 or rows.size == 0:  # only blocks have three faces
                continue
            disparity = truth_of(sample).disparity[rows, columns].astype(np.float64)
            points = to_space(sample.calibration, columns + beside[0], rows + beside[1], disparity)
            face = layer.surface.face(columns + float(window.left), rows + float(window.top))
            parts = [part for part in (points[face == plane] for plane in range(3)) if len(part) > 60]
            normals = [np.linalg.lstsq(part, np.ones(len(part)), rcond=None)[0] for part in parts]
            normals = [normal / np.linalg.norm(normal) for normal in normals]
            cosines += [abs(float(one @ other)) for one, other in combinations(normals, 2)]
    return max(cosines)


@pytest.mark.parametrize("window", [Window(0, 0, 128, 256), Window(31, 70, 64, 120)], ids=["frame", "window"])
def test_the_faces_of_blocks_are_perpendicular_by_the_calibration_of_the_sample(window: Window) -> None:
    """Pixel centers lie at whole numbers: half a pixel beside the calibration's principal point, they are not."""
    config = replace(CLEAN, preset="flying")
    assert worst_cosine(config, window, (0, 0)) < 1e-5
    for beside in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)):
        assert worst_cosine(config, window, beside) > 5e-4


# ------------------------------------------------------------------------------------------------------- judging


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["flying", "tabletop", "driving", "rooms", "dense", "terrain"])
def test_every_preset_is_true(preset: ScenePreset) -> None:
    """scripts/benchmark_world.py measures the same over 500 scenes."""
    config = SyntheticConfig(seed=77, preset=preset, photometric=False, materials=0.0)
    found = [judge(SyntheticWorld(config)[index]) for index in range(40)]
    assert np.mean([truth.warp for truth in found]) <= 1.5
    assert sum(truth.both for truth in found) / sum(truth.either for truth in found) >= 0.98
    assert np.mean([truth.decided for truth in found]) > 0.98


def test_a_false_ground_truth_is_told() -> None:
    pair = clean_pair(3)
    true, either = judge(pair), judge(with_truth(pair, occluded=np.roll(occluded_of(pair), 2, axis=1)))
    assert true.both / true.either > 0.98
    assert either.both / either.either < 0.9
    shifted = with_truth(pair, disparity=truth_of(pair).disparity + np.float32(1))
    assert judge(shifted).warp > 1.5 * true.warp


def test_a_pair_that_cannot_be_judged() -> None:
    pair = clean_pair(3)
    for lacking in (with_truth(pair, occluded=None), with_truth(pair, disparity_right=None)):
        with pytest.raises(DataError, match="judging it needs the occluded pixels and the right view's disparity"):
            judge(lacking)
    with pytest.raises(DataError, match="has no ground truth, which judging it needs"):
        judge(replace(pair, truth=None))
