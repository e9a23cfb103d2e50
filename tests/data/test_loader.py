"""Batches that are the same for any number of workers, and wherever a run was resumed."""

import itertools
import multiprocessing
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import textured_sample, tiny_config
from numpy.typing import NDArray

from stereo.config import DataConfig, DatasetConfig, SyntheticConfig
from stereo.data.batch import StereoBatch, collate
from stereo.data.datasets import build_dataset
from stereo.data.loader import build_loader, in_order, iterate
from stereo.data.permutation import ROUNDS, Permutation
from stereo.data.training_data import TrainingData, _draws_of_sets
from stereo.errors import DataError
from stereo.seeds import generator


def batches(
    config: DataConfig, seed: int = 0, first: int = 0, last: int = 4, rank: int = 0, size: int = 1
) -> list[StereoBatch]:
    return list(iterate(build_loader(config, seed, first, last, rank, size)))


def equal(first: list[StereoBatch], second: list[StereoBatch]) -> bool:
    return len(first) == len(second) and all(
        one.names == other.names and all(torch.equal(a, b) for a, b in zip(one[:4], other[:4], strict=True))
        for one, other in zip(first, second, strict=True)
    )


def order(data: TrainingData, seed: int, epoch: int) -> NDArray[np.int64]:
    """The items of one pass."""
    return np.array([data.item(seed, epoch * len(data) + place) for place in range(len(data))])


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    config = tiny_config(tmp_path).data
    config.train.synthetic.length = 5  # less than the four batches of two: a second pass begins within
    return config


def test_types_and_shapes(config: DataConfig) -> None:
    batch = batches(config)[0]
    assert batch.left.shape == batch.right.shape == (2, 3, 48, 64)
    assert batch.left.dtype == torch.uint8
    data = TrainingData(config)
    assert batch.names == tuple(data.source(data.item(0, draw)).name for draw in range(2))
    assert batch.disparity.shape == batch.valid.shape == (2, 48, 64)
    on_device = batch.to(torch.device("cpu"))
    assert on_device.names == batch.names
    assert on_device.left.dtype == torch.float32
    assert on_device.left.min() >= 0
    assert on_device.left.max() <= 1


def test_the_same_for_any_number_of_workers(config: DataConfig) -> None:
    config.workers = 0
    alone = batches(config)
    for workers in (1, 4):
        config.workers = workers
        assert equal(alone, batches(config))


def test_a_resumed_run_sees_what_it_would_have_seen(config: DataConfig) -> None:
    assert equal(batches(config)[2:], batches(config, first=2))


def test_another_seed_gives_other_batches(config: DataConfig) -> None:
    assert not equal(batches(config), batches(config, seed=1))


def test_processes_share_the_batch(config: DataConfig) -> None:
    together = batches(config)
    shares = [batches(config, rank=rank, size=2) for rank in range(2)]
    for step in range(4):
        assert torch.equal(together[step].left, torch.cat([shares[0][step].left, shares[1][step].left]))
    with pytest.raises(DataError, match="does not divide among 3"):
        build_loader(config, 0, 0, 1, 0, 3)


def test_every_sample_of_a_pass_is_drawn_once(config: DataConfig) -> None:
    config.batch_size = 5
    config.augmentation.color_jitter = 0
    sampler = build_loader(config, 0, 0, 2).sampler
    items = [draw.item for draw in sampler]
    assert sorted(items[:5]) == sorted(items[5:]) == [0, 1, 2, 3, 4]
    assert items[:5] != items[5:]


def test_several_sets_are_mixed_by_weight(config: DataConfig) -> None:
    """100 draws a pass: three quarters of the first set, whose samples come again only when all have been drawn."""
    other = replace(config.train, synthetic=replace(config.train.synthetic, seed=9, length=80))
    config.train.synthetic.length = 20
    config.mix = [other]
    plain = TrainingData(config)
    assert len(plain) == 100
    assert sorted(order(plain, 0, 0)) == sorted(order(plain, 0, 5)) == list(range(100))

    config.train.weight, other.weight = 3.0, 1.0
    mixed = TrainingData(config)
    passes = [order(mixed, 0, epoch) for epoch in range(4)]
    assert all(len(items) == 100 and (items < 20).sum() == 75 for items in passes)
    counts = np.bincount(np.concatenate(passes), minlength=100)
    assert set(counts[:20]) == {15}
    assert set(counts[20:]) <= {1, 2}
    assert counts[20:].sum() == 100
    assert np.array_equal(order(mixed, 0, 2), passes[2])
    assert not np.array_equal(passes[0], passes[1])
    assert mixed.source(0).name == "synthetic/0/000000"
    assert mixed.source(20).name == "synthetic/9/000000"
    assert mixed.source(99).name == "synthetic/9/000079"
    assert len(batches(config)) == 4

    other.weight = None
    with pytest.raises(DataError, match="a weight to each data set, or to none"):
        TrainingData(config)


def test_what_a_skip_list_leaves_out_is_never_drawn_and_shares_stay(config: DataConfig, tmp_path: Path) -> None:
    """Of 5 + 5 samples 3 + 5 are left, 8 draws a pass: a quarter of them are of the first set, as its weight says."""
    (tmp_path / "skip.txt").write_text("synthetic/0/000000\nsynthetic/0/000003\n")
    other = replace(config.train, weight=3.0, synthetic=replace(config.train.synthetic, seed=9))
    config.train = replace(config.train, weight=1.0, skip_list=str(tmp_path / "skip.txt"))
    config.mix = [other]
    data = TrainingData(config)
    assert len(data) == 8
    counts = np.bincount(np.concatenate([order(data, 0, epoch) for epoch in range(15)]), minlength=8)
    assert counts.tolist() == [10, 10, 10, 18, 18, 18, 18, 18]
    assert [data.source(item).name for item in range(3)] == [f"synthetic/0/00000{index}" for index in (1, 2, 4)]
    assert data.source(3).name == "synthetic/9/000000"
    drawn = {name for batch in batches(config, last=12) for name in batch.names}
    assert drawn & {"synthetic/0/000000", "synthetic/0/000003"} == set()


@pytest.mark.parametrize("weights", [(1.0, 0.001), (0.001, 1.0), (1.0, 1.0, 1.0), (0.7, 0.2, 0.1), (5.0, 0.3, 0.3)])
def test_each_set_gets_its_share_in_the_long_run(config: DataConfig, weights: tuple[float, ...]) -> None:
    """What is left of a draw is carried over: a small weight means seldom, and not never."""
    config.train.synthetic.length = 7
    config.train.weight = weights[0]
    config.mix = [
        replace(config.train, weight=weight, synthetic=replace(config.train.synthetic, seed=9 + number))
        for number, weight in enumerate(weights[1:])
    ]
    data = TrainingData(config)
    passes = 200
    counts = [np.bincount(order(data, 0, epoch) // 7, minlength=len(weights)) for epoch in range(passes)]
    assert all(count.sum() == len(data) for count in counts)
    for count, weight in zip(np.sum(counts, axis=0), weights, strict=True):
        assert abs(count - passes * len(data) * weight / sum(weights)) < len(weights)
    # Every sample of a set comes before one of them comes again.
    first = np.concatenate([items[items < 7] for items in (order(data, 0, epoch) for epoch in range(passes))])
    drawn = np.bincount(first, minlength=7)
    assert drawn.max() - drawn.min() <= 1


def shuffled(length: int, *stream: int) -> NDArray[np.int64]:
    """One pass over so many, as an array. The purpose is told by how many numbers follow it."""
    keys = generator("order" if len(stream) == 2 else "order within a set", *stream)
    permutation = Permutation(length, keys.integers(2**64, size=ROUNDS, dtype=np.uint64).tolist())
    return np.array(list(permutation))


def naive_order(data: TrainingData, seed: int, epoch: int) -> NDArray[np.int64]:
    """A whole pass: the draws of each set, parts of its endless row of passes, one set after the other, shuffled."""
    assert data.weights is not None
    items: list[int] = []
    first, last = (_draws_of_sets(number * len(data), data.weights) for number in (epoch, epoch + 1))
    for number, dataset in enumerate(data.sets):
        length = len(dataset)
        row = np.concatenate([shuffled(length, seed, number, own) for own in range(last[number] // length + 1)])
        items += (data.starts[number] + row[first[number] : last[number]]).tolist()
    return np.array(items)[shuffled(len(data), seed, epoch)]


def test_what_a_draw_takes_is_what_the_whole_pass_has_there(config: DataConfig) -> None:
    config.train.synthetic.length, config.train.weight = 7, 0.3
    others = [replace(config.train.synthetic, seed=9, length=30), replace(config.train.synthetic, seed=8, length=3)]
    config.mix = [
        replace(config.train, weight=0.6, synthetic=others[0]),
        replace(config.train, weight=0.1, synthetic=others[1]),
    ]
    data = TrainingData(config)
    for epoch in range(4):
        assert np.array_equal(order(data, 3, epoch), naive_order(data, 3, epoch))


def test_the_order_does_not_move(config: DataConfig) -> None:
    """The order of a run is part of what makes its numbers, and of what a resumed one goes on with."""
    data = TrainingData(config)
    assert [order(data, 3, epoch).tolist() for epoch in range(2)] == [[3, 2, 1, 4, 0], [1, 0, 3, 2, 4]]
    config.train.synthetic.length = 10**9
    billion = TrainingData(config)
    assert [billion.item(3, draw) for draw in (0, 10**9 - 1, 10**12)] == [403776541, 67430835, 814396404]


def test_a_billion_samples_cost_nothing(config: DataConfig) -> None:
    """A run resumed in the midst of its third pass, on one of 1,024 ranks, has its next batch at once."""
    config.train.synthetic.length = 10**9
    config.batch_size = 4096
    tracemalloc.start()
    sampler = build_loader(config, 0, 600_000, 700_000, 7, 1024).sampler
    draws = list(itertools.islice(sampler, 8))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [draw.position for draw in draws[:5]] == [600_000 * 4096 + 7 + 1024 * number for number in range(5)]
    assert peak < 1e6


def test_all_ranks_together_draw_what_one_would(config: DataConfig) -> None:
    """1,024 ranks go through a set of 3,072 once in three steps, each of them its own samples."""
    config.train.synthetic.length = 3072
    config.batch_size = 1024
    alone = [draw.item for draw in build_loader(config, 0, 0, 3).sampler]
    ranks = [[draw.item for draw in build_loader(config, 0, 0, 3, rank, 1024).sampler] for rank in range(1024)]
    assert [items[step] for step in range(3) for items in ranks] == alone
    assert sorted(alone) == list(range(3072))


def test_limit_and_missing_path() -> None:
    world = SyntheticConfig(height=32, width=48, length=10, max_disparity=8)
    dataset = build_dataset(DatasetConfig(synthetic=world, limit=3))
    assert len(dataset) == 3
    assert np.array_equal(dataset[2].left, build_dataset(DatasetConfig(synthetic=world))[2].left)
    with pytest.raises(IndexError):
        dataset[3]
    with pytest.raises(DataError):
        build_dataset(DatasetConfig(family="eth3d", path="/nowhere"))


def test_an_error_in_a_worker_arrives_as_one_line(config: DataConfig) -> None:
    config.augmentation.crop_height = 4096
    config.workers = 1
    others = set(multiprocessing.active_children())  # of other tests, still ending
    with pytest.raises(DataError) as caught:
        batches(config)
    assert "but the crop is" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert set(multiprocessing.active_children()) <= others


class Broken:
    """Two items, of which the second fails with a message that looks like a traceback's last line."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        if index:
            raise DataError("scene_Error: 1.png: is not an image; the decoder says: Error: 5")
        return index


@pytest.mark.parametrize("workers", [0, 1])
def test_no_part_of_a_message_is_lost(workers: int) -> None:
    items = in_order(Broken(), workers)
    assert next(items) == 0
    with pytest.raises(DataError, match=r"^scene_Error: 1\.png: is not an image; the decoder says: Error: 5$"):
        next(items)


ABANDONED = """
import os, signal, sys
from stereo.config import DataConfig
from stereo.data import loader

loader._GRACE_SECONDS = 1
config = DataConfig(batch_size=1, workers=1)
world = config.train.synthetic
world.height, world.width, world.max_disparity = 64, 96, 8.0
config.augmentation.crop_height, config.augmentation.crop_width = 48, 64
batches = iter(loader.build_loader(config, 0, 0, 50))
next(batches)
if sys.argv[1] == "signalled":  # as a scheduler does: every process of the group, of which this one stays
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgid(0), signal.SIGTERM)
    next(batches)
print("last line", flush=True)
"""


@pytest.mark.parametrize("case", ["left alone", "signalled"])
def test_no_worker_keeps_the_process_from_ending(case: str) -> None:
    """With batches still to come, and the iterator still referred to, when the interpreter ends."""
    command = [sys.executable, "-c", ABANDONED, case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, start_new_session=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "last line\n", "")


def test_collate_refuses_what_does_not_fit() -> None:
    with pytest.raises(DataError, match="different sizes"):
        collate([textured_sample(32, 48, 1), textured_sample(32, 64, 1)])
    with pytest.raises(DataError, match="plane/0: has no ground truth, which training needs"):
        collate([replace(textured_sample(32, 48, 1), truth=None)])
