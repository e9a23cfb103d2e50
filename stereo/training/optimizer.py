"""The optimizer, whose trunk can learn at a rate of its own."""

from torch.optim import AdamW, Optimizer

from stereo.config import OptimizerConfig
from stereo.model.network import StereoNetwork


def build_optimizer(network: StereoNetwork, config: OptimizerConfig) -> Optimizer:
    """Return AdamW over all weights of the network, in two groups: the features' trunk, and the rest.

    Together they have the order of the network's parameters, which the state of an optimizer goes by: a run that began
    with one group can be resumed.
    """
    trunk = list(network.features.get_trunk().parameters())
    inside = set(trunk)
    rest = [parameter for parameter in network.parameters() if parameter not in inside]
    groups = [{"params": trunk, "rate_factor": config.trunk_factor}, {"params": rest, "rate_factor": 1.0}]
    return AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Let the optimizer's next step take this rate, times the factor of each group."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]
