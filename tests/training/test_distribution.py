"""What several processes share in a step. Runs of two processes are in tests/test_processes.py."""

import copy

import pytest
import torch
from torch import Tensor, nn

from stereo.training.distribution import SynchronizedBatchNorm, _synchronize


def test_one_process_normalizes_as_pytorch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs, gradients and statistics, in training and in evaluation."""
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor: None)
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.BatchNorm2d(4, eps=0.1))
    nn.init.uniform_(next(plain[1].parameters()))
    other = copy.deepcopy(plain)
    names = list(other.state_dict())
    _synchronize(other)
    assert list(other.state_dict()) == names
    assert isinstance(other[1], SynchronizedBatchNorm)
    for _ in range(2):
        images = torch.rand(3, 3, 6, 5) * 9
        for module in (plain, other):
            module(images).pow(3).sum().backward()
        torch.testing.assert_close(other(images), plain(images))
    for (name, one), two in zip(plain.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, rtol=1e-4, atol=1e-3, msg=name)
    for (name, expected), found in zip(plain.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(found, expected, msg=name)
    torch.testing.assert_close(other.eval()(images), plain.eval()(images))


def test_the_share_of_another_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with 2 and 1 of 3 samples: this one's are normalized as in the whole batch."""
    whole = torch.rand(3, 4, 5, 6)
    share, rest = whole[:2], whole[2:]
    mean = whole.mean((0, 2, 3)).view(1, 4, 1, 1)
    theirs = [torch.cat([rest.sum((0, 2, 3)), torch.tensor([30.0])]), (rest - mean).square().sum((0, 2, 3))]

    def add_theirs(tensor: Tensor) -> None:
        tensor += theirs.pop(0)

    monkeypatch.setattr(torch.distributed, "all_reduce", add_theirs)
    plain, synchronized = nn.BatchNorm2d(4), SynchronizedBatchNorm(4)
    torch.testing.assert_close(synchronized(share), plain(whole)[:2])
    torch.testing.assert_close(synchronized.running_var, plain.running_var)
