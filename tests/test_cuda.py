"""On a GPU the networks compute what they compute on a CPU."""

import copy

import numpy as np
import pytest
import torch
from helpers import slim_psmnet

from stereo.checkpoint import find_weights, load_checkpoint
from stereo.config import Preset, SyntheticConfig, model_preset
from stereo.data.synthetic import SyntheticWorld
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork

PRESETS: list[Preset] = ["compact", "guided", "slim", "ea_psmnet"]
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def networks(preset: Preset) -> tuple[StereoNetwork, StereoNetwork]:
    """The network in float64, so that no rounding hides a difference, on the CPU and on the GPU."""
    torch.manual_seed(0)
    config = slim_psmnet(preset) if "psmnet" in preset else model_preset(preset)
    config.max_disparity = 64
    network = StereoNetwork(config).double().train()
    for parameter in network.parameters():  # what begins as the identity would not be seen
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return network, copy.deepcopy(network).with_fast_layout(torch.device("cuda"))


@pytest.mark.parametrize("preset", PRESETS)
def test_values_and_gradients_are_those_of_the_cpu(preset: Preset) -> None:
    network, there = networks(preset)
    size = max(128, network.min_size)
    left, right = torch.rand(2, 2, 3, size, size, dtype=torch.float64)
    here, on_gpu = network(left, right), there(left.to("cuda"), right.to("cuda"))
    for output, other in zip(here.predictions, on_gpu.predictions, strict=True):
        torch.testing.assert_close(other.disparity.cpu(), output.disparity, rtol=1e-5, atol=1e-5)
    for output in (here, on_gpu):
        sum(prediction.disparity.square().mean() for prediction in output.predictions).backward()
    for (name, one), two in zip(network.named_parameters(), there.parameters(), strict=True):
        if one.grad is None:
            assert two.grad is None, name
            continue
        assert two.grad is not None, name
        difference = (two.grad.cpu() - one.grad).norm()
        assert difference <= 1e-4 * one.grad.norm() + 1e-7, name


@pytest.mark.parametrize("preset", PRESETS)
def test_a_step_in_mixed_precision_is_near_that_in_float32(preset: Preset) -> None:
    _, network = networks(preset)
    network.float()
    size = max(128, network.min_size)
    left, right = torch.rand(2, 2, 3, size, size, device="cuda")
    losses = []
    for mixed in (False, True):
        network.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=mixed):
            predictions = network(left, right).predictions
        loss = torch.stack([item.float().disparity.mean() for item in predictions]).sum()
        loss.backward()
        losses.append(loss.item())
        assert all(item.grad.isfinite().all() for item in network.parameters() if item.grad is not None)
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


def shipped() -> StereoNetwork:
    return load_checkpoint(find_weights("compact")).network


def test_the_shipped_weights_predict_the_same() -> None:
    sample = SyntheticWorld(SyntheticConfig(seed=5, length=1, height=160, width=320, max_disparity=64))[0]
    here = Predictor(shipped())
    there = Predictor(shipped(), "cuda")
    expected = here(sample.left, sample.right).disparity
    assert np.abs(there(sample.left, sample.right).disparity - expected).mean() < 0.02  # TF32 rounds to 11 bits
    tiled = Predictor(shipped(), "cuda", max_memory=torch.cuda.memory_allocated() + (1 << 30))
    assert np.abs(tiled(sample.left, sample.right).disparity - expected).mean() < 0.02
    coarse = Predictor(shipped(), "cuda", precision="bf16")
    assert np.abs(coarse(sample.left, sample.right).disparity - expected).mean() < 0.3  # 0.16 on an H200
