"""Tensors that are handed over in memory that is used again, when and only when nothing refers to them any more."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from stereo.config import AugmentationConfig, DataConfig, DatasetConfig, SyntheticConfig
from stereo.data.batch import StereoBatch
from stereo.data.blocks import Blocks
from stereo.data.loader import HandedBatch, build_loader, iterate


def some(value: int) -> list[Tensor]:
    """Tensors of two types, of a size that no alignment divides."""
    return [torch.full((3, 5, 7), value, dtype=torch.uint8), torch.full((3, 7), value / 2)]


def put_and_take(blocks: Blocks, tensors: Sequence[Tensor], worker: int = 0) -> list[Tensor]:
    handed = blocks.put(worker, tensors)
    assert handed is not None
    return handed.take()


def test_tensors_arrive_as_they_are() -> None:
    for found, expected in zip(put_and_take(Blocks(1, 1, 300), some(5)), some(5), strict=True):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)


def test_a_block_is_used_again_when_nothing_refers_to_it() -> None:
    blocks = Blocks(1, 1, 300)
    first = put_and_take(blocks, some(1))
    address, part = first[0].data_ptr(), first[1][2:, 3]
    assert blocks.put(0, some(2)) is None
    del first
    assert blocks.put(0, some(2)) is None  # a view of it is left
    assert part.item() == 0.5
    del part
    assert put_and_take(blocks, some(3))[0].data_ptr() == address


def test_loader_processes_have_blocks_of_their_own() -> None:
    blocks = Blocks(2, 2, 300)
    kept = [put_and_take(blocks, some(value), worker) for value, worker in enumerate((0, 1, 0, 1))]
    assert blocks.put(0, some(9)) is blocks.put(1, some(9)) is None
    assert [tensors[0][0, 0, 0].item() for tensors in kept] == [0, 1, 2, 3]


def test_what_does_not_fit_is_refused() -> None:
    assert Blocks(1, 1, 4096).put(0, [torch.zeros(3000), torch.zeros(1)]) is None
    assert (
        Blocks(1, 1, 4096).put(0, [torch.zeros(1, dtype=torch.uint8), torch.zeros(4095, dtype=torch.uint8)]) is not None
    )


def test_a_pinned_batch_leaves_its_block_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's thread copies it; pinned memory itself needs a GPU."""
    monkeypatch.setattr(Tensor, "pin_memory", Tensor.clone)
    left, right = torch.randint(256, (2, 1, 3, 4, 5), dtype=torch.uint8)
    batch = StereoBatch(left, right, torch.rand(1, 4, 5), torch.rand(1, 4, 5) > 0.5, ("a",))
    blocks = Blocks(1, 1, 1024)
    handed = blocks.put(0, batch[:4])
    assert handed is not None
    pinned = HandedBatch(handed, batch.names).pin_memory()
    assert blocks.put(0, batch[:4]) is not None
    assert same(pinned, batch)


@pytest.fixture
def config() -> DataConfig:
    world = SyntheticConfig(height=64, width=96, length=8, max_disparity=16, texture_bank=0)
    augmentation = AugmentationConfig(crop_height=48, crop_width=64)
    train = DatasetConfig(family="synthetic", synthetic=world)
    return DataConfig(train=train, augmentation=augmentation, batch_size=1, workers=2)


def test_batches_of_loader_processes_are_used_again_unless_they_are_kept(config: DataConfig) -> None:
    """Kept ones are as many as one likes: where no block is free, they come in memory of their own."""
    kept = list(iterate(build_loader(config, 0, 0, 24)))
    addresses = [
        (batch.left.data_ptr(), same(batch, kept[number]))
        for number, batch in enumerate(iterate(build_loader(config, 0, 0, 24)))
    ]
    assert all(equal for _, equal in addresses)
    assert len({address for address, _ in addresses}) < 24 == len({batch.left.data_ptr() for batch in kept})


def same(one: StereoBatch, other: StereoBatch) -> bool:
    return one.names == other.names and all(map(torch.equal, one[:4], other[:4]))
