"""The networks of the PSMNet paper: exact against the authors' outputs, and what this project adds to them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import REPOSITORY, drawn_weights, slim_psmnet

from stereo.config import PRESETS, Preset, config_from_dict, model_preset
from stereo.errors import CheckpointError, ConfigError
from stereo.model.network import StereoNetwork
from stereo.model.weights import convert_psmnet, load_weights

OFFICIAL: list[tuple[Preset, str]] = [("psmnet_basic", "psmnet_basic"), ("psmnet", "psmnet_stackhourglass")]


def official(golden: Path, name: str) -> dict[str, torch.Tensor]:
    """The weights of the golden outputs, as the authors' training script stores them."""
    record = json.loads((golden / f"{name}.json").read_text())
    weights = drawn_weights(dict(record["state_dict"]), record["seed"])
    return {f"module.{key}": value for key, value in weights.items()}


def slim_pair() -> tuple[torch.Tensor, torch.Tensor]:
    left, right = torch.rand(2, 1, 3, 256, 256)
    return left, right


@pytest.mark.parametrize(("preset", "name"), OFFICIAL)
def test_the_authors_outputs_are_reproduced(golden: Path, preset: Preset, name: str) -> None:
    recognized, weights = convert_psmnet({"epoch": 1, "state_dict": official(golden, name)}, name)
    assert recognized == preset
    network = StereoNetwork(model_preset(preset)).eval()
    load_weights(network, weights, name)
    stored = np.load(golden / f"{name}.npz")
    left, right = (torch.from_numpy(stored[side]).permute(2, 0, 1)[None].float() / 255 for side in ("left", "right"))
    with torch.inference_mode():
        disparity = network(left, right).disparity[0].numpy()
    assert np.abs(disparity - stored["disparity"]).max() < 1e-3


def parameters(preset: Preset) -> int:
    return sum(parameter.numel() for parameter in StereoNetwork(model_preset(preset)).parameters())


@pytest.mark.parametrize(("preset", "expected"), [("psmnet_basic", 3_672_896), ("psmnet", 5_224_768)])
def test_parameter_counts_are_the_authors(preset: Preset, expected: int) -> None:
    assert parameters(preset) == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_the_page_has_each_preset_with_its_parameter_count(preset: Preset) -> None:
    rows = [
        line
        for line in (REPOSITORY / "docs" / "networks.md").read_text().splitlines()
        if line.startswith(f"| `{preset}`")
    ]
    assert len(rows) == 1
    assert rows[0].endswith(f"| {parameters(preset):,} |")


@pytest.mark.parametrize(("preset", "outputs"), [("psmnet_basic", 1), ("psmnet", 3), ("ea_psmnet", 3)])
def test_trains_all_its_weights(preset: Preset, outputs: int) -> None:
    network = StereoNetwork(slim_psmnet(preset))
    predictions = network(*slim_pair()).predictions
    assert len(predictions) == outputs
    assert all(prediction.disparity.shape == (1, 256, 256) for prediction in predictions)
    sum(prediction.disparity.sum() for prediction in predictions).backward()
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]
    with torch.inference_mode():
        assert len(network.eval()(*slim_pair()).predictions) == 1


@pytest.mark.parametrize("kind", ["efficient", "sdpa"])
def test_weights_without_attention_leave_it_at_identity(kind: str) -> None:
    """Bit for bit, with attention at every site."""
    plain = slim_psmnet()
    attentive = slim_psmnet("ea_psmnet")
    attentive.attention.kind = kind  # type: ignore[assignment]
    attentive.attention.sites = ["features", "eighth", "sixteenth"]
    if kind == "efficient":
        attentive.attention.sites.append("quarter")
    without, having = StereoNetwork(plain).eval(), StereoNetwork(attentive).eval()
    load_weights(having, without.state_dict(), "plain", fresh_additions=True)
    images = slim_pair()
    with torch.inference_mode():
        assert torch.equal(without(*images).disparity, having(*images).disparity)
    with pytest.raises(CheckpointError, match="attention"):
        load_weights(having, without.state_dict(), "plain")


def test_align_corners_is_another_interpolation() -> None:
    aligned = slim_psmnet()
    aligned.align_corners = True
    network, other = StereoNetwork(slim_psmnet()).eval(), StereoNetwork(aligned).eval()
    load_weights(other, network.state_dict(), "same")
    images = slim_pair()
    with torch.inference_mode():
        assert not torch.equal(network(*images).disparity, other(*images).disparity)
    with pytest.raises(ConfigError, match="align_corners is true"):
        config_from_dict({"model": {"align_corners": True}})


def test_images_below_the_pyramids_minimum_are_refused() -> None:
    with pytest.raises(ValueError, match=r"320×240 .* least size, 256×256"):
        StereoNetwork(slim_psmnet())(*torch.rand(2, 1, 3, 240, 320))
    with pytest.raises(ConfigError, match="crop_height is 128, expected 256 or more"):
        config_from_dict({"preset": "psmnet", "data": {"augmentation": {"crop_height": 128}}})


def test_basic_has_no_coarser_sites() -> None:
    with pytest.raises(ConfigError, match="aggregation basic has features and quarter alone"):
        config_from_dict({"preset": "psmnet_basic", "model": {"attention": {"kind": "efficient"}}})
    config = config_from_dict(
        {"preset": "psmnet_basic", "model": {"attention": {"kind": "efficient", "sites": ["features", "quarter"]}}}
    )
    names = [name for name, _ in StereoNetwork(config.model).named_modules() if name.endswith("attention.keys")]
    assert names == ["features.attention.keys"]


def test_strided_skip_equals_the_strided_convolution() -> None:
    """The projection of every other position, written so to stay clear of a fault in oneDNN."""
    stage: Any = StereoNetwork(slim_psmnet()).features.stage2
    x = torch.randn(2, 8, 10, 14, dtype=torch.float64)
    projection = stage[0].double().skip[0]
    strided = torch.nn.functional.conv2d(x, projection.weight, stride=2)
    torch.testing.assert_close(projection(x[..., ::2, ::2]), strided)
