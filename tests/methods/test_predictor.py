"""Any size in, the same size out, pixel for pixel."""

import itertools
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import right_disparity_of, textured_sample, tiny_model, truth_of
from numpy.typing import NDArray
from torch import Tensor, nn

from stereo.checkpoint import DEFAULT_WEIGHTS, find_weights
from stereo.config import AttentionConfig, SyntheticConfig
from stereo.data.formats import write_image
from stereo.data.sample import StereoSample
from stereo.data.synthetic import SyntheticWorld
from stereo.errors import ConfigError, DataError, StereoError
from stereo.methods.labels import wider_range
from stereo.methods.predictor import Predictor
from stereo.methods.tiling import BAND_OVERLAP, bands
from stereo.model.attention.base import Attention
from stereo.model.network import StereoNetwork


class _Output(NamedTuple):
    disparity: Tensor
    confidence: Tensor | None = None
    disparity_right: Tensor | None = None


class _FakeNetwork(nn.Module):
    """Gives x + 1000·y + the pixel's red value, of pixels that lie on a grid from (0, 0)."""

    stride = 16
    min_size = 32
    max_disparity = 192

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


def test_a_graph_may_need_wide_images_without_need_of_high_ones() -> None:
    network = _FakeNetwork()
    network.min_width = 208  # type: ignore[assignment]
    prediction = Predictor(network).predict_sample(textured_sample(40, 100, 3))
    assert prediction.ran_at == (48, 208)


def test_a_pair_has_one_padding_whoever_asks() -> None:
    """Attention over the whole image lets the padding change disparities everywhere."""
    network = StereoNetwork(tiny_model())
    for attention in network.modules():
        if isinstance(attention, Attention):  # it begins as the identity
            torch.nn.init.normal_(attention.reprojection.weight)
    predictor = Predictor(network)
    seen: list[tuple[int, int]] = []
    network.register_forward_pre_hook(lambda module, views: seen.append(tuple(views[0].shape[2:])))
    samples = [textured_sample(height, width, 4, width) for height, width in ((33, 47), (70, 110), (48, 64), (33, 47))]
    alone = [predictor.predict(sample.left, sample.right) for sample in samples]
    listed = predictor([sample.left for sample in samples], [sample.right for sample in samples])
    at_once = predictor.predict_samples([samples[0], samples[3]])
    assert seen == 2 * [(48, 48), (80, 112), (48, 64), (48, 48)] + [(48, 48)]
    for expected, result in zip(alone, listed, strict=True):
        np.testing.assert_array_equal(result.disparity, expected)
    for expected, prediction in zip((alone[0], alone[3]), at_once, strict=True):
        np.testing.assert_allclose(prediction.disparity, expected, atol=1e-4)
    wider = np.pad(samples[0].left, ((0, 0), (0, 16), (0, 0)), mode="edge")
    other = np.pad(samples[0].right, ((0, 0), (0, 16), (0, 0)), mode="edge")
    assert np.abs(predictor.predict(wider, other)[:, :47] - alone[0]).max() > 1e-4  # so that the test can fail


def test_a_network_in_training_is_left_as_it_is() -> None:
    network = StereoNetwork(tiny_model()).train()
    with torch.no_grad():  # statistics that folding would work into the weights
        for buffer in network.buffers():
            buffer.add_(1)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    live = Predictor(network, in_training=True).predict(_image(32, 48), _image(32, 48, seed=1))
    assert all(module.training for module in network.modules())
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert not network.aggregation._forward_pre_hooks

    folded = Predictor(network)
    assert len(network.state_dict()) < len(before)
    np.testing.assert_allclose(folded.predict(_image(32, 48), _image(32, 48, seed=1)), live, atol=1e-3)


def test_what_the_features_of_a_large_image_freed_is_given_back_before_the_aggregation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = StereoNetwork(tiny_model())
    done: list[str] = []
    monkeypatch.setattr("stereo.methods.padding._LARGE", 48 * 32 - 1)
    monkeypatch.setattr("stereo.methods.padding.release_freed_memory", lambda device: done.append("release"))
    network.features.register_forward_hook(lambda *_: done.append("features"))
    network.cost_volume.register_forward_hook(lambda *_: done.append("volume"))
    Predictor(network).predict(_image(32, 48), _image(32, 48))
    assert done[:4] == ["features", "features", "release", "volume"]
    assert done.count("release") == 1


@pytest.mark.parametrize(
    ("options", "kept"), [({}, True), ({"max_memory": 10**10}, False), ({"in_training": True}, False)]
)
def test_memory_is_kept_between_small_images_where_it_is_not_short(
    options: dict[str, Any], kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the process of a training is left as it is."""
    done: list[str] = []
    monkeypatch.setattr("stereo.methods.padding.keep_freed_memory", lambda: done.append("keep"))
    monkeypatch.setattr("stereo.methods.padding.release_freed_memory", lambda device: done.append("release"))
    Predictor(StereoNetwork(tiny_model()), **options).predict(_image(32, 48), _image(32, 48))
    assert ("keep" in done) == kept
    assert ("release" in done) == ("max_memory" in options)


def test_memory_is_given_back_when_images_change_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was freed of one size fits another badly, and the process would grow."""
    predictor = Predictor(StereoNetwork(tiny_model()))
    released: list[str] = []
    monkeypatch.setattr("stereo.methods.padding.release_freed_memory", lambda device: released.append("release"))
    counts = []
    for width in (48, 48, 64, 64, 48):
        predictor.predict(_image(32, width), _image(32, width))
        counts.append(len(released))
    assert counts == [0, 0, 1, 1, 2]


def test_settings_say_what_changes_the_numbers() -> None:
    predictor = Predictor.from_checkpoint(None, "cpu", max_disparity=64, band_rows=128)
    assert predictor.settings == {
        "checkpoint": str(find_weights(DEFAULT_WEIGHTS)),
        "max_disparity": 64,
        "band_rows": 128,
        "band_columns": None,
        "confidence": False,
    }
    assert predictor.checkpoint is not None
    assert predictor.checkpoint.path == find_weights(DEFAULT_WEIGHTS)
    assert Predictor(StereoNetwork(tiny_model())).settings["checkpoint"] is None


def test_a_sample_is_predicted_from_its_images() -> None:
    sample = textured_sample(40, 50, 3)
    predictor = Predictor(_FakeNetwork())
    prediction = predictor.predict_sample(sample)
    np.testing.assert_array_equal(prediction.disparity, predictor.predict(sample.left, sample.right))
    assert prediction.confidence is prediction.disparity_right is prediction.estimated is None


@pytest.mark.parametrize(
    ("height", "width", "band_rows", "expected"),
    [(40, 50, None, (48, 64)), (32, 64, None, (32, 64)), (200, 50, 130, (144, 64)), (100, 50, 130, (112, 64))],
)
def test_the_size_that_the_network_ran_at_is_said(
    height: int, width: int, band_rows: int | None, expected: tuple[int, int]
) -> None:
    network = _FakeNetwork()
    prediction = Predictor(network, band_rows=band_rows).predict_sample(textured_sample(height, width, 3))
    assert prediction.ran_at == expected
    assert {tuple(left.shape[-2:]) for left, _ in network.seen} == {expected}


def test_images_of_all_kinds_give_one_result(tmp_path: Path) -> None:
    left, right = _image(40, 50), _image(40, 50, seed=1)
    write_image(tmp_path / "left.png", left)
    predictor = Predictor(_FakeNetwork())
    np.testing.assert_array_equal(
        predictor.predict(tmp_path / "left.png", torch.from_numpy(right).permute(2, 0, 1) / 255),
        predictor.predict(left, right),
    )


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (_image(40, 50), _image(40, 51), "50×40 but the right one is 51×40"),
        (_image(31, 50), _image(31, 50), "50×31 .* 32 px or more"),
        (_image(40, 50)[..., 0, 0], _image(40, 50), "the left image is uint8 .40.; expected an image"),
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
    def forward(self, left: Tensor, right: Tensor, with_confidence: bool = False) -> _Output:
        mean = F.avg_pool2d(left[:, :1], 31, stride=1, padding=15)[:, 0]
        return _Output(100 * mean, 1 - mean if with_confidence else None)


def test_bands_of_a_local_network_are_the_whole() -> None:
    """A network that reaches 15 rows: no seam at all."""
    left, right = _image(304, 50), _image(304, 50)
    whole = Predictor(_LocalNetwork()).predict(left, right)
    banded = Predictor(_LocalNetwork(), band_rows=128).predict(left, right)
    np.testing.assert_allclose(banded, whole, atol=1e-5)


@pytest.mark.parametrize("band_rows", [None, 128])
def test_the_confidence_goes_the_way_of_the_disparity(band_rows: int | None) -> None:
    sample = textured_sample(200, 50, 3)
    without = Predictor(_LocalNetwork(), band_rows=band_rows).predict_sample(sample)
    having = Predictor(_LocalNetwork(), band_rows=band_rows, confidence=True).predict_sample(sample)
    assert without.confidence is None
    np.testing.assert_array_equal(having.disparity, without.disparity)
    assert having.confidence is not None
    np.testing.assert_allclose(having.confidence, 1 - having.disparity / 100, atol=1e-5)


class _ShearedNetwork(_FakeNetwork):
    """Gives each view the red value of the other at a distance of 40 px, its own match; nonsense where that is outside
    the tile.
    """

    max_disparity = 48

    def forward(self, left: Tensor, right: Tensor, with_right: bool = False) -> _Output:
        lost = torch.full_like(left[:, 0, :, :40], 1000.0)
        disparity = torch.cat([lost, 255 * right[:, 0, :, :-40]], dim=2)
        return _Output(disparity, None, torch.cat([255 * left[:, 0, :, 40:], lost], dim=2))


@pytest.mark.parametrize("band_columns", [176, 200, 299])
def test_tiles_take_each_view_where_they_show_its_match(band_columns: int) -> None:
    sample = textured_sample(150, 300, 5)
    prediction = Predictor(_ShearedNetwork(), band_rows=128, band_columns=band_columns, right=True).predict_sample(
        sample
    )
    np.testing.assert_allclose(prediction.disparity[:, 40:], sample.right[:, :-40, 0], atol=1e-3)
    assert prediction.disparity_right is not None
    np.testing.assert_allclose(prediction.disparity_right[:, :-40], sample.left[:, 40:, 0], atol=1e-3)


def test_tiles_that_do_not_cover_the_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="tiles of 300 columns are too narrow, expected 320 or more"):
        Predictor(_FakeNetwork(), band_columns=300)


def test_bands_of_the_shipped_network_leave_no_seam() -> None:
    """Its attention sees each band alone, so the result is another; but not more so at the seams than elsewhere."""
    scene = SyntheticWorld(
        SyntheticConfig(seed=5, height=288, width=192, max_disparity=48, min_objects=6, max_objects=8)
    )[0]
    predictor = Predictor.from_checkpoint(device="cpu", max_disparity=64)
    whole = predictor.predict(scene.left, scene.right)
    predictor.band_rows = 160
    banded = predictor.predict(scene.left, scene.right)
    errors = [
        np.abs(disparity - truth_of(scene).disparity)[truth_of(scene).valid].mean() for disparity in (whole, banded)
    ]
    assert errors[1] < 1.2 * errors[0] + 0.05
    change = np.abs(np.diff(banded - whole, axis=0)).mean(axis=1)  # what banding adds to the step from row to row
    assert change[128:160].mean() < 0.1


@pytest.mark.parametrize(("kind", "over", "position"), [("efficient", "plane", "sine"), ("sdpa", "disparity", "rope")])
@pytest.mark.parametrize(("height", "width"), [(33, 50), (40, 71)])
def test_guided_and_disparity_attention_take_any_size(
    kind: str, over: str, position: str, height: int, width: int
) -> None:
    config = tiny_model()
    config.attention = AttentionConfig(kind=kind, over=over, position=position)  # type: ignore[arg-type]
    disparity = Predictor(StereoNetwork(config)).predict(_image(height, width), _image(height, width))
    assert disparity.shape == (height, width)
    assert np.isfinite(disparity).all()


def test_bands_that_are_too_low_are_refused() -> None:
    with pytest.raises(ConfigError, match="bands of 100 rows are too low, expected 128 or more"):
        Predictor(_FakeNetwork(), band_rows=100)


@pytest.mark.parametrize(
    ("share", "value", "max_disparity", "width", "expected"),
    [
        (0.01, 190, 192, 960, 384),  # 1 % of the pixels at the very end
        (0.001, 190, 192, 960, None),  # some outliers
        (1.0, 170, 192, 960, None),  # all of it below 0.9 of the range
        (0.01, 175, 192, 300, 304),  # no disparity is wider than the image
        (0.01, 175, 192, 190, None),
        (0.01, 53, 64, 300, 128),  # of a small range the end begins three bins before it
        (0.01, 51, 64, 300, None),
    ],
)
def test_a_map_at_the_end_of_the_range_asks_for_a_wider_one(
    share: float, value: float, max_disparity: int, width: int, expected: int | None
) -> None:
    disparity = np.full(100 * width, 10, np.float32)
    disparity[: round(share * disparity.size)] = value
    assert wider_range(disparity.reshape(100, width), max_disparity) == expected


def test_scenes_beyond_the_range_of_the_shipped_network_are_noticed() -> None:
    """All of them, and hardly any within it: a false alarm is a try with a wider range."""
    predictor = Predictor.from_checkpoint(device="cpu", max_disparity=64)
    alarms: list[int] = []
    missed: list[int] = []
    for seed in range(12):
        scene = SyntheticWorld(SyntheticConfig(seed=seed, height=96, width=192, max_disparity=60, min_objects=4))[0]
        for found, limit, wrong in ((alarms, 64, True), (missed, 32, False)):
            predictor.network.max_disparity = limit  # type: ignore[assignment]
            noticed = wider_range(predictor.predict(scene.left, scene.right), limit) is not None
            if noticed == wrong and (wrong or (truth_of(scene).disparity > 32).mean() > 0.02):
                found.append(seed)
    assert missed == []
    assert len(alarms) <= 1


@pytest.mark.parametrize("upsampling", ["convex", "trilinear"])
def test_the_right_view_is_given_beside_the_left_one(upsampling: Literal["convex", "trilinear"]) -> None:
    config = tiny_model()
    config.regression.upsampling = upsampling
    sample = textured_sample(40, 70, 5)
    network = StereoNetwork(config)
    plain = Predictor(network).predict_sample(sample)
    having = Predictor(network, confidence=True, right=True).predict_sample(sample)
    np.testing.assert_array_equal(having.disparity, plain.disparity)
    assert plain.disparity_right is None
    assert having.confidence is not None
    assert having.disparity_right is not None
    assert having.disparity_right.shape == (40, 70)


def test_the_right_view_has_its_surfaces_where_that_view_shows_them() -> None:
    canvas, square = (
        cv2.normalize(cv2.GaussianBlur(_image(96, 200, seed)[:, :width], (0, 0), 2.5), None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
        for seed, width in ((0, 200), (1, 48))
    )
    left, right = canvas[:, :192].copy(), canvas[:, 8:].copy()
    left[24:72, 96:144] = right[24:72, 72:120] = square[:48]  # at 24 px, in front of the plane at 8 px
    predictor = Predictor.from_checkpoint("slim", "cpu", 64, right=True)
    disparity = predictor.predict_sample(StereoSample(left, right)).disparity_right
    assert disparity is not None
    assert abs(np.median(disparity[28:68, 76:116]) - 24) < 2
    assert abs(np.median(disparity[28:68, 124:140]) - 8) < 4  # where the left view has the square


def test_the_right_view_of_the_default_weights_is_not_the_left_one() -> None:
    # A scene with near things, which lie elsewhere in the right view.
    sample = SyntheticWorld(SyntheticConfig(seed=5, height=192, width=320, max_disparity=48))[2]
    prediction = Predictor.from_checkpoint(device="cpu", max_disparity=64, right=True).predict_sample(sample)
    assert prediction.disparity_right is not None
    truth = right_disparity_of(sample)
    known = truth > 0
    right, left = (np.abs(disparity - truth)[known] for disparity in (prediction.disparity_right, prediction.disparity))
    assert np.median(right) < 1
    assert (right > 3).mean() < 0.7 * (left > 3).mean()


def test_bf16_is_coarser_but_near_and_says_so() -> None:
    sample = textured_sample(64, 96, 6)
    exact = Predictor.from_checkpoint(device="cpu", max_disparity=32).predict(sample.left, sample.right)
    predictor = Predictor.from_checkpoint(device="cpu", max_disparity=32, precision="bf16")
    coarse = predictor.predict(sample.left, sample.right)
    assert coarse.dtype == np.float32
    assert 0 < np.abs(coarse - exact)[:, 16:].mean() < 0.1
    assert predictor.settings["precision"] == "bf16"
