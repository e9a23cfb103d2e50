"""Batch normalization over several processes is that over the whole batch."""

from datetime import timedelta
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn

from stereo.training.synchronized import share_batch_norm


def inputs() -> tuple[Tensor, Tensor]:
    """A batch of two, and the gradient that its normalization is given."""
    draw = torch.Generator().manual_seed(0)
    x, gradient = torch.randn(2, 2, 3, 4, 5, 6, generator=draw)
    return 100 + 3 * x, gradient


def normalized(layers: nn.Module, x: Tensor, gradient: Tensor) -> list[Tensor]:
    """Output, gradient of the input, and what the layers then hold with its gradients."""
    x = x.clone().requires_grad_()
    output = layers(x)
    output.backward(gradient)
    assert x.grad is not None
    held = [*layers.state_dict().values(), *(parameter.grad for parameter in layers.parameters())]
    return [output.detach(), x.grad, *(value for value in held if value is not None)]


def layers() -> nn.Module:
    torch.manual_seed(1)
    made = nn.Sequential(nn.BatchNorm3d(3))
    nn.init.uniform_(next(made.parameters()))
    return made


def share(rank: int, folder: str, size: int) -> None:
    torch.set_num_threads(1)
    store = distributed.FileStore(f"{folder}/store", size)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=timedelta(seconds=120))
    try:
        shared = layers()
        share_batch_norm(shared)
        part = slice(rank * 2 // size, (rank + 1) * 2 // size)
        torch.save(normalized(shared, *(value[part] for value in inputs())), f"{folder}/{rank}.pt")
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize("size", [1, 2])
def test_statistics_and_gradients_are_those_of_the_whole_batch(tmp_path: Path, size: int) -> None:
    multiprocessing.start_processes(share, (str(tmp_path), size), nprocs=size, start_method="fork")
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(size)]
    whole = normalized(layers(), *inputs())
    names = list(layers().state_dict())
    assert names == ["0.weight", "0.bias", "0.running_mean", "0.running_var", "0.num_batches_tracked"]
    for number, expected in enumerate(whole):
        found = [part[number] for part in parts]
        if number < 2:  # output and gradient of the input: each has its share
            torch.testing.assert_close(torch.cat(found), expected, rtol=1e-4, atol=1e-4)
        elif number < 7:  # weights and statistics: all have the same
            for one in found:
                torch.testing.assert_close(one, expected, rtol=1e-5, atol=1e-5)
        else:  # gradients of the weights: they add up
            torch.testing.assert_close(torch.stack(found).sum(0), expected, rtol=1e-4, atol=1e-4)
