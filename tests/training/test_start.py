"""What a run begins with, and what its checkpoints say of it."""

from pathlib import Path

import pytest
import torch
from helpers import tiny_config
from helpers.runs import same_weights, weights

from stereo.checkpoint import load_checkpoint, save_checkpoint
from stereo.config import Config, config_from_dict
from stereo.errors import ConfigError, TrainingError
from stereo.model.features.efficientnet_lite import EfficientNetLite
from stereo.model.network import StereoNetwork
from stereo.training import start
from stereo.training.start import load_initial_weights
from stereo.training.trainer import train


def lite_config(output: Path, steps: int = 2) -> Config:
    """A run of a network with a trunk of weights that had a training before."""
    config = tiny_config(output, steps)
    config.model.features.kind = "efficientnet_lite"
    config.model.features.frozen_statistics = True
    config.training.initial_trunk = "imagenet"
    config.optimizer.trunk_factor = 0.1
    config.optimizer.schedule = "constant"
    config.data.validation.synthetic.length = 1
    return config


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for the package with the weights: statistics of 2, which no fresh trunk has."""

    def load(trunk: EfficientNetLite) -> None:
        for name, buffer in trunk.named_buffers():
            if "running" in name:
                buffer.fill_(2.0)

    monkeypatch.setattr(start, "load_imagenet_weights", load)


def test_a_run_from_an_imagenet_trunk_is_resumed_exactly_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: None
) -> None:
    train(lite_config(tmp_path / "whole", steps=2))
    train(lite_config(tmp_path / "parts", steps=1))
    monkeypatch.setattr(start, "load_imagenet_weights", None)  # a resumed run does without the package
    train(lite_config(tmp_path / "parts", steps=2), "auto")
    assert same_weights(tmp_path / "whole" / "last.pt", tmp_path / "parts" / "last.pt")
    loaded = load_checkpoint(tmp_path / "whole" / "last.pt")
    assert loaded.config["training"]["initial_trunk"] == "imagenet"
    statistics = loaded.network.state_dict()["features.trunk.to_half.0.1.running_mean"]
    assert torch.equal(statistics, torch.full((32,), 2.0))  # those of the package, frozen


def from_checkpoint(path: Path, stored: str, trunk: str) -> Config:
    """A run that begins from a checkpoint, with `stored` in the latter's configuration."""
    config = lite_config(path.parent)
    config.training.initial_trunk = stored  # type: ignore[assignment]
    save_checkpoint(path, StereoNetwork(config.model), config, step=1)
    config.training.initial_checkpoint, config.training.initial_trunk = str(path), trunk  # type: ignore[assignment]
    return config


@pytest.mark.parametrize("trunk", ["none", "imagenet"])
def test_a_checkpoint_brings_its_trunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trunk: str) -> None:
    monkeypatch.setattr(start, "load_imagenet_weights", None)
    config = from_checkpoint(tmp_path / "first.pt", stored=trunk, trunk=trunk)
    network = StereoNetwork(config.model)
    assert load_initial_weights(network, config.training)
    stored = weights(tmp_path / "first.pt")
    assert all(torch.equal(value, stored[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(("stored", "trunk"), [("none", "imagenet"), ("imagenet", "none")])
def test_what_the_trunk_began_with_is_handed_on(tmp_path: Path, stored: str, trunk: str) -> None:
    config = from_checkpoint(tmp_path / "first.pt", stored, trunk)
    with pytest.raises(
        TrainingError, match=f"first.pt: its trunk began with {stored}.*set training.initial_trunk={stored}"
    ):
        load_initial_weights(StereoNetwork(config.model), config.training)


def test_weights_of_imagenet_are_for_their_own_trunk_alone() -> None:
    with pytest.raises(ConfigError, match=r"initial_trunk is imagenet, but model\.features\.kind is compact"):
        config_from_dict({"preset": "slim", "training": {"initial_trunk": "imagenet"}})
