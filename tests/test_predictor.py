"""Any size in, the same size out, pixel for pixel."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stereo.errors import DataError, StereoError
from stereo.predictor import Predictor


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
