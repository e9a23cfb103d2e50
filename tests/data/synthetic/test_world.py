"""The procedural world is a pure function of seed, index and settings, dense, in range and varied; it has a version."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers import occluded_of, right_disparity_of, truth_of
from helpers.world import CLEAN, clean_pair

from stereo.config import DatasetConfig, ScenePreset, SyntheticConfig, with_overrides
from stereo.data.sample import StereoSample
from stereo.data.synthetic import WORLD_VERSION, SyntheticWorld, Window
from stereo.data.synthetic.streams import Purpose, canvas_stream, stream
from stereo.errors import ConfigError


def digest(pair: StereoSample) -> str:
    truth = truth_of(pair)
    parts = (pair.left, pair.right, truth.disparity, truth.valid, occluded_of(pair), right_disparity_of(pair))
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_a_sample_is_a_pure_function_of_seed_and_index() -> None:
    config = SyntheticConfig(seed=5, height=64, width=96, max_disparity=24)
    forwards = [digest(SyntheticWorld(config)[index]) for index in range(5)]
    np.random.seed(1)  # noqa: NPY002
    cv2.setRNGSeed(1)
    world = SyntheticWorld(config)
    assert [digest(world[index]) for index in reversed(range(5))] == forwards[::-1]
    code = (
        "import hashlib; from stereo.config import SyntheticConfig; from stereo.data.synthetic import SyntheticWorld\n"
        "s = SyntheticWorld(SyntheticConfig(seed=5, height=64, width=96, max_disparity=24))[3]\n"
        "t = s.truth\n"
        "p = (s.left, s.right, t.disparity, t.valid, t.occluded, t.disparity_right)\n"
        "print(hashlib.sha256(b''.join(a.tobytes() for a in p)).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert other.stdout.strip() == forwards[3]
    assert len(set(forwards)) == 5
    assert digest(SyntheticWorld(SyntheticConfig(seed=6, height=64, width=96, max_disparity=24))[3]) != forwards[3]


def test_photometric_changes_only_the_colors() -> None:
    pairs = [
        SyntheticWorld(SyntheticConfig(height=64, width=96, max_disparity=24, photometric=on))[2]
        for on in (True, False)
    ]
    for name in ("disparity", "occluded", "disparity_right"):
        one, other = (getattr(truth_of(pair), name) for pair in pairs)
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(pairs[0].left, pairs[1].left)


@pytest.mark.parametrize(
    "config",
    [
        SyntheticConfig(height=61, width=97),
        SyntheticConfig(height=64, width=96, min_objects=0, max_objects=0),
        SyntheticConfig(height=64, width=96, max_disparity=4),
        SyntheticConfig(height=32, width=32, max_disparity=192),
        SyntheticConfig(height=33, width=47, max_disparity=4, min_objects=50, max_objects=50),
    ],
    ids=["odd", "no objects", "disparity 4", "narrow", "crowded"],
)
def test_ground_truth_is_dense_and_in_range(config: SyntheticConfig) -> None:
    world = SyntheticWorld(config)
    for index in range(8):
        pair = world[index]
        assert pair.left.shape == (config.height, config.width, 3)
        assert pair.name == f"synthetic/0/{index:06d}"
        assert truth_of(pair).valid.all()
        for disparity in (truth_of(pair).disparity, right_disparity_of(pair)):
            assert np.isfinite(disparity).all()
            assert disparity.min() > 0
            assert disparity.max() < config.max_disparity


def test_disparity_is_sub_pixel_and_uses_its_range() -> None:
    pairs = [clean_pair(index) for index in range(24)]
    values = np.concatenate([truth_of(pair).disparity.ravel() for pair in pairs])
    assert np.mean(np.abs(values - np.round(values)) < 0.02) < 0.1
    largest = np.array([truth_of(pair).disparity.max() for pair in pairs]) / CLEAN.max_disparity
    assert np.mean(largest > 0.6) > 0.3
    assert largest.min() < 0.5
    assert 0.03 < np.mean([occluded_of(pair).mean() for pair in pairs]) < 0.4


def test_an_index_out_of_range() -> None:
    world = SyntheticWorld(SyntheticConfig(length=3))
    assert len(world) == 3
    whole = Window(0, 0, 256, 512)
    for index in (-1, 3):
        for ask in (world.__getitem__, world.source, world.annotated, lambda index: world.window(index, whole)):
            with pytest.raises(IndexError, match="of a synthetic world of 3"):
                ask(index)


def test_the_mixture_is_a_setting() -> None:
    roads = replace(CLEAN, mixture={"driving": 1.0})
    for index in range(4):
        np.testing.assert_array_equal(
            truth_of(SyntheticWorld(roads)[index]).disparity,
            truth_of(SyntheticWorld(replace(roads, mixture={"driving": 0.3, "flying": 0.0}))[index]).disparity,
        )
    assert not np.array_equal(truth_of(SyntheticWorld(roads)[0]).disparity, truth_of(clean_pair(0)).disparity)
    for wrong in ({"flying": -1.0}, {"indoors": 1.0}, {"flying": 0.0}, {}):
        with pytest.raises(ConfigError, match=r"synthetic\.mixture is"):
            SyntheticConfig(mixture=wrong)
    config = with_overrides(DatasetConfig(), ["synthetic.mixture.driving=0"]).synthetic
    assert dict(config.mixture) == {"flying": 0.4, "tabletop": 0.4, "driving": 0.0}


# ------------------------------------------------------------------------------------------------ streams and version


def test_no_two_purposes_share_a_stream_of_random_numbers() -> None:
    """Each stream has the numbers that version 3 of the world had, and no other stream has them."""
    assert stream(20, 7, Purpose.SCENE).random() == np.random.default_rng([20, 7]).random()
    for word, name in ((1, "DEFECTS"), (2, "MATERIALS"), (5, "DEFOCUS"), (7, "MISALIGNMENT")):
        assert stream(20, 7, Purpose[name]).random() == np.random.default_rng([20, 7, word]).random()
    assert canvas_stream(20, 96, 5).random() == np.random.default_rng([20, 96, 5, 6]).random()
    # Seeds and indices that are as small as the purposes, and the sides of canvases.
    words = (0, 1, 2, 5, 6, 7, 96)
    streams = [stream(seed, index, purpose) for seed in words for index in words for purpose in Purpose]
    streams += [canvas_stream(seed, side, number) for seed in words for side in (96, 192, 384) for number in words]
    first = [rng.random() for rng in streams]
    assert len(set(first)) == len(first)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed=-1", r"synthetic\.seed is -1, expected 0 … 4294967295"),
        ("seed=4294967296", r"synthetic\.seed is 4294967296, expected 0 … 4294967295"),
        ("length=0", r"synthetic\.length is 0, expected 1 … 4294967296"),
        ("length=4294967297", r"synthetic\.length is 4294967297, expected 1 … 4294967296"),
    ],
)
def test_seeds_and_indices_have_32_bits(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_overrides(DatasetConfig(), [f"synthetic.{setting}"])


def test_the_largest_seed_and_index_give_a_pair() -> None:
    config = SyntheticConfig(seed=2**32 - 1, length=2**32, height=32, width=32, max_objects=10, texture_bank=1)
    assert SyntheticWorld(config)[2**32 - 1].name == "synthetic/4294967295/4294967295"


# Means of the left view, of the right view and of disparity over a 2×4 grid, for three pairs. Another processor rounds
# differently, and may decide a pixel at a border differently, which moves these by far less than the tolerance. Other
# random numbers move them by tens.
FINGERPRINT: dict[int, list[list[float]]] = {
    3: [
        [
            125.11, 123.5, 120.11, 104.6, 118.69, 118.19, 124.96, 117.57,
            111.87, 111.14, 101.24, 93.18, 103.13, 104.56, 110.53, 104.12,
            3.65, 4.13, 3.97, 2.24, 3.41, 6.16, 12.95, 1.53,
        ],
        [
            98.13, 92.22, 116.4, 110.68, 121.29, 68.81, 85.21, 74.26,
            82.63, 107.53, 117.45, 108.31, 66.17, 79.52, 91.37, 57.14,
            28.42, 22.08, 23.12, 19.74, 40.34, 31.21, 36.33, 32.25,
        ],
        [
            66.7, 47.95, 66.11, 103.42, 53.74, 56.78, 59.07, 70.81,
            62.17, 44.56, 64.58, 103.05, 52.25, 54.73, 58.95, 77.36,
            7.26, 4.58, 2.07, 9.36, 15.39, 15.46, 15.38, 16.94,
        ],
    ]
}  # fmt: skip
# The same of four pairs of `broad`.
BROAD_FINGERPRINT: dict[int, list[list[float]]] = {
    3: [
        [
            68.6, 86.93, 78.83, 61.77, 70.43, 86.78, 76.3, 77.71,
            28.82, 36.9, 33.2, 26.03, 29.93, 36.85, 32.42, 32.59,
            1.4, 1.2, 1.47, 1.12, 1.81, 1.47, 2.08, 1.72,
        ],
        [
            55.7, 60.54, 29.16, 39.95, 61.38, 60.05, 43.17, 36.55,
            63.22, 47.16, 29.7, 40.52, 66.8, 51.26, 30.29, 55.02,
            5.53, 22.79, 10.03, 8.98, 26.17, 30.63, 33.37, 31.27,
        ],
        [
            102.29, 74.76, 89.32, 81.0, 107.81, 68.03, 79.05, 87.47,
            134.51, 95.12, 118.59, 106.76, 140.43, 88.63, 104.75, 115.04,
            2.18, 2.99, 3.41, 2.2, 2.65, 3.31, 2.76, 2.73,
        ],
        [
            73.87, 74.8, 85.85, 127.72, 112.77, 87.33, 93.81, 117.25,
            74.96, 73.37, 86.77, 128.91, 117.05, 81.52, 98.02, 124.42,
            10.1, 9.03, 3.22, 12.03, 15.86, 14.1, 12.64, 14.43,
        ],
    ]
}  # fmt: skip


def thumbnails(preset: ScenePreset, count: int) -> list[list[float]]:
    config = SyntheticConfig(seed=20, height=96, width=192, max_disparity=64, preset=preset)
    found = []
    for index in range(count):
        pair = SyntheticWorld(config)[index]
        maps = (pair.left.mean(2), pair.right.mean(2), truth_of(pair).disparity)
        found.append(
            [
                round(float(part.mean()), 2)
                for array in maps
                for rows in np.vsplit(array, 2)
                for part in np.hsplit(rows, 4)
            ]
        )
    return found


def test_the_version_of_the_world_is_that_of_its_pixels() -> None:
    """A change that moves them raises WORLD_VERSION, and puts the new fingerprint here."""
    np.testing.assert_allclose(thumbnails("mixed", 3), FINGERPRINT[WORLD_VERSION], atol=0.5)
    np.testing.assert_allclose(thumbnails("broad", 4), BROAD_FINGERPRINT[WORLD_VERSION], atol=0.5)
