"""The memory of a step, told before the first one."""

from pathlib import Path

import pytest
import torch
from helpers import tiny_config, tiny_model
from torch.autograd.graph import saved_tensors_hooks

from stereo.model.network import StereoNetwork
from stereo.training import memory
from stereo.training.memory import available_memory, estimate_step_memory
from stereo.training.trainer import train


def test_the_estimate_is_what_the_forward_pass_keeps() -> None:
    """Against a pass on tensors that have values."""
    network = StereoNetwork(tiny_model()).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = estimate_step_memory(network, 2, 48, 64, "fp32")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no other takes its place
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(*torch.rand(2, 2, 3, 48, 64))
    own = {value.untyped_storage().data_ptr() for value in (*network.parameters(), *network.buffers())}
    actual = sum(tensor.untyped_storage().nbytes() for pointer, tensor in kept.items() if pointer not in own)
    assert output.predictions
    assert found.activations == pytest.approx(actual, rel=0.05)
    assert found.state == 16 * sum(parameter.numel() for parameter in network.parameters())


def test_half_precision_and_recomputation_take_less() -> None:
    network = StereoNetwork(tiny_model())
    whole, half = (estimate_step_memory(network, 1, 64, 64, precision) for precision in ("fp32", "bf16"))
    assert half.activations < 0.75 * whole.activations
    network.aggregation.recompute = True
    assert estimate_step_memory(network, 1, 64, 64, "fp32").activations < whole.activations


def test_too_little_memory_is_told_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "_SMALL", 0)
    monkeypatch.setattr(memory, "available_memory", lambda device: 2**20)
    train(tiny_config(tmp_path / "run", steps=1))
    assert (
        "warning: a step takes about 0.0 GiB, and 0.0 GiB are free; raise training.accumulation"
        in capsys.readouterr().out
    )


def test_free_memory_is_a_part_of_this_machine() -> None:
    there = available_memory(torch.device("cpu"))
    assert there is None or 2**20 < there < 2**50
