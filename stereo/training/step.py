"""One optimizer step: forward, loss, backward, clipping."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer

from stereo.config import LossConfig
from stereo.data.loader import StereoBatch
from stereo.errors import TrainingError
from stereo.evaluation import metrics
from stereo.model.network import StereoNetwork, StereoOutput
from stereo.processes import Processes
from stereo.training.losses import stereo_loss


class StepResult(NamedTuple):
    """The loss of a step, its EPE in px (NaN where no pixel counts), and the gradient's norm before it is clipped."""

    loss: float
    epe: float
    gradient_norm: float


@dataclass(frozen=True)
class TrainingStep:
    """What one optimizer step does to the network.

    module: the network, or what wraps it for several processes.
    gradient_clip: the gradient's norm is clipped to this; 0: no clipping.
    bf16: the forward pass runs in mixed precision.
    """

    network: StereoNetwork
    module: nn.Module
    optimizer: Optimizer
    loss: LossConfig
    gradient_clip: float
    bf16: bool

    def __call__(self, batch: StereoBatch) -> StepResult:
        """Take the step. Raises: TrainingError where loss or gradient is not finite; no weight is changed then."""
        self.module.train()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(batch.left.device.type, torch.bfloat16, enabled=self.bf16):
            output: StereoOutput = self.module(batch.left, batch.right)
        predictions = [prediction.float() for prediction in output.predictions]
        max_disparity = self.network.max_disparity
        loss = stereo_loss(predictions, batch.disparity, batch.valid, max_disparity, self.loss, self.network.regression)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value}: lower optimizer.learning_rate or optimizer.gradient_clip, or check the data "
                "set's ground truth"
            )
        loss.backward()
        norm = self._clip_gradient()
        self.optimizer.step()
        counted = batch.valid & (batch.disparity > 0) & (batch.disparity < max_disparity)
        return StepResult(value, float(metrics.epe(output.disparity.detach(), batch.disparity, counted)), norm)

    def _clip_gradient(self) -> float:
        """Return the norm of the gradient as it was.

        Raises: TrainingError for a gradient that is not finite: a step along it would leave no weight behind.
        """
        gradients = {name: item.grad for name, item in self.network.named_parameters() if item.grad is not None}
        norm = nn.utils.get_total_norm(gradients.values())
        if not math.isfinite(norm.item()):
            names = [name for name, gradient in gradients.items() if not math.isfinite(gradient.norm().item())]
            shown = ", ".join(names[:4]) + (f" … ({len(names)} in all)" if len(names) > 4 else "")
            raise TrainingError(
                f"the gradient is not finite, of {shown}: lower optimizer.learning_rate, or train with "
                "training.precision=fp32"
            )
        if self.gradient_clip > 0:
            nn.utils.clip_grads_with_norm_(self.network.parameters(), self.gradient_clip, norm)
        return norm.item()


def distribute(network: StereoNetwork, processes: Processes, device: torch.device) -> nn.Module:
    """Return the network wrapped for training in several processes; itself where there is one."""
    if processes.size == 1:
        return network
    on_cuda = device.type == "cuda"
    module: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network) if on_cuda else network
    return nn.parallel.DistributedDataParallel(module, device_ids=[device.index] if on_cuda else None)
