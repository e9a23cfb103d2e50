"""Group normalization as a setting of the network."""

from dataclasses import replace

import pytest
import torch
from helpers import tiny_model
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from stereo.config import config_from_dict
from stereo.errors import ConfigError
from stereo.model.network import StereoNetwork
from stereo.model.normalization import use_group_norm


def test_groups_divide_the_channels() -> None:
    module = nn.Sequential(nn.BatchNorm2d(24), nn.Sequential(nn.BatchNorm3d(10)), nn.BatchNorm2d(7))
    use_group_norm(module)
    layers = [layer for layer in module.modules() if isinstance(layer, nn.GroupNorm)]
    assert [(layer.num_groups, layer.num_channels) for layer in layers] == [(8, 24), (5, 10), (7, 7)]


def test_a_sample_does_not_depend_on_the_others_of_its_batch() -> None:
    """In training, where batch normalization makes it depend on them."""
    torch.manual_seed(0)
    left, right = torch.rand(2, 2, 3, 32, 64)
    for config, same in ((replace(tiny_model(), normalization="group"), True), (tiny_model(), False)):
        network = StereoNetwork(config)
        assert any(isinstance(layer, _BatchNorm) for layer in network.modules()) == (not same)
        alone, together = network(left[:1], right[:1]), network(left, right)
        difference = (alone.disparity[0] - together.disparity[0]).abs().max()
        assert (difference < 1e-4) == same


def test_the_other_weights_are_drawn_as_with_batch_normalization() -> None:
    networks = []
    for config in (replace(tiny_model(), normalization="group"), tiny_model()):
        torch.manual_seed(0)
        networks.append(StereoNetwork(config))
    group, batch = (dict(network.named_parameters()) for network in networks)
    assert group.keys() == batch.keys()
    assert all(torch.equal(group[name], batch[name]) for name in group)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": {"normalization": "group", "features": {"frozen_statistics": True}}}, "no statistics to freeze"),
        ({"model": {"normalization": "group"}, "training": {"initial_trunk": "imagenet"}}, "have batch normalization"),
    ],
)
def test_what_needs_batch_normalization_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config_from_dict(values)
