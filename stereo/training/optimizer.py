"""The optimizer: which weights learn at which rate, and which of them decay."""

from torch.nn import Parameter
from torch.optim import AdamW, Optimizer

from stereo.config import OptimizerConfig
from stereo.model.network import StereoNetwork


def build_optimizer(network: StereoNetwork, config: OptimizerConfig) -> Optimizer:
    """Return AdamW over all weights of the network, in two groups: the features' trunk, and the rest.

    Together they have the order of the network's parameters, which the state of an optimizer goes by: a run that began
    with one group can be resumed. Where norms and biases do not decay, each group is followed by one of its norms and
    biases. On CUDA one kernel updates all weights.
    """
    trunk = list(network.features.get_trunk().parameters())
    inside = set(trunk)
    rest = [parameter for parameter in network.parameters() if parameter not in inside]
    groups = [*_groups(trunk, config.trunk_factor, config), *_groups(rest, 1.0, config)]
    fused = all(parameter.is_cuda for parameter in network.parameters()) or None  # None: PyTorch chooses
    return AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused)


def _groups(parameters: list[Parameter], rate_factor: float, config: OptimizerConfig) -> list[dict[str, object]]:
    if config.decay_norms_and_biases:
        return [{"params": parameters, "rate_factor": rate_factor}]
    # Weights of convolutions and matrix products have an input and an output axis at least.
    decaying = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [
        {"params": decaying, "rate_factor": rate_factor},
        {"params": others, "rate_factor": rate_factor, "weight_decay": 0.0},
    ]


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Let the optimizer's next step take this rate, times the factor of each group."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]
