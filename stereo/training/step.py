"""One optimizer step: forward, loss, backward, clipping."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from stereo.config import LossConfig
from stereo.data.loader import StereoBatch
from stereo.evaluation import metrics
from stereo.model.network import StereoNetwork, StereoOutput
from stereo.processes import Processes
from stereo.training.finite import names_not_finite, shown
from stereo.training.losses import stereo_loss


class StepResult(NamedTuple):
    """What came of a step.

    loss, epe: of the batch, the EPE in px; NaN where no pixel counts, or the step was skipped.
    gradient_norm: before it was clipped; NaN where the step was skipped.
    fault: why the step was skipped; empty where it was not.
    learned: whether the weights changed. Without a pixel that counts there is nothing to learn.
    """

    loss: float
    epe: float
    gradient_norm: float = math.nan
    fault: str = ""
    learned: bool = True


@dataclass(frozen=True)
class TrainingStep:
    """What one optimizer step does to the network.

    module: the network, or what wraps it for several processes.
    gradient_clip: the gradient's norm is clipped to this; 0: no clipping.
    bf16: the forward pass runs in mixed precision.
    processes: those that share the batch. They skip a step together.
    """

    network: StereoNetwork
    module: nn.Module
    optimizer: Optimizer
    loss: LossConfig
    gradient_clip: float
    bf16: bool
    processes: Processes = field(default_factory=Processes)

    def __call__(self, batch: StereoBatch) -> StepResult:
        """Take the step; skip it where loss, gradient or statistics are not finite, and leave all as it was."""
        self.module.train()
        before = {name: value.clone() for name, value in self.network.named_buffers()}
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(batch.left.device.type, torch.bfloat16, enabled=self.bf16):
            output: StereoOutput = self.module(batch.left, batch.right)
        predictions = [prediction.float() for prediction in output.predictions]
        max_disparity = self.network.max_disparity
        loss = stereo_loss(predictions, batch.disparity, batch.valid, max_disparity, self.loss, self.network.regression)
        value = loss.item()
        if math.isfinite(value) or self.processes.size > 1:  # of several processes, each waits for all gradients
            loss.backward()
        gradients = {name: item.grad for name, item in self.network.named_parameters() if item.grad is not None}
        norm = nn.utils.get_total_norm(gradients.values())
        fault = self._fault(value, norm, gradients)
        if self.processes.any(bool(fault), batch.left.device):
            self.optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                for name, buffer in self.network.named_buffers():
                    buffer.copy_(before[name])
            fault = fault or "the loss of another process is not finite"
            return StepResult(math.nan, math.nan, fault=fault, learned=False)
        if norm.item() == 0:
            return StepResult(math.nan, math.nan, learned=False)
        if self.gradient_clip > 0:
            nn.utils.clip_grads_with_norm_(self.network.parameters(), self.gradient_clip, norm)
        self.optimizer.step()
        counted = batch.valid & (batch.disparity > 0) & (batch.disparity < max_disparity)
        epe = float(metrics.epe(output.disparity.detach(), batch.disparity, counted))
        return StepResult(value, epe, norm.item())

    def _fault(self, loss: float, norm: Tensor, gradients: Mapping[str, Tensor]) -> str:
        """Return what is not finite, and what to do about it; nothing where all is."""
        if not math.isfinite(loss):
            return (
                f"the loss is {loss}: lower optimizer.learning_rate or optimizer.gradient_clip, or check the data "
                "set's ground truth"
            )
        if not math.isfinite(norm.item()):
            return (
                f"the gradient is not finite, of {shown(names_not_finite(gradients))}: lower optimizer.learning_rate, "
                "or train with training.precision=fp32"
            )
        # A huge activation leaves the loss finite, since batch normalization divides by it, but not the statistics.
        buffers = {name: value for name, value in self.network.named_buffers() if value.is_floating_point()}
        if not math.isfinite(nn.utils.get_total_norm(buffers.values(), math.inf).item()):
            return (
                f"the statistics are not finite, of {shown(names_not_finite(buffers))}: lower optimizer.learning_rate"
            )
        return ""


def distribute(network: StereoNetwork, processes: Processes, device: torch.device) -> nn.Module:
    """Return the network wrapped for training in several processes; itself where there is one."""
    if processes.size == 1:
        return network
    on_cuda = device.type == "cuda"
    module: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network) if on_cuda else network
    return nn.parallel.DistributedDataParallel(module, device_ids=[device.index] if on_cuda else None)
