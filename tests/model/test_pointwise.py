"""The control for attention: the same parameters, and no position sees another."""

import pytest
import torch
from helpers import tiny_model
from torch import nn

from stereo.config import AttentionConfig
from stereo.errors import ConfigError
from stereo.model.attention import EfficientAttention
from stereo.model.network import StereoNetwork
from stereo.model.pointwise import PointwiseBlock
from stereo.model.weights import load_weights


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# The sites ⅛ and 1/16 of `compact`, ¼ and ⅛ of PSMNet, and others.
@pytest.mark.parametrize(("channels", "keys", "values"), [(16, 16, 16), (24, 16, 24), (32, 64, 64), (64, 16, 64)])
def test_it_has_the_parameters_of_efficient_attention(channels: int, keys: int, values: int) -> None:
    attention = EfficientAttention(channels, keys, values)
    assert count(PointwiseBlock(channels, keys, values)) == pytest.approx(count(attention), rel=0.01)


def test_by_hand() -> None:
    block = PointwiseBlock(1, 1, 1)
    for parameter in block.parameters():
        nn.init.ones_(parameter)
    hidden = block.contract.in_channels
    # Each hidden channel is relu(x + 1), and they are summed onto x.
    x = torch.tensor([-3.0, 2.0]).view(1, 1, 2)
    torch.testing.assert_close(block(x).flatten(), torch.tensor([-3.0, 2.0 + 3.0 * hidden]))
    torch.testing.assert_close(block(x, onto=torch.zeros(1, 1, 2)).flatten(), torch.tensor([0.0, 3.0 * hidden]))


def test_no_position_sees_another() -> None:
    block = PointwiseBlock(4, 8, 4)
    nn.init.normal_(block.contract.weight)
    x = torch.randn(2, 4, 3, 5, 6)
    changed = x.clone()
    changed[:, :, 1, 2, 3] += 1
    differs = (block(changed) != block(x)).any(dim=1)
    assert differs[:, 1, 2, 3].all()
    assert differs.sum() == 2  # one position of each of the two samples


@pytest.mark.parametrize("placement", ["inline", "parallel"])
def test_a_fresh_block_is_the_identity_and_every_weight_learns(placement: str) -> None:
    config = tiny_model()
    config.attention = AttentionConfig(kind="none")
    without = StereoNetwork(config).eval()
    config.attention = AttentionConfig(kind="pointwise", placement=placement)  # type: ignore[arg-type]
    having = StereoNetwork(config).eval()
    load_weights(having, without.state_dict(), "plain", fresh_additions=True)
    images = torch.rand(2, 1, 3, 32, 48)
    assert torch.equal(having(*images).disparity, without(*images).disparity)
    blocks = [module for module in having.modules() if isinstance(module, PointwiseBlock)]
    assert len(blocks) == 2 * config.aggregation.num_hourglasses
    for block in blocks:
        nn.init.normal_(block.contract.weight, std=0.1)
    having.train()(*images).disparity.mean().backward()
    for block in blocks:
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in block.parameters())


@pytest.mark.parametrize("setting", [{"over": "plane"}, {"position": "sine"}, {"num_heads": 2}])
def test_what_one_position_cannot_do_is_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="leave the three out, or use another kind"):
        AttentionConfig(kind="pointwise", **setting)  # type: ignore[arg-type]
