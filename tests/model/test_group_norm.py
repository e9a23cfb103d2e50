"""Group normalization in the place of batch normalization."""

import pytest
import torch
from helpers import slim_psmnet, tiny_model
from torch import nn

from stereo.config import ModelConfig
from stereo.model.network import StereoNetwork


@pytest.mark.parametrize("model", [tiny_model(), slim_psmnet()], ids=lambda model: model.features.kind)
def test_no_batch_has_a_part_in_a_sample_and_slabs_change_nothing(
    model: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample alone gives what it gives in a batch, in training as in inference, which computes bins in slabs."""
    monkeypatch.setattr("stereo.model.aggregation.base.SLAB_BINS", 2)
    torch.manual_seed(0)
    model.normalization = "group"
    network = StereoNetwork(model)
    assert not any(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in network.modules())
    size = network.min_size
    left, right = torch.rand(2, 2, 3, size, size)
    with torch.no_grad():
        alone = network.eval()(left[:1], right[:1]).disparity
        together = network.train()(left, right).disparity[:1]
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-3)
