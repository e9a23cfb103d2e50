"""The weights that a new run begins with."""

from pathlib import Path

from stereo.checkpoint import read_checkpoint
from stereo.config import TrainingConfig
from stereo.errors import TrainingError
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
