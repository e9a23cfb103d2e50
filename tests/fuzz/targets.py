"""All that takes files of strangers: how a good file is made, and what reads it."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from helpers import load_script, textured_sample, tiny_config
from helpers.calibrations import EXAMPLES, MIDDLEBURY, Files
from helpers.reports import write_folder

from fuzz.mutations import VALUES, mutate, mutate_line, mutate_values
from stereo.camera import read_camera_pair
from stereo.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from stereo.config import config_to_dict, config_to_yaml, load_config
from stereo.data.families.packed import PackedDataset
from stereo.data.families.pair_list import PairList
from stereo.data.formats import read_calibration, read_disparity, read_image, write_image, write_pfm
from stereo.data.formats.ply import read_ply, write_ply
from stereo.data.generation import claim
from stereo.data.image_pairs import pairs_of_list
from stereo.data.packing import pack
from stereo.data.sample_lists import read_names
from stereo.evaluation.folder import merge_folders
from stereo.evaluation.records import read_records
from stereo.model.network import StereoNetwork
from stereo.training.optimizer import build_optimizer
from stereo.training.resuming import take_up
from stereo.training.state import RunState

RGB = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
MAP = np.linspace(0.5, 9, 240, dtype=np.float32).reshape(12, 20)


@dataclass(frozen=True)
class Target:
    """name: of the file that is mutated. make: writes it, and what belongs to it, into a folder. read: reads it.
    mutate: makes a bad file's content of that of a good one.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    mutate: Callable[[bytes, Random], bytes] = mutate


def targets() -> list[Target]:
    """Every reader of the project, by the file that it reads."""
    found = [Target(f"image{suffix}", _encoded(suffix, RGB), read_image) for suffix in _SUFFIXES]
    deep = np.dstack([RGB.astype(np.uint16) * 257, RGB[:, :, 0].astype(np.uint16)])
    found += [Target("deep.png", _encoded(".png", deep), read_image)]
    found += [Target("text.ppm", lambda path: path.write_text(f"P3\n2 1\n255\n{'1 2 3 ' * 2}"), read_image)]
    found += [
        Target("map.pfm", lambda path: write_pfm(path, MAP), read_disparity),
        Target("map.npy", lambda path: np.save(path, MAP), read_disparity),
        Target("map.npz", lambda path: np.savez_compressed(path, disparity=MAP), read_disparity),
        Target("map.png", _encoded(".png", (MAP * 256).astype(np.uint16)), read_disparity),
        Target("map.tiff", _encoded(".tiff", MAP), read_disparity),
        Target("cloud.ply", lambda path: write_ply(path, RGB.reshape(-1, 3).astype(np.float32)), read_ply),
        Target("middlebury.txt", lambda path: path.write_text(MIDDLEBURY), read_calibration),
        Target("names.txt", lambda path: path.write_text("# names\nkitti2015/000001\na/b.png\n"), read_names),
        Target("pairs.csv", _write_list, lambda path: [PairList(path), *pairs_of_list(path).pairs][1].read()),  # type: ignore[attr-defined]
        Target("index.json", _write_packed, lambda path: _all(PackedDataset(path.parent))),
        Target("config.yaml", lambda path: path.write_text(config_to_yaml(tiny_config(Path("run")))), load_config),
        Target("manifest.json", _write_manifest, lambda path: claim(path.parent, "train", _world())),
        Target("weights.pt", lambda path: path.write_bytes(_checkpoint()), load_checkpoint),
        Target("content.pt", lambda path: path.write_bytes(_checkpoint()), load_checkpoint, _mutate_checkpoint),
        Target("last.pt", lambda path: path.write_bytes(_run()), _resume, _mutate_run),
        Target("json.yaml", _write_json_config, load_config),
        Target("report.json", _write_report, _compare),
        Target("per_image.csv", _write_report, _compare),
        Target("records/rank0.jsonl", _write_records, lambda path: list(read_records(path.parent))),
        Target("shard/report.json", lambda path: _write_shards(path.parent.parent), _merge),
        Target(
            "shard/records/rank0.jsonl",
            lambda path: _write_shards(path.parents[2]),
            lambda path: _merge(path.parent),
            mutate_line,
        ),
    ]
    return found + [_calibration(form, files) for form, (_, files) in EXAMPLES.items()]


_SUFFIXES = (".png", ".jpg", ".webp", ".bmp", ".tiff", ".ppm", ".pgm")


def _encoded(suffix: str, pixels: np.ndarray) -> Callable[[Path], object]:
    pixels = pixels[:, :, 0] if suffix == ".pgm" else pixels
    return lambda path: path.write_bytes(cv2.imencode(suffix, pixels)[1].tobytes())


def _calibration(form: str, files: Files) -> Target:
    first, *others = files

    def make(path: Path) -> None:
        for name, text in files.items():
            (path.parent / name).write_text(text, encoding="utf-8")

    def read(path: Path) -> object:
        return read_camera_pair(path, *[path.parent / name for name in others[:1]])

    return Target(f"{form}/{first}", make, read)


def _write_list(path: Path) -> None:
    for name in ("a.png", "b.png", "d.png"):
        write_image(path.with_name(name), RGB)
    path.write_text("left,right,disparity,scale\na.png,b.png,d.png,2\na.png,b.png,,\n")


def _write_packed(path: Path) -> None:
    pack([textured_sample(12, 20, 3)], path.parent, {})


def _all(dataset: PackedDataset) -> list[Any]:
    return [dataset[index] for index in range(len(dataset))]


def _world() -> Any:
    return tiny_config(Path("run")).data.train.synthetic


def _write_manifest(path: Path) -> None:
    claim(path.parent, "train", _world())


@cache
def _checkpoint() -> bytes:
    return _saved(StereoNetwork(tiny_config(Path("run")).model), None)


def _saved(network: StereoNetwork, run_state: Any) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "weights.pt")
        save_checkpoint(path, network, tiny_config(Path("run")), 1, run_state)
        return path.read_bytes()


def _write_json_config(path: Path) -> None:
    """JSON is YAML, and its values can be mutated."""
    path.write_text(json.dumps(config_to_dict(tiny_config(Path("run")))))


_TENSORS: list[Any] = [
    torch.zeros(1).to_sparse(),
    torch.zeros(3, dtype=torch.complex64),
    torch.zeros(1).expand(4096, 4096),
    torch.zeros(0),
    torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
    torch.full((8,), float("nan")),
]


def _mutate_checkpoint(content: bytes, random: Random) -> bytes:
    return _with_mutated(content, random, random.choice(("config", "network", "step", "version", "format")))


def _with_mutated(content: bytes, random: Random, part: str) -> bytes:
    """The file of a checkpoint with other values in one part of it."""
    values = torch.load(io.BytesIO(content), weights_only=True)
    values["network"] = dict(values["network"])
    for _ in range(random.choice((1, 1, 2))):
        values[part] = mutate_values(values[part], random, [*VALUES, *_TENSORS])
    stream = io.BytesIO()
    torch.save(values, stream)
    return stream.getvalue()


def _write_report(path: Path) -> None:
    scores = {"a": (100, 1.5, 20.0), "b": (50, 0.5, 10.0)}
    write_folder(path.parent, {"network": scores, "sgbm": scores})


def _compare(path: Path) -> None:
    load_script("compare").main([str(path.parent)])


def _write_records(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    record = {"data": "x", "method": "sgbm", "index": 0, "name": "a", "failure": "cannot be read"}
    path.write_text("\n".join([json.dumps({"identity": {"data": {}}}), json.dumps(record), ""]))


def _write_shards(folder: Path) -> None:
    """The folders `shard` and `other`, the two halves of one evaluation."""
    for number, name in enumerate(("shard", "other"), 1):
        words = ["--data", "synthetic", "--limit", "4", "--method", "sgbm", "--quiet", "--shard", f"{number}/2"]
        settings = ["synthetic.height=32", "synthetic.width=64"]
        load_script("evaluate").main([*words, "--output", str(folder / name), *settings])


def _merge(path: Path) -> None:
    """Merge the folder of a report with the other half."""
    with TemporaryDirectory() as output:
        merge_folders([path.parent, path.parents[1] / "other"], Path(output, "merged"))


@cache
def _run() -> bytes:
    """The content of a checkpoint from which a run is resumed."""
    network, state = _new_run()
    _step(network, state)
    return _saved(network, state.state_dict())


def _new_run() -> tuple[StereoNetwork, RunState]:
    config = tiny_config(Path("run"))
    network = StereoNetwork(config.model)
    return network, RunState(build_optimizer(network, config.optimizer))


def _step(network: StereoNetwork, state: RunState) -> None:
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    state.optimizer.step()


def _resume(path: Path) -> None:
    """Take up a run, and take a step of it: what was loaded must serve."""
    network, state = _new_run()
    take_up(path, read_checkpoint(path), tiny_config(Path("run")), (), network, state)
    _step(network, state)


def _mutate_run(content: bytes, random: Random) -> bytes:
    return _with_mutated(content, random, "run_state")
