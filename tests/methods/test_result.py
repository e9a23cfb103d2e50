"""What a call of the predictor gives: one result or a list, and what follows from it with a calibration."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as PilImage
from torch import Tensor, nn

from stereo.data.formats import read_disparity, write_image
from stereo.data.sample import Calibration
from stereo.errors import DataError
from stereo.methods.predictor import Predictor
from stereo.methods.result import StereoResult

CALIBRATION = Calibration(100.0, 0.1, cx=20.0, cy=16.0)
RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.integers(0, 256, (2, 3, 32, 40, 3), dtype=np.uint8)  # [N, H, W, 3] each


class _Output(NamedTuple):
    disparity: Tensor
    confidence: Tensor | None


class _Network(nn.Module):
    """Gives 1 px + the left red value, and the right red value / 255 as confidence."""

    stride, min_size, max_disparity = 16, 32, 256

    def forward(self, left: Tensor, right: Tensor, with_confidence: bool = False) -> _Output:
        return _Output(1 + 255 * left[:, 0], right[:, 0] if with_confidence else None)


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(_Network(), confidence=True)


def test_one_pair_gives_one_result(predictor: Predictor) -> None:
    result = predictor(LEFT[0], RIGHT[0])
    assert isinstance(result, StereoResult)
    np.testing.assert_array_equal(result.left, LEFT[0])
    np.testing.assert_array_equal(result.disparity, predictor.predict(LEFT[0], RIGHT[0]))
    assert result.confidence is not None
    np.testing.assert_allclose(result.confidence, RIGHT[0, ..., 0] / 255, atol=1e-6)
    assert Predictor(_Network())(LEFT[0], RIGHT[0]).confidence is None


def tensors(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


BATCHES: dict[str, tuple[Any, Any]] = {
    "arrays": (LEFT, RIGHT),
    "list of arrays": (list(LEFT), list(RIGHT)),
    "tuple of tensors": (tuple(tensors(LEFT)), tuple(tensors(RIGHT))),
    "tensors": (tensors(LEFT), tensors(RIGHT)),
    "tensors of 0 … 1": (tensors(LEFT) / 255, tensors(RIGHT) / 255),
    "tensors, color last": (torch.from_numpy(LEFT), torch.from_numpy(RIGHT)),
    "PIL and arrays": ([PilImage.fromarray(image) for image in LEFT], RIGHT),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_a_batch_gives_the_results_of_its_pairs(predictor: Predictor, kind: str) -> None:
    results = predictor(*BATCHES[kind])
    assert len(results) == len(LEFT)
    for result, left, right in zip(results, LEFT, RIGHT, strict=True):
        np.testing.assert_array_equal(result.left, left)
        np.testing.assert_array_equal(result.disparity, predictor.predict(left, right))


def test_pairs_of_a_list_may_differ_in_size(predictor: Predictor, tmp_path: Path) -> None:
    write_image(tmp_path / "left.png", LEFT[0])
    results = predictor([tmp_path / "left.png", LEFT[1, :, :33]], [RIGHT[0], RIGHT[1, :, :33]])
    assert [result.disparity.shape for result in results] == [(32, 40), (32, 33)]
    assert predictor(LEFT[:1], RIGHT[:1])[0].disparity.shape == (32, 40)
    assert predictor([], []) == []


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (LEFT, RIGHT[:2], "the left is a batch of 3 but the right is a batch of 2"),
        (LEFT, RIGHT[0], "the left is a batch of 3 but the right is one image; expected one pair, or as many"),
        (list(LEFT), [RIGHT[0], RIGHT[1, :31], RIGHT[2]], "pair 1 of the batch: the left image is 40×32 but"),
        ([None], [None], "pair 0 of the batch: the left image is of type NoneType"),
    ],
)
def test_a_batch_that_cannot_be_taken(predictor: Predictor, left: Any, right: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        predictor(left, right)


def test_depth_and_points_of_a_result() -> None:
    disparity = np.full((3, 4), 5, np.float32)
    confidence = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    result = StereoResult(LEFT[0, :3, :4], disparity, confidence)
    np.testing.assert_array_equal(result.depth(CALIBRATION), np.full((3, 4), 2, np.float32))
    cloud = result.point_cloud(CALIBRATION, min_confidence=0.5)
    np.testing.assert_allclose(cloud.points[0], [(2 - 20) / 50, (1 - 16) / 50, 2], rtol=1e-6)
    np.testing.assert_array_equal(cloud.colors, LEFT[0, :3, :4].reshape(12, 3)[6:])
    assert len(result.point_cloud(CALIBRATION, max_depth=1.9)) == 0
    with pytest.raises(DataError, match=r"min_confidence is 0.5, but there is no confidence; .*confidence=True"):
        StereoResult(LEFT[0, :3, :4], disparity).point_cloud(CALIBRATION, min_confidence=0.5)


def test_a_result_is_saved(predictor: Predictor, tmp_path: Path) -> None:
    result = predictor(LEFT[0], RIGHT[0])
    assert set(result.save(tmp_path / "new")) == {path.name for path in (tmp_path / "new").iterdir()}
    stored, valid = read_disparity(tmp_path / "new" / "disparity.pfm")
    assert valid.all()
    np.testing.assert_array_equal(stored, result.disparity)
