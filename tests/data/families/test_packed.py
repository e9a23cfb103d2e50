"""The decoded copy of a data set: the same samples, and half a copy is none."""

import errno
import json
import pickle
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import load_script, right_disparity_of, textured_sample, tiny_config, truth_of, with_truth
from helpers.samples import assert_same

from stereo.config import DataConfig, DatasetConfig
from stereo.data.batch import StereoBatch
from stereo.data.datasets import build_dataset
from stereo.data.families.packed import PackedDataset
from stereo.data.loader import build_loader, iterate
from stereo.data.packing import pack
from stereo.data.sample import Calibration, StereoSample
from stereo.errors import ConfigError, DataError, OutputError
from stereo.locks import lock_file

script = load_script("pack_dataset")
SMALL = ["synthetic.height=32", "synthetic.width=48", "synthetic.max_disparity=8", "synthetic.texture_bank=0"]


def samples() -> list[StereoSample]:
    """Of several sizes, and with and without whatever a sample may have."""
    first, second, third = (textured_sample(height, 37, 3, seed) for seed, height in enumerate((20, 31, 8)))
    holes = np.ones((31, 37), bool)
    holes[::2, ::3] = False
    second = with_truth(second, valid=holes, occluded=~holes, disparity_right=truth_of(second).disparity + 1)
    second = with_truth(second, foreground=holes[::-1].copy())
    second = replace(second, calibration=Calibration(700.5, 0.2, 3.25, 18.5, 15.0))
    return [first, second, replace(third, truth=None)]


@pytest.mark.parametrize("shard_bytes", [1, 8000, 1 << 30])
def test_the_same_samples(tmp_path: Path, shard_bytes: int) -> None:
    total = pack(samples(), tmp_path / "packed", {"family": "test"}, shard_bytes)
    dataset = PackedDataset(tmp_path / "packed")
    assert dataset.names == [sample.name for sample in samples()]
    for number, sample in enumerate(samples()):
        assert_same(dataset[number], sample)
    shards = sorted((tmp_path / "packed").glob("shard_*.bin"))
    assert len(shards) == {1: 3, 8000: 2, 1 << 30: 1}[shard_bytes]
    assert 0 <= sum(path.stat().st_size for path in shards) - total < 64 * 16
    assert json.loads((tmp_path / "packed" / "index.json").read_text())["source"] == {"family": "test"}
    assert_same(pickle.loads(pickle.dumps(dataset))[1], samples()[1])


def test_a_copy_from_before_there_was_foreground(tmp_path: Path) -> None:
    """Its index does not name that array; nothing else is different."""
    one = samples()[1]
    pack([one], tmp_path, {})
    index = tmp_path / "index.json"
    content = json.loads(index.read_text())
    del content["samples"][0]["offsets"]["foreground"]
    index.write_text(json.dumps(content))
    assert_same(PackedDataset(tmp_path)[0], with_truth(one, foreground=None))


def test_writing_to_a_sample_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    pack(samples(), tmp_path, {})
    PackedDataset(tmp_path)[0].left[:] = 0
    assert_same(PackedDataset(tmp_path)[0], samples()[0])


def test_training_from_the_copy_is_training_from_the_set(tmp_path: Path) -> None:
    config = tiny_config(tmp_path).data
    config.train.limit = 6
    config.train.synthetic.photometric = False  # a crop of the world has noise of its own
    config.augmentation.horizontal_flip_probability = 0.5
    dataset = build_dataset(config.train)
    pack((dataset[index] for index in range(len(dataset))), tmp_path / "packed", {})
    copy = replace(config, train=DatasetConfig(family="packed", path=str(tmp_path / "packed")), workers=1)
    for one, other in zip(batches(config), batches(copy), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one[:4], other[:4], strict=True))
        assert one.names == other.names


def batches(config: DataConfig) -> list[StereoBatch]:
    return list(iterate(build_loader(config, 0, 0, 4)))


@pytest.mark.parametrize(("split", "seed"), [("train", 0), ("test", 1_000_000)])
def test_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str], split: str, seed: int) -> None:
    arguments = ["--data", "synthetic", "--split", split, "--limit", "2", "--workers", "0", *SMALL]
    arguments += ["--output", str(tmp_path / "packed")]
    assert script.main(arguments) == 0
    assert "wrote 2 pairs" in capsys.readouterr().out
    packed = PackedDataset(tmp_path / "packed")
    assert packed.names == [f"synthetic/{seed}/000000", f"synthetic/{seed}/000001"]
    assert right_disparity_of(packed[1]).any()
    with pytest.raises(OutputError, match="already holds a packed data set"):
        script.main(arguments)


def test_the_half_to_pack_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--data synthetic: has two halves"):
        script.main(["--data", "synthetic", "--output", str(tmp_path / "packed")])
    assert not (tmp_path / "packed").exists()


def test_broken_copies(tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    pack(samples(), folder, {}, 1)
    index = folder / "index.json"
    content = index.read_text()

    def refused(message: str) -> None:
        with pytest.raises(DataError, match=message) as caught:
            PackedDataset(folder)[0]
        assert str(caught.value).startswith(str(folder))

    index.write_text(content.replace('"version": 1', '"version": 2'))
    refused("version 2, expected 1")
    wrong = ('"height": -1', '"height": Infinity', '"height": NaN', '"height": 1e400', '"height": [[]]')
    wrong_heights = [content.replace('"height": 20', height) for height in wrong]
    wrong_focal_length = content.replace("700.5", '"x"')
    for damaged in (content[:-20], "[]", "{}", *wrong_heights, wrong_focal_length, content + "x", "[" * 100_000):
        index.write_text(damaged)
        refused("damaged")
    index.write_text('{"version": 1, "samples": []}')
    refused("holds no sample")
    index.write_text(content)
    shard = folder / "shard_0001.bin"
    shard.write_bytes(shard.read_bytes()[:-1])
    refused(r"shard_0001\.bin: has [\d,]+ bytes, expected [\d,]+")
    shard.unlink()
    refused(r"shard_0001\.bin: is not there")
    index.unlink()
    refused("has no index.json")
    shutil.rmtree(folder)
    refused("nothing there")


def test_packing_that_breaks_off_leaves_no_data_set(tmp_path: Path) -> None:
    def breaking():  # type: ignore[no-untyped-def]
        yield samples()[0]
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        pack(breaking(), tmp_path / "packed", {})
    with pytest.raises(DataError, match="packing broke off"):
        PackedDataset(tmp_path / "packed")
    pack(samples(), tmp_path / "packed", {})
    assert len(PackedDataset(tmp_path / "packed")) == 3


def test_a_shard_is_copied_when_it_is_first_read_of(tmp_path: Path) -> None:
    """And never again, though the set is gone; one that was made anew has copies of its own."""
    pack(samples(), tmp_path / "packed", {}, shard_bytes=1)
    dataset = PackedDataset(tmp_path / "packed", tmp_path / "cache")
    copies = lambda: sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())  # noqa: E731
    assert copies() == []
    assert_same(dataset[1], samples()[1])
    assert copies() == ["shard_0001.bin"]
    (tmp_path / "packed" / "shard_0001.bin").rename(tmp_path / "away")
    assert_same(pickle.loads(pickle.dumps(dataset))[1], samples()[1])
    shutil.rmtree(tmp_path / "packed")
    pack(reversed(samples()), tmp_path / "packed", {}, shard_bytes=1)
    again = PackedDataset(tmp_path / "packed", tmp_path / "cache")
    assert_same(again[0], samples()[2])
    assert_same(again[1], samples()[1])


def test_nobody_waits_for_a_copy_that_another_process_makes(tmp_path: Path) -> None:
    pack(samples(), tmp_path / "packed", {})
    dataset = PackedDataset(tmp_path / "packed", tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    release = lock_file(folder / "shard_0000.lock")
    assert release is not None
    assert_same(dataset[1], samples()[1])
    assert not (folder / "shard_0000.bin").exists()
    release()
    assert_same(dataset[1], samples()[1])
    assert (folder / "shard_0000.bin").exists()


def test_a_disk_without_room_for_the_copies_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(samples(), tmp_path / "packed", {})
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DataError, match=r"cache: has 0\.0 GB free.*leave `cache` out"):
        PackedDataset(tmp_path / "packed", tmp_path / "cache")


def test_a_copy_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when others have filled the disk meanwhile."""

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    pack(samples(), tmp_path / "packed", {})
    monkeypatch.setattr(shutil, "copyfile", full)
    dataset = PackedDataset(tmp_path / "packed", tmp_path / "cache")
    assert_same(dataset[1], samples()[1])
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_only_packed_sets_have_a_cache() -> None:
    with pytest.raises(ConfigError, match=r"cache is /fast, which is for packed data sets.*pack_dataset\.py"):
        DatasetConfig(family="scene_flow", path="/data", cache="/fast")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """Also where the last bytes, written at the end, are those for which there is no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (4000, 37 * 20 * 3 * 2 + 37 * 20 * 4 - 10):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            with pytest.raises(OutputError, match="cannot be written: File too large; free some disk space"):
                pack(samples()[:1], tmp_path / str(room), {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        with pytest.raises(DataError, match="packing broke off"):
            PackedDataset(tmp_path / str(room))
