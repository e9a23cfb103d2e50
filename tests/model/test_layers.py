"""Recomputation and folding change the cost, not the result."""

import copy

import pytest
import torch
from helpers import slim_psmnet, tiny_model
from torch import nn

from stereo.config import ModelConfig
from stereo.model.layers import concatenate, conv2d, conv3d, fold_batch_norm, upconv3d, zeroed
from stereo.model.network import StereoNetwork


def with_statistics(network: nn.Module) -> nn.Module:
    """Batch normalization as after some training, not the identity that it begins as."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        (conv2d(3, 5, stride=2), (2, 3, 9, 11)),
        (conv3d(3, 5, relu=False), (1, 3, 5, 6, 7)),
        (upconv3d(3, 5), (1, 3, 3, 4, 5)),
        (upconv3d(3, 5, kernel=3), (1, 3, 3, 4, 5)),
    ],
)
def test_folding_a_block(block: nn.Module, shape: tuple[int, ...]) -> None:
    block = with_statistics(block).double()
    x = torch.randn(shape, dtype=torch.float64)
    expected = block(x)
    fold_batch_norm(block)
    assert not [module for module in block.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("config", [tiny_model(), slim_psmnet(), slim_psmnet("psmnet_basic")])
def test_folding_a_network(config: ModelConfig) -> None:
    network = with_statistics(StereoNetwork(config)).double()
    images = torch.rand(2, 1, 3, 256, 256, dtype=torch.float64)
    with torch.inference_mode():
        expected = network(*images).disparity
        fold_batch_norm(network)
        assert not [module for module in network.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]
        torch.testing.assert_close(network(*images).disparity, expected, rtol=1e-9, atol=1e-9)


def test_folding_while_training_is_refused() -> None:
    with pytest.raises(ValueError, match="evaluation mode only"):
        fold_batch_norm(StereoNetwork(tiny_model()))


@pytest.mark.parametrize("config", [tiny_model(), slim_psmnet("ea_psmnet"), slim_psmnet("psmnet_basic")])
def test_recomputation_gives_the_same_gradients_and_statistics(config: ModelConfig) -> None:
    keeping = StereoNetwork(config).double()
    recomputing_config = copy.deepcopy(config)
    recomputing_config.aggregation.recompute = True
    recomputing = StereoNetwork(recomputing_config).double()
    recomputing.load_state_dict(keeping.state_dict())
    images = torch.rand(2, 1, 3, 256, 256, dtype=torch.float64)
    for network in (keeping, recomputing):
        sum(prediction.disparity.mean() for prediction in network(*images).predictions).backward()
    for (name, one), other in zip(keeping.named_parameters(), recomputing.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)
    for (name, kept), again in zip(keeping.named_buffers(), recomputing.buffers(), strict=True):
        torch.testing.assert_close(kept, again, msg=name)


def test_zeroed_layers_are_zero_take_no_random_number_and_follow_the_default_device() -> None:
    state = torch.get_rng_state()
    layer = zeroed(nn.Conv2d, 3, 4, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert layer.bias is not None
    assert not layer.weight.any()
    assert not layer.bias.any()
    with torch.device("meta"):  # shapes alone, as for a stranger's checkpoint
        assert zeroed(nn.Conv2d, 3, 4, 1).weight.is_meta


@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 1, 1)])
def test_maps_are_concatenated_with_the_channels_last_where_no_gradient_is_wanted(shape: tuple[int, ...]) -> None:
    batch, height, width = shape
    maps = [
        torch.randn(batch, 3, height, width).to(memory_format=torch.channels_last),
        torch.randn(batch, 1, height, width, dtype=torch.float64),
        torch.randn(batch, 4, height, width, dtype=torch.bfloat16),
    ]
    expected = torch.cat(maps, dim=1)
    assert torch.equal(concatenate(maps), expected)
    with torch.no_grad():
        found = concatenate(maps)
    assert torch.equal(found, expected)
    assert found.dtype == torch.float64
    assert found.is_contiguous(memory_format=torch.channels_last)
