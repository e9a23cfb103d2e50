"""Batch normalization over the shares of several processes. Runs of two are in tests/test_processes.py."""

import copy

import pytest
import torch
from torch import Tensor, distributed, nn

from stereo.training.synchronized import SharedBatchNorm, share_batch_norm

# Whatever the group: the exchange itself is replaced.
GROUP = distributed.ProcessGroup(distributed.HashStore(), 0, 1)


def test_one_process_normalizes_as_pytorch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs, gradients and statistics, in training and in evaluation."""
    monkeypatch.setattr(distributed, "all_reduce", lambda tensor, group: None)
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.BatchNorm2d(4, eps=0.1))
    nn.init.uniform_(next(plain[1].parameters()))
    shared = copy.deepcopy(plain)
    names = list(shared.state_dict())
    share_batch_norm(shared, GROUP)
    assert list(shared.state_dict()) == names
    assert isinstance(shared[1], SharedBatchNorm)
    for _ in range(2):
        images = torch.rand(3, 3, 6, 5) * 9
        for module in (plain, shared):
            module(images).pow(3).sum().backward()
        torch.testing.assert_close(shared(images), plain(images))
    for (name, one), other in zip(plain.named_parameters(), shared.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-4, atol=1e-3, msg=name)
    for (name, expected), found in zip(plain.named_buffers(), shared.buffers(), strict=True):
        torch.testing.assert_close(found, expected, msg=name)
    torch.testing.assert_close(shared.eval()(images), plain.eval()(images))


def test_the_share_of_another_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with 2 and 1 of 3 samples: this one's are normalized as in the whole batch."""
    whole = torch.rand(3, 4, 5, 6)
    share, rest = whole[:2], whole[2:]
    mean = whole.mean((0, 2, 3)).view(1, 4, 1, 1)
    theirs = [torch.cat([rest.sum((0, 2, 3)), torch.tensor([30.0])]), (rest - mean).square().sum((0, 2, 3))]

    def add_theirs(tensor: Tensor, group: distributed.ProcessGroup) -> None:
        tensor += theirs.pop(0)

    monkeypatch.setattr(distributed, "all_reduce", add_theirs)
    plain = nn.BatchNorm2d(4)
    shared = SharedBatchNorm(nn.BatchNorm2d(4), GROUP)
    torch.testing.assert_close(shared(share), plain(whole)[:2])
    torch.testing.assert_close(shared.running_var, plain.running_var)
