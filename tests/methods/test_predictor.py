"""Any size in, the same size out, pixel for pixel."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import truth_of
from numpy.typing import NDArray
from torch import Tensor, nn

from stereo.checkpoint import load_checkpoint
from stereo.config import SyntheticConfig
from stereo.data.synthetic import SyntheticWorld
from stereo.errors import ConfigError, DataError, StereoError
from stereo.methods.predictor import Predictor
from stereo.methods.tiling import BAND_OVERLAP, bands


class _Output(NamedTuple):
    disparity: Tensor


class _FakeNetwork(nn.Module):
    """Gives x + 1000·y + the pixel's red value, of pixels that lie on a grid from (0, 0)."""

    stride = 16
    min_size = 32

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, left: Tensor, right: Tensor) -> _Output:
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.seen.append((left, right))
        height, width = left.shape[-2:]
        return _Output(torch.arange(width) + 1000.0 * torch.arange(height)[:, None] + 255 * left[:, 0])


def _image(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (64, 49), (79, 35), (48, 64)])
def test_the_crop_stands_where_the_image_stood(height: int, width: int) -> None:
    network = _FakeNetwork()
    left, right = _image(height, width), _image(height, width, seed=1)
    disparity = Predictor(network).predict(left, right)
    assert disparity.shape == (height, width)
    assert disparity.dtype == np.float32
    expected = np.arange(width) + 1000 * np.arange(height)[:, None] + left[..., 0]
    np.testing.assert_allclose(disparity, expected, atol=1e-2)

    for given, image in zip(network.seen[0], (left, right), strict=True):
        padded = given[0].permute(1, 2, 0).numpy() * 255
        assert padded.shape[0] % 16 == 0
        assert padded.shape[1] % 16 == 0
        edge = ((0, padded.shape[0] - height), (0, padded.shape[1] - width), (0, 0))
        np.testing.assert_allclose(padded, np.pad(image, edge, mode="edge"), atol=1e-4)


def test_read_only_and_mirrored_images_are_taken_and_left_alone() -> None:
    left, right = _image(40, 40), _image(40, 40, seed=1)
    left.flags.writeable = False
    before = right.copy()
    Predictor(_FakeNetwork()).predict(left, right[:, ::-1])
    np.testing.assert_array_equal(right, before)


def test_a_network_with_a_least_size_gets_it() -> None:
    network = _FakeNetwork()
    network.min_size = 256
    seen = []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[2:]))
    for height, width in ((40, 300), (256, 50), (33, 47)):
        assert Predictor(network).predict(_image(height, width), _image(height, width)).shape == (height, width)
    assert seen == [(256, 304), (256, 256), (256, 256)]


def test_training_mode_is_given_back() -> None:
    network = _FakeNetwork().train()
    Predictor(network).predict(_image(32, 32), _image(32, 32))
    assert network.training


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (_image(40, 50), _image(40, 51), "50×40 but the right one is 51×40"),
        (_image(31, 50), _image(31, 50), "50×31 .* 32 px or more"),
        (_image(40, 50)[..., 0], _image(40, 50), "the left image is uint8 .40, 50., expected RGB"),
        (_image(40, 50), _image(40, 50).astype(np.float32), "the right image is float32"),
    ],
)
def test_a_pair_that_cannot_be_taken_is_named(left: NDArray[np.uint8], right: NDArray[np.uint8], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Predictor(_FakeNetwork()).predict(left, right)


def test_running_out_of_memory_is_one_clear_line() -> None:
    class Greedy(_FakeNetwork):
        def forward(self, left: Tensor, right: Tensor) -> _Output:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.67 TiB")

    with pytest.raises(DataError, match=r"50×40 .* does not fit into the memory of cpu"):
        Predictor(Greedy()).predict(_image(40, 50), _image(40, 50))


def test_broken_weights_are_not_passed_off_as_a_result() -> None:
    class Broken(_FakeNetwork):
        def forward(self, left: Tensor, right: Tensor) -> _Output:
            return _Output(left[:, 0] * float("nan"))

    with pytest.raises(StereoError, match="not finite for a pair of 50×40"):
        Predictor(Broken()).predict(_image(40, 50), _image(40, 50))


@pytest.mark.parametrize(("height", "rows"), [(129, 128), (300, 128), (1000, 200), (1080, 256), (193, 128)])
def test_bands_cover_the_image_and_overlap(height: int, rows: int) -> None:
    found = bands(height, rows)
    assert found[0][0] == 0
    assert found[-1][1] == height
    for (_, bottom), (top, _) in itertools.pairwise(found):
        assert bottom - top >= BAND_OVERLAP
    assert {bottom - top for top, bottom in found} == {rows}


class _LocalNetwork(_FakeNetwork):
    def forward(self, left: Tensor, right: Tensor) -> _Output:
        return _Output(100 * F.avg_pool2d(left[:, :1], 31, stride=1, padding=15)[:, 0])


def test_bands_of_a_local_network_are_the_whole() -> None:
    """A network that reaches 15 rows: no seam at all."""
    left, right = _image(304, 50), _image(304, 50)
    whole = Predictor(_LocalNetwork()).predict(left, right)
    banded = Predictor(_LocalNetwork(), band_rows=128).predict(left, right)
    np.testing.assert_allclose(banded, whole, atol=1e-5)


def test_bands_of_the_shipped_network_leave_no_seam() -> None:
    """Its attention sees each band alone, so the result is another; but not more so at the seams than elsewhere."""
    scene = SyntheticWorld(
        SyntheticConfig(seed=5, height=288, width=192, max_disparity=48, min_objects=6, max_objects=8)
    )[0]
    network = load_checkpoint(max_disparity=64).network
    whole = Predictor(network).predict(scene.left, scene.right)
    banded = Predictor(network, band_rows=160).predict(scene.left, scene.right)
    errors = [
        np.abs(disparity - truth_of(scene).disparity)[truth_of(scene).valid].mean() for disparity in (whole, banded)
    ]
    assert errors[1] < 1.2 * errors[0] + 0.05
    change = np.abs(np.diff(banded - whole, axis=0)).mean(axis=1)  # what banding adds to the step from row to row
    assert change[128:160].mean() < 0.1


def test_bands_that_are_too_low_are_refused() -> None:
    with pytest.raises(ConfigError, match="bands of 100 rows are too low, expected 128 or more"):
        Predictor(_FakeNetwork(), band_rows=100)
