"""Load state dictionaries, with a list of the entries that do not fit, and read those of the official PSMNet."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stereo.config import Preset
from stereo.errors import CheckpointError
from stereo.model.attention import Attention
from stereo.model.attention.views import ViewAttention
from stereo.model.guidance import Gate
from stereo.model.pointwise import PointwiseBlock
from stereo.model.refinement.refine import Refinement

# Official names as regular expressions, and ours. The authors' `convbn` has, like our conv2d, the convolution at 0 and
# the batch normalization at 1, but leaves the activation outside, where it has a number of its own.
_FEATURES = {
    r"feature_extraction\.firstconv\.0": "features.stem.0",
    r"feature_extraction\.firstconv\.2": "features.stem.1",
    r"feature_extraction\.firstconv\.4": "features.stem.2",
    r"feature_extraction\.layer([1-4])\.(\d+)\.conv1\.0": r"features.stage\1.\2.body.0",
    r"feature_extraction\.layer([1-4])\.(\d+)\.conv2": r"features.stage\1.\2.body.1",
    r"feature_extraction\.layer([1-4])\.(\d+)\.downsample": r"features.stage\1.\2.skip",
    r"feature_extraction\.branch1\.1": "features.pyramid.0.1",
    r"feature_extraction\.branch2\.1": "features.pyramid.1.1",
    r"feature_extraction\.branch3\.1": "features.pyramid.2.1",
    r"feature_extraction\.branch4\.1": "features.pyramid.3.1",
    r"feature_extraction\.lastconv\.0": "features.fuse",
    r"feature_extraction\.lastconv\.2": "features.matching",
    r"dres0\.0": "aggregation.entry.0",
    r"dres0\.2": "aggregation.entry.1",
}
_BASIC = _FEATURES | {
    rf"dres{block}\.{official}": f"aggregation.blocks.{block - 1}.{ours}"
    for block in range(1, 5)
    for official, ours in ((0, 0), (2, 1))
}
_BASIC |= {r"classify\.0": "aggregation.head.0", r"classify\.2": "aggregation.head.1"}
_STACKHOURGLASS = _FEATURES | {
    r"dres1\.0": "aggregation.entry_residual.0",
    r"dres1\.2": "aggregation.entry_residual.1",
}
for _index in range(3):
    _STACKHOURGLASS |= {
        rf"dres{_index + 2}\.{official}": f"aggregation.hourglasses.{_index}.{ours}"
        for official, ours in (
            (r"conv1\.0", "down_eighth.0"),
            (r"conv2", "down_eighth.1"),
            (r"conv3\.0", "down_sixteenth.0"),
            (r"conv4\.0", "down_sixteenth.1"),
            (r"conv5", "up_eighth"),
            (r"conv6", "up_quarter"),
        )
    }
    _STACKHOURGLASS |= {
        rf"classif{_index + 1}\.0": f"aggregation.heads.{_index}.0",
        rf"classif{_index + 1}\.2": f"aggregation.heads.{_index}.1",
    }
# What a network can be given later: fresh, it leaves the disparity as it is (Refinement: but for its upsampling).
_ADDITIONS = (Attention, ViewAttention, Gate, Refinement, PointwiseBlock)
_RULES: dict[Preset, dict[str, str]] = {"psmnet": _STACKHOURGLASS, "psmnet_basic": _BASIC}


def psmnet_preset(content: Any) -> Preset | None:
    """Return which network official PSMNet weights belong to, psmnet or psmnet_basic; None where they are of neither.

    Args:
        content: As for :func:`convert_psmnet`, or anything.
    """
    weights = _official_weights(content)
    if any(name.startswith("classif1.") for name in weights):
        return "psmnet"
    return "psmnet_basic" if any(name.startswith("classify.") for name in weights) else None


def _official_weights(content: Any) -> dict[str, Any]:
    """Return the state dictionary that `content` is or holds, without `module.`; an empty one where it holds none."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        return {}
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def convert_psmnet(content: Any, origin: object) -> tuple[Preset, dict[str, Any]]:
    """Return official PSMNet weights under our names.

    Args:
        content: The state dictionary, or a dictionary that holds it as `state_dict`, as the authors' training script
            saves it; with or without the `module.` before each name that nn.DataParallel leaves.
        origin: What error messages begin with, the file.

    Returns: the preset that they belong to, psmnet or psmnet_basic, and the state dictionary.
    Raises: CheckpointError where they belong to neither, or hold names that PSMNet does not have.
    """
    weights, preset = _official_weights(content), psmnet_preset(content)
    if not weights:
        raise CheckpointError(f"{origin}: holds no state dictionary; expected the weights of the official PSMNet")
    if preset is None:
        raise CheckpointError(
            f"{origin}: is not of the official PSMNet: expected names such as classif1.0.0.weight (stackhourglass) or "
            f"classify.0.0.weight (basic); found {', '.join(sorted(weights)[:3])} …"
        )
    rules = _RULES[preset]
    renamed: dict[str, Any] = {}
    unknown = []
    for name, value in weights.items():
        ours = _rename(name, rules)
        if ours is None:
            unknown.append(name)
        else:
            renamed[ours] = value
    if unknown:
        raise CheckpointError(f"{origin}: has names that {preset} does not have: {_first_ten(unknown)}")
    return preset, renamed


def _rename(name: str, rules: Mapping[str, str]) -> str | None:
    for pattern, ours in rules.items():
        # The rest belongs to the convolution (0), to the batch normalization (1), or to a bare convolution.
        match = re.fullmatch(rf"({pattern})\.((?:[01]\.)?[a-z_]+)", name)
        if match:
            return re.sub(pattern, ours, match[1]) + "." + match[match.lastindex or 0]
    return None


def check_weights(network: nn.Module, weights: Any, origin: object, fresh_additions: bool = False) -> None:
    """Raise CheckpointError unless a state dictionary fits a network, whose own weights may be on the meta device.

    Args:
        weights: The state dictionary. Counters of batches that batch normalization has seen may be missing: PyTorch
            before 0.4.1 had none.
        origin: What the error message begins with, the file.
        fresh_additions: The weights of attention, gates and refinement may be missing.

    Raises: CheckpointError that lists the first ten entries that do not fit, and their number.
    """
    if not isinstance(weights, Mapping):
        raise CheckpointError(f"{origin}: holds no state dictionary, but {type(weights).__name__}")
    own = network.state_dict()
    optional = {name for name in own if name.endswith("num_batches_tracked")}
    if fresh_additions:
        modules = [name for name, module in network.named_modules() if isinstance(module, _ADDITIONS)]
        optional |= {name for name in own if name.startswith(tuple(f"{module}." for module in modules))}
    problems = [f"{name} is missing" for name in own if name not in weights and name not in optional]
    problems += [f"{name} is not of this network" for name in weights if name not in own]
    for name in own:
        if name not in weights:
            continue
        value = weights[name]
        if not isinstance(value, Tensor) or not is_dense(value):
            problems.append(f"{name} is no dense tensor")
        elif value.is_complex() or own[name].is_floating_point() > value.is_floating_point():
            # A counter may be stored as a float, a weight not as whole numbers.
            problems.append(f"{name} is {str(value.dtype).removeprefix('torch.')}, expected real numbers of its kind")
        elif _shape(value) != _shape(own[name]):
            problems.append(f"{name} is {list(value.shape)}, expected {list(own[name].shape)}")
    if problems:
        raise CheckpointError(
            f"{origin}: the weights do not fit the network of the configuration: {_first_ten(problems)}"
        )


def load_weights(network: nn.Module, weights: Any, origin: object, fresh_additions: bool = False) -> None:
    """Load a state dictionary that must fit; where it does not, the network stays as it is.

    Args:
        weights, origin: As for :func:`check_weights`.
        fresh_additions: Attention, in a view or between the views, gates and refinement that the weights lack stay as
            they are; attention and gates freshly made are the identity.

    Raises: CheckpointError as :func:`check_weights`.
    """
    check_weights(network, weights, origin, fresh_additions)
    network.load_state_dict(dict(weights), strict=False)


def is_dense(tensor: Tensor) -> bool:
    """Return whether a tensor has each of its numbers, as it is."""
    return not (tensor.is_meta or tensor.layout != torch.strided or tensor.is_quantized)


def _shape(tensor: Tensor) -> list[int]:
    """Return the shape without trailing axes of one: attention has the same projections over any number of axes."""
    shape = list(tensor.shape)
    while shape and shape[-1] == 1:
        shape.pop()
    return shape


def _first_ten(problems: list[str]) -> str:
    return "; ".join(problems[:10]) + (f"; and {len(problems) - 10} more" if len(problems) > 10 else "")
