"""The optimizer's groups: the trunk learns at a rate of its own."""

import pytest
import torch
from helpers import slim_psmnet, tiny_model

from stereo.config import ModelConfig, OptimizerConfig
from stereo.errors import ConfigError
from stereo.model.network import StereoNetwork
from stereo.training.optimizer import build_optimizer, set_learning_rate


def with_lite_trunk() -> ModelConfig:
    model = tiny_model()
    model.features.kind = "efficientnet_lite"
    return model


@pytest.mark.parametrize(
    "model", [tiny_model(), slim_psmnet(), with_lite_trunk()], ids=lambda model: model.features.kind
)
def test_the_groups_are_all_weights_in_the_networks_order(model: ModelConfig) -> None:
    """By which the state of an optimizer goes: a run that began with one group can be resumed."""
    network = StereoNetwork(model)
    optimizer = build_optimizer(network, OptimizerConfig())
    grouped = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert [id(parameter) for parameter in grouped] == [id(parameter) for parameter in network.parameters()]


def test_the_trunk_takes_its_share_of_the_rate() -> None:
    """The first step of AdamW moves each weight with a gradient by the rate, whatever the gradient."""
    network = StereoNetwork(with_lite_trunk())
    optimizer = build_optimizer(network, OptimizerConfig(weight_decay=0, trunk_factor=0.1))
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    set_learning_rate(optimizer, 0.02)
    optimizer.step()
    for name, parameter in network.named_parameters():
        rate = 0.002 if name.startswith("features.trunk.") else 0.02
        torch.testing.assert_close(parameter.detach(), before[name] - rate)


def test_norms_and_biases_decay_unless_they_are_told_not_to() -> None:
    """A step of AdamW along a gradient of 0 is the decay alone: weight · (1 − rate · weight_decay)."""
    for decays in (True, False):
        network = StereoNetwork(with_lite_trunk())
        optimizer = build_optimizer(
            network, OptimizerConfig(weight_decay=0.5, trunk_factor=0.1, decay_norms_and_biases=decays)
        )
        vectors = {name for name, parameter in network.named_parameters() if parameter.ndim == 1}
        assert {name.rpartition(".")[2] for name in vectors} == {"weight", "bias"}
        for parameter in network.parameters():
            torch.nn.init.constant_(parameter, 1.0)
            parameter.grad = torch.zeros_like(parameter)
        set_learning_rate(optimizer, 0.2)
        optimizer.step()
        for name, parameter in network.named_parameters():
            decay = (0.01 if name.startswith("features.trunk.") else 0.1) * (decays or name not in vectors)
            torch.testing.assert_close(parameter.detach(), torch.full_like(parameter, 1 - decay))


def test_a_factor_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"optimizer\.trunk_factor is 0"):
        OptimizerConfig(trunk_factor=0)
