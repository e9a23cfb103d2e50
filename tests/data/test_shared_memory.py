"""Loader processes prepare as many batches as the shared memory takes, and say so where it takes none."""

from pathlib import Path

import pytest

from stereo.config import AugmentationConfig, DataConfig, DatasetConfig, SyntheticConfig
from stereo.data import shared_memory
from stereo.data.loader import build_loader
from stereo.data.shared_memory import batches_ahead, free_shared_memory
from stereo.data.workers import count_workers
from stereo.errors import DataError

# Of one sample: 48 × 64 px, 11 bytes each.
SAMPLE = 48 * 64 * 11


def make_config(workers: int, batch_size: int, crop: bool = True) -> DataConfig:
    world = SyntheticConfig(height=64, width=96, length=8, max_disparity=16, texture_bank=0)
    augmentation = AugmentationConfig(crop_height=48 if crop else None, crop_width=64 if crop else None)
    train = DatasetConfig(family="synthetic", synthetic=world)
    return DataConfig(train=train, augmentation=augmentation, batch_size=batch_size, workers=workers)


def free(monkeypatch: pytest.MonkeyPatch, size: int | None) -> None:
    monkeypatch.setattr(shared_memory, "free_shared_memory", lambda: size)


# Two batches are in use, so 2 + ahead × workers of them have to fit.
@pytest.mark.parametrize(
    ("batches", "workers", "ahead"), [(100, 3, 4), (14, 3, 4), (13, 3, 3), (8, 3, 2), (5, 3, 1), (3, 1, 1), (6, 1, 4)]
)
def test_as_many_batches_as_fit_are_prepared(
    monkeypatch: pytest.MonkeyPatch, batches: int, workers: int, ahead: int
) -> None:
    config = make_config(workers, batch_size=2)
    free(monkeypatch, batches * 2 * SAMPLE)
    assert batches_ahead(config, count_workers(config.workers), SAMPLE) == ahead
    assert build_loader(config, 0, 0, 1).prefetch_factor == ahead


@pytest.mark.parametrize(("batches", "workers", "advice"), [(4, 3, 2), (3, 9, 1), (2, 1, 0), (0, 2, 0)])
def test_where_none_fits_the_message_names_what_helps(
    monkeypatch: pytest.MonkeyPatch, batches: int, workers: int, advice: int
) -> None:
    config = make_config(workers, batch_size=2)
    free(monkeypatch, batches * 2 * SAMPLE)
    with pytest.raises(DataError, match=rf"--shm-size=\d+m.* or set data\.workers={advice}$") as caught:
        build_loader(config, 0, 0, 1)
    assert "\n" not in str(caught.value)
    config.workers = advice
    build_loader(config, 0, 0, 1)


def test_the_size_that_is_advised_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(workers=4, batch_size=100)
    free(monkeypatch, 0)
    with pytest.raises(DataError, match=r"data\.workers") as caught:
        build_loader(config, 0, 0, 1)
    advised = str(caught.value).partition("--shm-size=")[2].partition("m ")[0]
    free(monkeypatch, int(advised) << 20)
    assert build_loader(config, 0, 0, 1).prefetch_factor == 4


@pytest.mark.parametrize(("size", "workers"), [(0, 0), (None, 2)])
def test_no_workers_and_other_systems_need_none(
    monkeypatch: pytest.MonkeyPatch, size: int | None, workers: int
) -> None:
    free(monkeypatch, size)
    assert build_loader(make_config(workers, batch_size=2), 0, 0, 1).prefetch_factor == (4 if workers else None)


def test_whole_samples_are_measured_by_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(workers=1, batch_size=2, crop=False)
    free(monkeypatch, 3 * 2 * 64 * 96 * 11)
    assert build_loader(config, 0, 0, 1).prefetch_factor == 1


@pytest.mark.parametrize(("world_size", "here", "share"), [(4, 4, 1.0), (4, 2, 0.5), (2, 1, 0.5), (1, 1, 1.0)])
def test_processes_of_one_computer_share_its_memory(
    monkeypatch: pytest.MonkeyPatch, world_size: int, here: int, share: float
) -> None:
    config = make_config(workers=1, batch_size=4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(here))
    needed = int(3 * share * 4 * SAMPLE)
    free(monkeypatch, needed)
    assert batches_ahead(config, 1, SAMPLE, world_size) == 1
    free(monkeypatch, needed - 1)
    with pytest.raises(DataError):
        batches_ahead(config, 1, SAMPLE, world_size)


def test_clean_views_take_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more RGB views: 17 bytes a pixel instead of 11."""
    config = make_config(workers=1, batch_size=2)
    free(monkeypatch, 3 * 2 * 48 * 64 * 17)
    assert build_loader(config, 0, 0, 1, with_clean=True).prefetch_factor == 1
    free(monkeypatch, 3 * 2 * 48 * 64 * 17 - 1)
    assert build_loader(config, 0, 0, 1).prefetch_factor == 2
    with pytest.raises(DataError, match="has 0 MB free"):
        build_loader(config, 0, 0, 1, with_clean=True)


def test_a_system_without_shared_memory_of_its_own(tmp_path: Path) -> None:
    assert free_shared_memory(str(tmp_path / "none")) is None
    measured = free_shared_memory(str(tmp_path))
    assert measured is not None
    assert measured >= 0
