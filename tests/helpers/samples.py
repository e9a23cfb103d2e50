"""Comparing samples, whatever they are made of."""

from dataclasses import fields

import numpy as np

from stereo.data.sample import GroundTruth, StereoSample


def assert_same(one: StereoSample, other: StereoSample) -> None:
    """Both are equal: name, calibration, views, and all that is known, to the last bit and type."""
    assert (one.name, one.calibration, one.truth is None) == (other.name, other.calibration, other.truth is None)
    pairs = [(one.left, other.left), (one.right, other.right)]
    if one.truth is not None and other.truth is not None:
        pairs += [(getattr(one.truth, field.name), getattr(other.truth, field.name)) for field in fields(GroundTruth)]
    for first, second in pairs:
        assert (first is None) == (second is None)
        if first is not None:
            assert first.dtype == second.dtype
            np.testing.assert_array_equal(first, second)
