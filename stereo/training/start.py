"""What a run begins with: its weights, and a device that computes them right."""

from pathlib import Path

import torch

from stereo.checkpoint import read_checkpoint
from stereo.config import Config, TrainingConfig
from stereo.errors import ConfigError, TrainingError
from stereo.model.features.efficientnet_lite import EfficientNetLite
from stereo.model.features.imagenet import load_imagenet_weights
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights


def load_initial_weights(network: StereoNetwork, settings: TrainingConfig) -> bool:
    """Load what the settings name, a checkpoint or weights of the trunk; without either, leave the network as it is.

    Returns: whether the network had a training before, as a whole.
    Raises: CheckpointError, TrainingError.
    """
    if settings.initial_checkpoint is not None:
        _load_checkpoint(network, Path(settings.initial_checkpoint), settings.initial_trunk)
        return True
    if settings.initial_trunk == "imagenet":
        trunk = network.features.get_trunk()
        assert isinstance(trunk, EfficientNetLite)  # see Config
        load_imagenet_weights(trunk)
    return False


def check_precision(config: Config, device: torch.device) -> None:
    """Raise ConfigError for a precision that the device does not compute right."""
    # oneDNN 3.12 (PyTorch 2.13): the bf16 gradient of a 3×3×3 convolution's weights, at a depth of exactly 2, takes in
    # memory that nobody wrote. That is the volume's depth at 1/16 for 32 disparities, and for no other number.
    if device.type == "cpu" and config.training.precision == "bf16" and config.model.max_disparity == 32:
        raise ConfigError(
            "training.precision=bf16 with model.max_disparity=32 gives wrong gradients on a CPU (a fault of oneDNN "
            "3.12); set training.precision=fp32, or model.max_disparity=48 or more"
        )


def _load_checkpoint(network: StereoNetwork, path: Path, trunk: str) -> None:
    content = read_checkpoint(path)
    training = content["config"].get("training")
    stored = training.get("initial_trunk", "none") if isinstance(training, dict) else "none"
    if stored != trunk:
        raise TrainingError(
            f"{path}: its trunk began with {stored}, but training.initial_trunk is {trunk}; set "
            f"training.initial_trunk={stored}, so that the checkpoints of this run say so too"
        )
    load_weights(network, content["network"], path, fresh_additions=True)
