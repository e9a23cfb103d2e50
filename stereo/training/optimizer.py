"""The optimizer: which weights learn at which rate, and which of them decay."""

from collections.abc import Mapping
from typing import Any

from torch.optim import AdamW, Optimizer

from stereo.config import OptimizerConfig
from stereo.errors import ConfigError
from stereo.model.network import StereoNetwork


def build_optimizer(network: StereoNetwork, config: OptimizerConfig) -> Optimizer:
    """Return AdamW over all weights of the network, in a group for each rate factor: the features' trunk, the rest.

    By default the groups together have the order of the network's parameters, as had the runs of older versions. Where
    norms and biases do not decay, each group is followed by one of its norms and biases. On CUDA one kernel updates all
    weights, and can be told not to without waiting for it.

    Raises: ConfigError where a rate factor is of no weight.
    """
    _require_used(network, config)
    trunk = {id(parameter) for parameter in network.features.get_trunk().parameters()}
    groups: dict[tuple[bool, float, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        factor = _factor(name, config.rate_factors, config.trunk_factor if id(parameter) in trunk else 1.0)
        # Weights of convolutions and matrix products have an input and an output axis at least.
        decays = config.decay_norms_and_biases or parameter.ndim > 1
        parameter.requires_grad_(factor > 0)
        group = {"params": [], "rate_factor": factor, **({} if decays else {"weight_decay": 0.0})}
        groups.setdefault((id(parameter) not in trunk, factor, not decays), group)["params"].append((name, parameter))
    fused = all(parameter.is_cuda for parameter in network.parameters()) or None  # None: PyTorch chooses
    ordered = [group for _, group in sorted(groups.items(), key=lambda item: item[0][::2])]
    return AdamW(ordered, lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused)


def _factor(name: str, factors: Mapping[str, float], default: float) -> float:
    """Return the rate factor of a weight: that of the longest beginning of its name."""
    fitting = [part for part in factors if _begins(name, part)]
    return factors[max(fitting, key=len)] if fitting else default


def _begins(name: str, part: str) -> bool:
    return f"{name}.".startswith(f"{part}.")


def _require_used(network: StereoNetwork, config: OptimizerConfig) -> None:
    names = [name for name, _ in network.named_parameters()]
    for part in config.rate_factors:
        if not any(_begins(name, part) for name in names):
            parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
            raise ConfigError(
                f"optimizer.rate_factors has '{part}', with which no weight's name begins; the network has {parts}"
            )


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Let the optimizer's next step take this rate, times the factor of each group."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]
