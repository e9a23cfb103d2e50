"""Checkpoints: whole or not at all, and nothing in them is ever run."""

import hashlib
import os
import pickle
import re
import struct
import tracemalloc
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from helpers import REPOSITORY, tiny_config

from stereo import checkpoint
from stereo.checkpoint import (
    FORMAT,
    find_weights,
    load_checkpoint,
    model_of,
    read_checkpoint,
    save_checkpoint,
    shipped_weights,
)
from stereo.config import ModelConfig, config_to_dict, model_preset
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
    assert loaded.model == tiny_config(tmp_path).model
    assert loaded.config == config_to_dict(tiny_config(tmp_path))
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

    def half_written(content: object, file: BinaryIO) -> None:
        file.write(b"half")
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


# ------------------------------------------------------------------------------- configurations of other releases


@pytest.fixture
def edit(saved: Path) -> Callable[..., Path]:
    """Change the stored configuration of a checkpoint: dotted keys and their values."""

    def change(**values: Any) -> Path:
        content = read_checkpoint(saved)
        for key, value in values.items():
            *sections, name = key.split("__")
            target = content["config"]
            for section in sections:
                target = target[section]
            target[name] = value
        torch.save(content, saved)
        return saved

    return change


def test_only_the_settings_of_the_network_are_strict(edit: Callable[..., Path]) -> None:
    path = edit(
        data__train__synthetic__domes=3, optimizer__momentum=0.9, training__steps="many", loss__kind="l2", old=1
    )
    loaded = load_checkpoint(path)
    assert loaded.network.max_disparity == 32
    assert loaded.config["data"]["train"]["synthetic"]["domes"] == 3
    with pytest.raises(ConfigError, match=rf"^{path} .*colour"):
        load_checkpoint(edit(model__features__colour=1))


def test_sections_that_go_with_the_network_are_not_looked_at() -> None:
    """Five hourglasses need five weights of the loss, and psmnet features a larger crop, in training alone."""
    content = {"config": {"model": {"features": {"kind": "psmnet"}, "aggregation": {"num_hourglasses": 5}}}}
    assert model_of(content, "file").aggregation.num_hourglasses == 5


def test_a_setting_that_an_old_checkpoint_lacks_is_that_of_its_preset() -> None:
    content = {"config": {"preset": "psmnet", "model": {"max_disparity": 48}}}
    expected = model_preset("psmnet")
    expected.max_disparity = 48
    assert model_of(content, "file") == expected
    # `compact` was another network before it got what these lack.
    assert model_of({"config": {"preset": "compact"}}, "file") == model_of({"config": {}}, "file") == ModelConfig()
    with pytest.raises(ConfigError, match=r"^file"):
        model_of({"config": {"preset": "no such"}}, "file")


def test_renamed_settings_are_read_by_their_old_names(
    edit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = read_checkpoint(edit())
    aggregation = content["config"]["model"]["aggregation"]
    aggregation["checkpoint"] = aggregation.pop("recompute", aggregation.get("checkpoint"))
    path = edit(model__aggregation=aggregation)
    assert load_checkpoint(path).model.aggregation.num_hourglasses == 2

    added = (("features", "width", "channels"), ("features", "gone", "not_known"))
    monkeypatch.setattr(checkpoint, "_RENAMED", (*checkpoint._RENAMED, *added))
    path = edit(model__features={"width": 8, "matching_channels": 16})
    assert load_checkpoint(path).model.features.channels == 8
    with pytest.raises(ConfigError, match="gone"):
        load_checkpoint(edit(model__features={"gone": 8}))


# ---------------------------------------------------------------------------------------------- files of strangers


def test_references_in_a_stored_configuration_are_text(
    edit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEREO_SECRET", "hourglass")
    path = edit(training__output="${oc.env:STEREO_SECRET}")
    assert load_checkpoint(path).config["training"]["output"] == "${oc.env:STEREO_SECRET}"
    for backslashes in ("", "\\", "\\\\"):
        with pytest.raises(ConfigError, match=r"kind.*oc\.env:STEREO_SECRET"):
            load_checkpoint(edit(model__aggregation__kind=backslashes + "${oc.env:STEREO_SECRET}"))


def test_a_preset_of_a_stranger_is_refused_in_one_line(edit: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match=r"best\.pt \(its configuration\): preset: .*expected one of"):
        load_checkpoint(edit(preset="${oc.env:HOME}"))


def test_a_range_that_would_only_take_memory_is_refused(edit: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match=r"max_disparity is 16000000000, expected 65536 px or less"):
        load_checkpoint(edit(model__max_disparity=16 * 10**9))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64])
def test_weights_of_another_kind_of_number_are_refused(saved: Path, dtype: torch.dtype) -> None:
    content = read_checkpoint(saved)
    name = next(iter(content["network"]))
    content["network"][name] = content["network"][name].to(dtype)
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match=rf"{name} is {str(dtype).removeprefix('torch.')}, expected"):
        load_checkpoint(saved)


def test_a_version_that_is_no_number_is_refused(saved: Path) -> None:
    torch.save(read_checkpoint(saved) | {"version": torch.ones(2)}, saved)
    with pytest.raises(CheckpointError, match=r"checkpoint version .*, expected 1"):
        load_checkpoint(saved)


def test_a_damaged_bit_in_the_weights_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    with zipfile.ZipFile(saved) as archive:
        record = max(archive.infolist(), key=lambda record: record.file_size)
    for offset in (100, record.file_size // 2):  # beyond the record's own header
        damaged = bytearray(whole)
        damaged[record.header_offset + offset] ^= 4
        saved.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="truncated or damaged"):
            read_checkpoint(saved)


def test_whatever_loads_in_spite_of_a_flipped_bit_is_what_was_saved(saved: Path) -> None:
    """A bit may be that of a filling between the records, or of a date."""
    whole, before = saved.read_bytes(), load_checkpoint(saved).network.state_dict()
    rng = np.random.default_rng(0)
    refused = 0
    for bit in rng.integers(0, len(whole) * 8, 60):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(damaged)
        try:
            after = load_checkpoint(saved).network.state_dict()
        except CheckpointError:
            refused += 1
        else:
            assert all(torch.equal(after[name], value) for name, value in before.items())
    assert refused > 30


def test_weights_that_ship_are_those_that_were_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = REPOSITORY / "checkpoints"
    sums = (folder / "SHA256SUMS").read_text()
    for path in folder.glob("*.pt"):
        assert f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" in sums, "sha256sum *.pt > SHA256SUMS"
    (tmp_path / "SHA256SUMS").write_text(sums)
    content = bytearray((folder / "slim.pt").read_bytes())
    content[-1] ^= 1  # of the archive's comment, which has no checksum
    (tmp_path / "slim.pt").write_bytes(content)
    assert load_checkpoint(tmp_path / "slim.pt")
    monkeypatch.setattr(checkpoint, "_SHIPPED", (tmp_path,))
    with pytest.raises(CheckpointError, match=r"slim\.pt: is not the file that ships"):
        load_checkpoint("slim")


def _within_itself() -> dict[str, Any]:
    values: dict[str, Any] = {}
    values["model"] = values
    return values


def _again_and_again() -> dict[str, Any]:
    values: list[Any] = [1]
    for _ in range(12):
        values = [values] * 10
    return {"model": {"features": values}}


@pytest.mark.parametrize(
    "config",
    [_within_itself(), _again_and_again(), {"a": 2**100}, {"a": torch.zeros(1)}, {2**100: 1}, {"a": [{}] * 20_000}],
    ids=["within itself", "again and again", "a large number", "tensor", "key", "long"],
)
def test_a_configuration_that_nobody_can_walk_through_is_refused(saved: Path, config: dict[Any, Any]) -> None:
    content = read_checkpoint(saved)
    torch.save(content | {"config": config}, saved)
    with pytest.raises(CheckpointError, match="its configuration is damaged"):
        load_checkpoint(saved)


@pytest.mark.parametrize("step", [-1, True, 2**70])
def test_a_step_that_is_no_number_of_steps_is_refused(saved: Path, step: Any) -> None:
    torch.save(read_checkpoint(saved) | {"step": step}, saved)
    with pytest.raises(CheckpointError, match="its step is no number of steps"):
        load_checkpoint(saved)


def test_a_packed_archive_is_refused(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in records.items():
            archive.writestr(name, data)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(saved)


def test_an_archive_of_an_endless_directory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """zipfile would take as much memory as the last bytes of a file that takes no room on the disk say."""
    size, path = 40 << 30, tmp_path / "best.pt"
    path.write_bytes(b"PK")
    os.truncate(path, size)
    with path.open("ab") as file:
        file.write(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, size, 0))
        file.write(struct.pack("<IIQI", 0x07064B50, 0, size, 1))
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1e7


@pytest.mark.parametrize(
    ("size", "strides", "offset"),
    [
        ((2**40,), (0,), 0),
        ((4,), (2**60,), 0),
        ((4,), (1,), -4),
        ((4,), (-1,), 3),
        ((4,), (1,), 2**62),
        ((4, -1), (1, 1), 0),
    ],
)
def test_weights_that_lie_beyond_their_record_are_refused(
    saved: Path, size: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    class View:
        def __reduce__(self) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # this kind of storage is for files alone
                storage = torch.ones(4).storage()
            return torch._utils._rebuild_tensor_v2, (storage, offset, size, strides, False, OrderedDict())

    content = read_checkpoint(saved)
    content["network"] = dict(content["network"])
    content["network"][next(iter(content["network"]))] = View()
    torch.save(content, saved)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "setting", "value"),
    [("features", "channels", 4096), ("features", "channels", 10**12), ("aggregation", "num_hourglasses", 10**9)],
)
def test_a_network_larger_than_its_file_is_refused_before_it_is_built(
    edit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, section: str, setting: str, value: int
) -> None:
    path = edit(**{f"model__{section}__{setting}": value})
    built = []

    class Watched(StereoNetwork):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            built.append(next(self.parameters()).device.type)

    monkeypatch.setattr(checkpoint, "StereoNetwork", Watched)
    with pytest.raises((CheckpointError, ConfigError)) as caught:
        load_checkpoint(path)
    assert re.match(rf"{path}.* describes a network of .* bytes|{path}.* expected a number of 0 … ", str(caught.value))
    assert "cpu" not in built


def test_weights_that_repeat_one_number_do_not_pass_for_a_large_network(edit: Callable[..., Path]) -> None:
    """A tensor of stride 0 has any shape at the cost of four bytes."""
    path = edit(model__features__channels=256)
    content = read_checkpoint(path)
    with torch.device("meta"):
        shapes = StereoNetwork(model_of(content, path)).state_dict()
    content["network"] = {name: torch.zeros(()).expand(value.shape) for name, value in shapes.items()}
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="parameters, too many for its"):
        load_checkpoint(path)


def test_official_weights_are_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "off icial.tar"
    state = {"module.classif1.0.0.0.weight": torch.zeros(2, 3, 3, 3, 3)}
    torch.save({"epoch": 9, "state_dict": state, "train_loss": np.float64(0.5), "errors": np.arange(3)}, path)
    with pytest.raises(CheckpointError, match=rf"official PSMNet.*scripts/import_psmnet.py '{path}' OUT.pt"):
        read_checkpoint(path)


# ----------------------------------------------------------------------------------------------- weights that ship


def test_shipped_weights_go_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_weights("compact") == REPOSITORY / "checkpoints" / "compact.pt"
    assert find_weights(tmp_path / "not-there-yet.pt") == tmp_path / "not-there-yet.pt"
    assert find_weights("~nobody-of-that-name/best.pt") == Path("~nobody-of-that-name/best.pt")
    with pytest.raises(CheckpointError, match=r"'compcat' is neither a file nor the name .* those are compact"):
        find_weights("compcat")
    # An installed package has its own, which count before those of a clone.
    (tmp_path / "compact.pt").touch()
    monkeypatch.setattr(checkpoint, "_SHIPPED", (tmp_path, REPOSITORY / "checkpoints"))
    assert shipped_weights()["compact"] == tmp_path / "compact.pt"
    monkeypatch.setattr(checkpoint, "_SHIPPED", (tmp_path / "nothing",))
    with pytest.raises(CheckpointError, match="missing from this installation"):
        load_checkpoint()
