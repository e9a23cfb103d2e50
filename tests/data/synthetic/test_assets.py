"""Patterns, shapes and canvases."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from stereo.data.formats import write_image
from stereo.data.synthetic.assets import patterns, shapes
from stereo.data.synthetic.assets.canvases import make_canvas
from stereo.data.synthetic.assets.photographs import crop_of_photograph


def test_patterns_are_flat_and_strong() -> None:
    def contrast(name: str) -> float:
        images = (patterns.make_pattern(np.random.default_rng(seed), 96, 96, name) for seed in range(12))
        # The upper quartile of mean gray levels from one texel to the next.
        return float(np.quantile([np.abs(np.diff(image, axis=1)).mean() for image in images], 0.75))

    found = {name: contrast(name) for name in patterns.PATTERNS}
    assert found[patterns.FLAT] < 1.5
    assert sum(value > 4 for value in found.values()) >= 6
    assert max(found.values()) > 7


@pytest.mark.parametrize("name", patterns.PATTERNS)
def test_patterns_of_any_size(name: str) -> None:
    for height, width in ((48, 48), (48, 200), (200, 49)):
        image = patterns.make_pattern(np.random.default_rng(height), height, width, name)
        assert image.shape == (height, width, 3)
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 255


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_shapes_of_any_size(name: str) -> None:
    covered = []
    for seed, (height, width) in enumerate([(12, 12), (12, 200), (200, 13), (150, 120), (90, 160)] * 3):
        coverage = shapes.make_shape(np.random.default_rng(seed), height, width, 1.3, name)
        assert coverage.shape == (height, width)
        assert coverage.dtype == np.uint8
        assert not coverage[[0, 1, -2, -1]].any()
        assert not coverage[:, [0, 1, -2, -1]].any()
        covered.append((coverage > 127).mean())
    assert 0.005 < np.mean(covered) < 0.95


def test_canvases_are_kept_and_differ_by_seed_number_and_side() -> None:
    canvas = make_canvas(3, 96, 7)
    assert canvas is make_canvas(3, 96, 7)
    assert not canvas.flags.writeable
    assert canvas.shape == (96, 96, 4)
    assert make_canvas(3, 192, 7).shape == (192, 192, 4)
    for other in (make_canvas(4, 96, 7), make_canvas(3, 96, 8), make_canvas(3, 192, 7)[:96, :96]):
        assert not np.array_equal(canvas, other)


@pytest.mark.parametrize("side", [180, 36], ids=["enlarged", "shrunk"])
def test_a_crop_of_a_photograph_is_a_part_of_it_resized_and_mirrored_or_not(tmp_path: Path, side: int) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (90, 130, 3)).astype(np.uint8)
    write_image(tmp_path / "picture.png", picture)
    mirrored = 0
    for seed in range(8):
        found = crop_of_photograph(np.random.default_rng(seed), str(tmp_path), side, side)
        rng = np.random.default_rng(seed)
        rng.integers(1)  # which picture
        length = max(2, round(side * (90 / side * np.exp(rng.uniform(np.log(1 / 3), 0)))))
        top, left = (int(rng.integers(size - length + 1)) if length < size else 0 for size in (90, 130))
        crop = picture[top : top + length, left : left + length]
        if rng.random() < 0.5:
            crop, mirrored = crop[:, ::-1], mirrored + 1
        way = cv2.INTER_AREA if length > side else cv2.INTER_LINEAR
        np.testing.assert_array_equal(found, cv2.resize(np.ascontiguousarray(crop), (side, side), interpolation=way))
    assert 0 < mirrored < 8
