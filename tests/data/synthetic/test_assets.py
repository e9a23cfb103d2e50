"""Patterns, shapes and canvases."""

import numpy as np
import pytest

from stereo.data.synthetic.assets import patterns, shapes
from stereo.data.synthetic.assets.canvases import make_canvas


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
