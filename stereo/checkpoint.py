"""Checkpoints: the weights, the resolved configuration and, for resuming, the state of the run, in one file.

A checkpoint is all that evaluation and inference need. It is written whole or not at all, and read with
`weights_only=True`: no code in it is ever run.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stereo.config import Config, config_from_dict, config_to_dict
from stereo.errors import CheckpointError, OutputError
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights
from stereo.output import atomic_output

FORMAT = "stereo-checkpoint"
VERSION = 1
SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "compact_synthetic.pt"


@dataclass
class LoadedCheckpoint:
    """A network in evaluation mode on its device, with what is known of its training."""

    network: StereoNetwork
    config: Config
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
        run_state: What resuming needs (optimiser, schedule, random state …), plain values and tensors. None: the
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
        with atomic_output(path) as temporary:
            torch.save(content, temporary)
    except RuntimeError as error:  # how torch reports a full disk or a missing folder
        raise OutputError(f"{path}: the checkpoint cannot be written: {error}") from None


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The raw content of a checkpoint of ours, on the CPU. Raises: CheckpointError."""
    path = Path(path)
    content = read_torch_file(path, "use a file written by scripts/train.py")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: a PyTorch file, but not a checkpoint of this project; use a file written by scripts/train.py"
        )
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path}: checkpoint version {content.get('version')}, expected {VERSION}; use a matching release"
        )
    missing = [key for key in ("config", "network", "step") if key not in content]
    if missing:
        raise CheckpointError(
            f"{path}: the checkpoint lacks {', '.join(missing)}; use a file written by scripts/train.py"
        )
    return content


def read_torch_file(path: Path, hint: str) -> Any:
    """What torch.save wrote, on the CPU: tensors and plain values only, since anything else could run code.

    Args:
        hint: What to do where the file is not one, the end of the message.

    Raises: CheckpointError.
    """
    if not path.exists():
        raise CheckpointError(f"{path}: no such checkpoint; train one with scripts/train.py or leave the option out")
    if not path.is_file():
        raise CheckpointError(f"{path}: is not a file; name the checkpoint itself, for example {path / 'best.pt'}")
    try:
        with path.open("rb") as file:
            magic = file.read(2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle protocol of files that are not torch's
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # torch.load raises many types (pickle, zip, EOF, Runtime …) for what is, to the user, one thing.
        if magic not in (b"PK", b"\x80\x02"):  # a zip archive; the pickle of torch before 1.6
            reason = "it is not a PyTorch file"
        elif "weights_only" in str(error) or "Unsupported" in str(error):
            reason = (
                "it holds objects other than tensors and plain values, which are refused unread (they could run code)"
            )
        else:
            reason = "it is truncated or damaged"
        raise CheckpointError(f"{path}: not a readable checkpoint: {reason}; {hint}") from None


def load_checkpoint(
    path: str | Path | None = None, device: str | torch.device = "cpu", max_disparity: int | None = None
) -> LoadedCheckpoint:
    """The network of a checkpoint, ready to run.

    Args:
        path: None takes the weights that ship with the project.
        max_disparity: Another range than the network was trained with, px, a multiple of 16.

    Raises: CheckpointError; ConfigError for a max_disparity that does not fit.
    """
    if path is None and not SHIPPED.is_file():
        raise CheckpointError(f"{SHIPPED}: the shipped weights are missing; name a checkpoint with --checkpoint FILE")
    path = SHIPPED if path is None else Path(path)
    content = read_checkpoint(path)
    config = config_from_dict(content["config"], f"{path} (its configuration)")
    network = StereoNetwork(config.model)
    load_weights(network, content["network"], path)
    if max_disparity is not None:
        network.max_disparity = max_disparity
    return LoadedCheckpoint(network.with_fast_layout(torch.device(device)).eval(), config, path, int(content["step"]))
