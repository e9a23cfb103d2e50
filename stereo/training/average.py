"""The moving average of the weights, which scores better than the weights of any one step."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def average_of(network: nn.Module, decay: float) -> AveragedModel | None:
    """Return an exponential moving average of a network's weights and buffers; None for a decay of 0.

    It begins as a copy of the network, and the first update makes it one again. `module` is the averaged network.

    Source: Polyak & Juditsky, SIAM J. Control Optim. 1992; in exponential form as in Tarvainen & Valpola, NeurIPS 2017.
    """
    if decay == 0:
        return None
    # Batch normalization's statistics are averaged as the weights that they belong to.
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
