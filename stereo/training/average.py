"""The moving average of the weights, which scores better than the weights of any one step."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class MovingAverage(AveragedModel):
    """An exponential moving average of a network's weights and buffers; `module` is the averaged network.

    It begins as a copy of the network, and the first update makes it one again. Nothing of it waits for a GPU.

    Source: Polyak & Juditsky, SIAM J. Control Optim. 1992; in exponential form as in Tarvainen & Valpola, NeurIPS 2017.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        # Batch normalization's statistics are averaged as the weights that they belong to.
        super().__init__(network, use_buffers=True)
        # It would lie on the CPU, where a GPU's `learned` cannot be added to it.
        self.n_averaged = self.n_averaged.to(next(network.parameters()).device)
        self.decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module, learned: Tensor | None = None) -> None:
        """Take the network's weights into the average, unless `learned`, bool [] on their device, says no."""
        count = self.n_averaged
        share = torch.where(count == 0, 1.0, 1 - self.decay)
        share = share if learned is None else share * learned
        pairs = list(zip(_values(self.module), _values(model), strict=True))
        averaged, current = zip(*[pair for pair in pairs if pair[0].is_floating_point()], strict=True)
        differences = torch._foreach_sub(current, averaged)
        torch._foreach_mul_(differences, share)
        torch._foreach_add_(averaged, differences)
        for mine, theirs in pairs:
            if not mine.is_floating_point():  # a counter
                mine.copy_(theirs)
        count += 1 if learned is None else learned


def _values(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def average_of(network: nn.Module, decay: float) -> MovingAverage | None:
    """Return the moving average of a network's weights; None for a decay of 0."""
    return None if decay == 0 else MovingAverage(network, decay)
