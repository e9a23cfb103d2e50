"""The whole network under torch.compile. The backend traces forward and backward passes and generates no C++."""

import copy

import pytest
import torch
from helpers import tiny_model

from stereo.model.network import StereoNetwork


@pytest.mark.slow
def test_a_compiled_network_gives_the_same_disparities_and_gradients() -> None:
    torch.manual_seed(0)
    network = StereoNetwork(tiny_model()).double()
    twin = copy.deepcopy(network)
    compiled = torch.compile(twin, backend="aot_eager")
    left, right = torch.rand(2, 2, 3, 32, 48, dtype=torch.float64)
    outputs = network(left, right), compiled(left, right)
    for one, other in zip(*(output.predictions for output in outputs), strict=True):
        torch.testing.assert_close(one.disparity, other.disparity)
    for output in outputs:
        sum(prediction.disparity.mean() for prediction in output.predictions).backward()
    for one, other in zip(network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.slow
def test_attention_alone_is_left_out_of_what_is_compiled() -> None:
    """Where a gradient is wanted and where none is: a graph before, between and after its calls."""
    left, right = torch.rand(2, 1, 3, 32, 48)
    counts = []
    for training in (True, False):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        network = StereoNetwork(tiny_model()).train(training)
        with torch.set_grad_enabled(training):
            torch.compile(network, backend="eager", dynamic=False)(left, right)
        counts.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert counts[0] == counts[1] < 12
