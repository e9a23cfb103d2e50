"""Checkpoints: whole or not at all, and nothing in them is ever run."""

import pickle
from pathlib import Path

import pytest
import torch
from helpers import tiny_config

from stereo.checkpoint import FORMAT, load_checkpoint, read_checkpoint, save_checkpoint
from stereo.errors import CheckpointError, ConfigError, OutputError
from stereo.model.network import StereoNetwork


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    config = tiny_config(tmp_path)
    path = tmp_path / "best.pt"
    save_checkpoint(path, StereoNetwork(config.model), config, step=7)
    return path


def test_round_trip(saved: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(saved)
    assert loaded.step == 7
    assert loaded.config == tiny_config(tmp_path)
    assert not loaded.network.training
    again = load_checkpoint(saved, max_disparity=64)
    images = torch.rand(2, 1, 3, 64, 96)
    assert again.network.max_disparity == 64
    again.network.max_disparity = loaded.network.max_disparity
    assert torch.equal(loaded.network(*images).disparity, again.network(*images).disparity)


def test_nothing_but_the_checkpoint_is_left_in_the_folder(saved: Path) -> None:
    assert [path.name for path in saved.parent.iterdir()] == ["best.pt"]


def test_a_failed_write_keeps_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = saved.read_bytes()

    def half_written(content: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", half_written)
    config = tiny_config(tmp_path)
    with pytest.raises(OutputError, match="No space left"):
        save_checkpoint(saved, StereoNetwork(config.model), config, step=8)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["best.pt"]


def test_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint(tmp_path / "nowhere" / "x.pt", StereoNetwork(config.model), config, step=1)


class Malice:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("/tmp/stereo-malice"),))


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "empty", "text", "truncated", "pickle", "malice", "foreign", "lacking"]
)
def test_what_is_no_checkpoint_is_refused_in_one_line(saved: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "other.pt"
    whole = saved.read_bytes()
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a checkpoint")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"format": FORMAT}))
    elif kind == "malice":
        torch.save({"format": FORMAT, "network": Malice()}, path)
    elif kind == "foreign":
        torch.save({"state_dict": {}}, path)
    elif kind == "lacking":
        torch.save({key: value for key, value in read_checkpoint(saved).items() if key != "config"}, path)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("/tmp/stereo-malice").exists()
    reason = {
        "malice": "could run code",
        "text": "not a PyTorch file",
        "truncated": "truncated",
        "lacking": "lacks config",
    }
    assert reason.get(kind, "") in str(caught.value)


def test_weights_of_another_network_are_listed(saved: Path) -> None:
    content = read_checkpoint(saved)
    content["config"]["model"]["features"]["channels"] = 16
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=r"is \[8, 16, 3, 3\], expected \[16, 16, 3, 3\].*and \d+ more"):
        load_checkpoint(saved)


def test_another_version_and_another_range(saved: Path) -> None:
    with pytest.raises(ConfigError, match="multiple of 16"):
        load_checkpoint(saved, max_disparity=50)
    content = read_checkpoint(saved)
    torch.save(content | {"version": 99}, saved)
    with pytest.raises(CheckpointError, match="version 99"):
        load_checkpoint(saved)
