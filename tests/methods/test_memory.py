"""How much a network needs, and the tiles that follow from it."""

import numpy as np
import pytest
import torch
from helpers import textured_sample, tiny_model

from stereo.errors import ConfigError, DataError
from stereo.methods.memory import Need, parse_memory, tensor_bytes
from stereo.methods.predictor import Predictor
from stereo.methods.tiling import BAND_OVERLAP, bands, fitting_tile
from stereo.model.network import StereoNetwork


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("800 mb", 8 * 10**8), ("3.5GiB", 3.5 * 2**30), ("2000000000", 2 * 10**9)]
)
def test_a_size_is_read_with_its_unit(text: str, size: float) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "4", "much", "-4GB", "4TB", "0.1GB0"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a size such as 4GB"):
        parse_memory(text)


def test_the_tensors_held_at_one_time_are_counted() -> None:
    def work() -> torch.Tensor:
        first = torch.zeros(1000)  # 4,000 bytes
        view = first[:10]
        second = first + 1
        del first, view  # the view alone keeps no more than the whole
        third = second.reshape(10, 100).double()  # 8,000 bytes, beside the second
        del second
        return third + 1  # 8,000 more, the second gone

    assert tensor_bytes(work) == 16_000


def test_what_is_held_anyway_leaves_less_for_tiles() -> None:
    need = Need(at_first=1000, per_pixel=100, per_image_pixel=10)
    assert need.pixels_within(24_000, 1, 0) == 200  # 23,000 of which a workspace takes 15 % more
    assert need.pixels_within(24_000, 2, 0) == 100
    assert need.pixels_within(24_000, 1, 2300) == 0


@pytest.mark.parametrize(("height", "width"), [(1000, 1500), (3000, 400), (4320, 7680), (129, 200)])
@pytest.mark.parametrize("pixels", [128 * 336, 400_000, 10**7])
def test_tiles_fit_and_cover_the_image(height: int, width: int, pixels: int) -> None:
    found = fitting_tile(height, width, pixels, 192, 16)
    assert found is not None
    rows, columns = found
    assert (-(-rows // 16) * 16) * (-(-columns // 16) * 16) <= pixels
    assert rows >= min(128, height)
    assert columns >= min(320, width)
    assert bands(width, columns, BAND_OVERLAP + 192)[-1][1] == width
    if height * width < pixels / 2:
        assert found == (height, width)


def test_no_tile_is_smaller_than_the_overlaps_allow() -> None:
    assert fitting_tile(1000, 1000, 100 * 320, 192, 16) is None


def test_the_predictor_takes_tiles_only_where_the_limit_asks_for_them() -> None:
    sample = textured_sample(160, 400, 6)
    network = StereoNetwork(tiny_model())
    whole = Predictor(network).predict_sample(sample)
    roomy = Predictor(network, max_memory=10**11).predict_sample(sample)
    np.testing.assert_array_equal(roomy.disparity, whole.disparity)
    tight = Predictor(network, max_memory=10**9)
    tight._tiles._need = Need(at_first=0, per_pixel=10**9 / (1.15 * 200 * 200), per_image_pixel=0)
    # Two tiles of 248 columns, 256 when padded, are too large for 40,000 px; three of 198 are not.
    assert tight.predict_sample(sample).ran_at == (160, 208)
    with pytest.raises(DataError, match=r"400×160 .* does not fit into 0\.00[0-9]+ GB.*least tile is 160×128"):
        Predictor(network, max_memory=2 * 10**6).predict_sample(sample)


def test_pairs_of_one_size_are_predicted_at_once_as_one_by_one() -> None:
    samples = [textured_sample(40, 70, 6, seed) for seed in range(3)]
    network = StereoNetwork(tiny_model())
    seen: list[int] = []
    network.register_forward_pre_hook(lambda _, views: seen.append(len(views[0])))
    predictor = Predictor(network, confidence=True, right=True)
    together = predictor.predict_samples(samples)
    assert seen == [3]
    for sample, found in zip(samples, together, strict=True):
        alone = predictor.predict_sample(sample)
        for name in ("disparity", "confidence", "disparity_right"):
            np.testing.assert_allclose(getattr(found, name), getattr(alone, name), atol=1e-3)
        assert found.ran_at == alone.ran_at == (48, 80)
