"""Checkpoints: the weights, the resolved configuration and, for resuming, the state of the run, in one file.

A checkpoint is all that evaluation and inference need. It is written whole or not at all, and read without running any
code in it. Its settings of the network must fit this release; the rest of its configuration records how it was trained.
"""

import hashlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stereo.config import (
    Config,
    ModelConfig,
    check_max_disparity,
    config_to_dict,
    model_config_from_dict,
    preset_of_stored,
)
from stereo.errors import CheckpointError, OutputError
from stereo.foreign import network_of
from stereo.model.network import StereoNetwork
from stereo.model.weights import check_weights, is_dense, load_weights, psmnet_preset
from stereo.output import atomic_output
from stereo.torch_file import read_torch_file

FORMAT = "stereo-checkpoint"
VERSION = 1
# Where the weights that ship lie: in an installed package, and in a clone of the repository.
_SHIPPED = (Path(__file__).resolve().parent / "checkpoints", Path(__file__).resolve().parents[1] / "checkpoints")
DEFAULT_WEIGHTS = "compact"
# Settings of the network that have another name than in older checkpoints: section, old name, new name.
_RENAMED = (("aggregation", "checkpoint", "recompute"),)
# A configuration of ours has some 200 values, 5 levels deep; the state of a run has some 10 for each weight.
_MOST_SETTINGS, _MOST_STATES, _MOST_DEPTH = 10_000, 1_000_000, 32
_HINT = "use a file written by scripts/train.py"


@dataclass
class LoadedCheckpoint:
    """A network in evaluation mode on its device, with what is known of its training.

    Attributes:
        config: The stored configuration as plain values, a record for reports. Of what is not the network it may hold
            settings that this release does not know.
    """

    network: StereoNetwork
    model: ModelConfig
    config: dict[str, Any]
    path: Path
    step: int


def save_checkpoint(
    path: str | Path,
    network: StereoNetwork,
    config: Config,
    step: int,
    run_state: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        run_state: What resuming needs (optimizer, schedule, random state …), plain values and tensors. None: the
            checkpoint serves evaluation and inference only, and is a third of the size.

    Raises: OutputError.
    """
    path = Path(path)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "step": step,
        "config": config_to_dict(config),
        "network": network.state_dict(),
        "run_state": None if run_state is None else dict(run_state),
    }
    try:
        with atomic_output(path, durable=True) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
    except RuntimeError as error:  # torch's own; what the disk said comes before it
        reason = getattr(error.__context__, "strerror", None) or str(error).partition("\n")[0]
        raise OutputError(f"{path}: the checkpoint cannot be written: {reason}; free some disk space") from None


def shipped_weights() -> dict[str, Path]:
    """Return the files of the weights that ship with the project, by name."""
    files = [path for folder in reversed(_SHIPPED) for path in sorted(folder.glob("*.pt"))]
    return {path.stem: path for path in files}  # the package's own come last, so that they count


def find_weights(name: str | Path) -> Path:
    """Return the file that a name of shipped weights, or a path, stands for.

    Raises: CheckpointError where it can only be a name, and no weights of that name ship. A path is not looked at.
    """
    shipped = shipped_weights()
    if str(name) in shipped:
        return shipped[str(name)]
    path = Path(os.path.expanduser(name))
    if len(path.parts) == 1 and not path.suffix and not os.path.exists(path):
        raise CheckpointError(
            f"'{name}' is neither a file nor the name of weights that ship; those are "
            f"{', '.join(shipped) or 'missing from this installation: give the path of a checkpoint'}"
        )
    return path


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Return the raw content of a checkpoint of ours, on the CPU, its network's settings by today's names.

    Raises: CheckpointError.
    """
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        raise CheckpointError(f"{path}: an ONNX file is for infer.py --backend onnxruntime or openvino; else {_HINT}")
    content = read_torch_file(path, _HINT)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        other = network_of(content)
        if other is not None:
            raise CheckpointError(
                f"{path}: holds weights of {other}, a network that this project does not have; {_HINT}, or score its "
                "disparity maps with scripts/evaluate.py --method predictions:DIR"
            )
        if psmnet_preset(content) is not None:
            raise CheckpointError(
                f"{path}: holds weights of the official PSMNet; make a checkpoint of them first: "
                f"python scripts/import_psmnet.py {shlex.quote(str(path))} OUT.pt --align-corners true|false"
            )
        raise CheckpointError(f"{path}: a PyTorch file, but not a checkpoint of this project; {_HINT}")
    version = content.get("version")
    if not isinstance(version, int) or version != VERSION:  # a tensor has no one truth
        found = version if isinstance(version, int) else f"of type {type(version).__name__}"
        raise CheckpointError(f"{path}: checkpoint version {found}, expected {VERSION}; use a matching release")
    for key, kind in (("config", dict), ("network", Mapping), ("step", int)):
        if key not in content:
            raise CheckpointError(f"{path}: the checkpoint lacks {key}; {_HINT}")
        if not isinstance(content[key], kind):
            raise CheckpointError(f"{path}: {key} is {type(content[key]).__name__}, expected {kind.__name__}; {_HINT}")
    if isinstance(content["step"], bool) or not 0 <= content["step"] < 2**63:
        raise CheckpointError(f"{path}: its step is no number of steps; {_HINT}")
    _check_values(content["config"], f"{path}: its configuration", _MOST_SETTINGS, with_tensors=False)
    _check_values(content.get("run_state"), f"{path}: the state of its run", _MOST_STATES, with_tensors=True)
    _rename_settings(content["config"])
    return content


def load_checkpoint(
    path: str | Path | None = None, device: str | torch.device = "cpu", max_disparity: int | None = None
) -> LoadedCheckpoint:
    """Return the network of a checkpoint, ready to run.

    Args:
        path: A checkpoint, or the name of weights that ship. None: `compact`, which ships.
        max_disparity: Another range than the network was trained with, px, a multiple of 16.

    Raises: CheckpointError; ConfigError for a max_disparity that does not fit.
    """
    if max_disparity is not None:
        check_max_disparity(max_disparity, "max_disparity")
    path = find_weights(DEFAULT_WEIGHTS if path is None else path)
    _check_shipped(path)
    content = read_checkpoint(path)
    model, weights = model_of(content, path), content["network"]
    _check_size(model, weights, path)
    network = StereoNetwork(model)
    load_weights(network, weights, path)
    if max_disparity is not None:
        network.max_disparity = max_disparity
    network.with_fast_layout(torch.device(device)).eval()
    return LoadedCheckpoint(network, model, content["config"], path, content["step"])


def model_of(content: Mapping[str, Any], origin: object) -> ModelConfig:
    """Return the settings of the network of a checkpoint's content, whatever the other sections hold.

    Raises: ConfigError, beginning with `origin`.
    """
    config = content["config"]
    values = {"preset": preset_of_stored(config)} | {key: config[key] for key in ("model",) if key in config}
    return model_config_from_dict(values, f"{origin} (its configuration)")


def _rename_settings(config: dict[str, Any]) -> None:
    """Give settings of the network the names that they have now."""
    model, known = config.get("model"), ModelConfig()
    for section, old, new in _RENAMED:
        values = model.get(section) if isinstance(model, dict) else None
        if isinstance(values, dict) and old in values and hasattr(getattr(known, section), new):
            values[new] = values.pop(old)


def _check_values(values: Any, what: str, most: int, with_tensors: bool) -> None:
    """Raise CheckpointError unless values are a tree of plain ones, at most so many, and maybe dense tensors of reals.

    A pickle of some kB can refer to one list so often that nobody could walk through it, or to a list within itself.
    """
    left, count = [(values, 0)], 0
    while left:
        value, depth = left.pop()
        inner: list[Any] = []
        if isinstance(value, dict):
            inner = [*value, *value.values()]
        elif isinstance(value, list | tuple):
            inner = list(value)
        count += 1
        known = is_dense(value) if isinstance(value, torch.Tensor) and with_tensors else _is_plain(value)
        if not known or depth > _MOST_DEPTH or count + len(left) + len(inner) > most:
            raise CheckpointError(f"{what} is damaged, or is not one of plain values; {_HINT}")
        left += [(one, depth + 1) for one in inner]


def _is_plain(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < 2**64
    return value is None or isinstance(value, dict | list | tuple | str | float)


def _check_shipped(path: Path) -> None:
    """Raise CheckpointError where weights that ship are not those that were shipped, to the last bit."""
    sums = path.parent / "SHA256SUMS"
    if path.parent not in _SHIPPED or not os.path.isfile(sums):
        return
    expected = {name: digest for digest, name in map(str.split, sums.read_text(encoding="ascii").splitlines())}
    if path.name in expected and hashlib.sha256(path.read_bytes()).hexdigest() != expected[path.name]:
        raise CheckpointError(f"{path}: is not the file that ships (its SHA-256 differs); install the project again")


def _check_size(model: ModelConfig, weights: Mapping[str, Any], path: Path) -> None:
    """Compare the network with the file before memory is taken for it. Raises: CheckpointError."""
    size = path.stat().st_size
    try:
        # As many modules at least as hourglasses, and weights for each.
        if model.aggregation.num_hourglasses > len(weights):
            raise OverflowError
        with torch.device("meta"):  # shapes alone
            outline = StereoNetwork(model)
    except (OverflowError, RuntimeError):  # RuntimeError: a shape beyond what torch can count
        raise CheckpointError(
            f"{path}: its configuration describes a network too large for its {size:,} bytes; {_HINT}"
        ) from None
    count = sum(parameter.numel() for parameter in outline.parameters())
    if count > size:
        raise CheckpointError(
            f"{path}: its configuration describes a network of {count:,} parameters, too many for its {size:,} bytes; "
            f"{_HINT}"
        )
    check_weights(outline, weights, path)
