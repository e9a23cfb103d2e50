"""One optimizer step: forward, loss, backward, clipping. Nothing in it waits for a GPU."""

import math
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from stereo.config import Config, LossConfig, TrainingPrecision
from stereo.data.batch import StereoBatch
from stereo.evaluation.metrics import batch_metrics
from stereo.model.network import StereoNetwork, StereoOutput
from stereo.processes import Processes
from stereo.training.distillation import Teacher
from stereo.training.losses import output_losses, sum_of, truth_of
from stereo.training.state import RunState
from stereo.training.synchronized import share_batch_norm

# The types that the forward pass is in where it is not in float32.
HALF_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

# The fault of a step that another process skips.
OTHER_PROCESS = "the loss of another process is not finite"


class StepResult(NamedTuple):
    """What came of a step.

    values: `loss`, and of each supervised output `loss_1` …; `epe` (px), `bad_1`, `bad_3` and `d1` (0 … 100 %) of the
        batch; `gradient_norm` before clipping. NaN where no pixel counts, or the step was skipped.
    fault: why the step was skipped; empty where it was not.
    learned: whether the weights changed. Without a pixel that counts there is nothing to learn.
    """

    values: dict[str, float]
    fault: str = ""
    learned: bool = True


class TakenStep(NamedTuple):
    """A step whose values are still on its device: see `read_steps`."""

    learned: Tensor  # bool []
    names: tuple[str, ...]  # of `values`
    values: Tensor  # float32 [len(names)]


def read_steps(steps: Sequence[TakenStep]) -> list[StepResult]:
    """Return what came of some steps, for which this waits once."""
    if not steps:
        return []
    rows = torch.stack([step.values for step in steps]).tolist()
    return [_result(dict(zip(step.names, row, strict=True))) for step, row in zip(steps, rows, strict=True)]


def _result(values: dict[str, float]) -> StepResult:
    statistics, finite, learned, scaled = (
        values.pop(name) for name in ("statistics", "finite", "learned", "loss_is_scaled")
    )
    if finite:
        return StepResult(values, learned=bool(learned))
    skipped = dict.fromkeys(values, math.nan)
    if not math.isfinite(values["loss"]):
        return StepResult(
            skipped,
            f"the loss is {values['loss']}: lower optimizer.learning_rate or optimizer.gradient_clip, or check the "
            "data set's ground truth",
            learned=False,
        )
    if not math.isfinite(values["gradient_norm"]):
        return StepResult(
            skipped,
            "the gradient is too large for fp16, so the loss is scaled less from here on"
            if scaled
            else "the gradient is not finite: lower optimizer.learning_rate, or train with training.precision=fp32",
            learned=False,
        )
    # A huge activation leaves the loss finite, since batch normalization divides by it, but not the statistics.
    if not math.isfinite(statistics):
        fault = "the statistics of batch normalization are not finite: lower optimizer.learning_rate"
        return StepResult(skipped, fault, learned=False)
    return StepResult(skipped, OTHER_PROCESS, learned=False)


@dataclass(frozen=True)
class TrainingStep:
    """What one optimizer step does to the network.

    module: the network, or what wraps it for several processes, or to be compiled.
    gradient_clip: the gradient's norm is clipped to this; 0: no clipping.
    accumulation: the batch goes through the network in so many parts, one after the other, which must divide it. But
        for batch normalization, the step is the same.
    precision: of the forward pass but for costs, estimate and loss, which are in float32.
    scaler: scales the loss, as fp16 needs it; None: the loss is not scaled.
    freeze_batch_norm: batch normalization uses its running statistics, and leaves them as they are.
    processes: those that share the batch. They skip a step together.
    teacher: pulls the network to its own disparities; None: the ground truth alone does.
    """

    network: StereoNetwork
    module: nn.Module
    optimizer: Optimizer
    loss: LossConfig
    gradient_clip: float
    accumulation: int = 1
    precision: TrainingPrecision = "fp32"
    scaler: GradScaler | None = None
    freeze_batch_norm: bool = False
    processes: Processes = field(default_factory=Processes)
    teacher: Teacher | None = None

    def __call__(self, batch: StereoBatch) -> TakenStep:
        """Take the step; skip it where loss, gradient or statistics are not finite, and leave all as it was.

        Args:
            batch: On the network's device.
        """
        self.module.train()
        if self.freeze_batch_norm:
            freeze_batch_norm(self.network)
        before = [buffer.clone() for buffer in self.network.buffers()]
        self.optimizer.zero_grad(set_to_none=True)
        parts, disparity, pull = self._forward_and_backward(batch)
        loss = sum_of(parts)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        norm = nn.utils.get_total_norm(
            [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        )
        statistics = nn.utils.get_total_norm(
            [buffer for buffer in self.network.buffers() if buffer.is_floating_point()], math.inf
        )
        finite = self.processes.all_of(loss.isfinite() & norm.isfinite() & statistics.isfinite())
        learned = finite & (norm > 0)
        if self.gradient_clip > 0:
            nn.utils.clip_grads_with_norm_(self.network.parameters(), self.gradient_clip, norm)
        self._change_weights(learned)
        with torch.no_grad():
            for buffer, value in zip(self.network.buffers(), before, strict=True):
                buffer.copy_(torch.where(finite, buffer, value))
        counted = batch.valid & (batch.disparity > 0) & (batch.disparity < self.network.max_disparity)
        values = {
            "loss": loss,
            **({f"loss_{number}": part for number, part in enumerate(parts, 1)} if len(parts) > 1 else {}),
            **({"teacher_loss": pull} if self.teacher is not None else {}),
            **batch_metrics(disparity, batch.disparity, counted),
            "gradient_norm": norm,
            "statistics": statistics,
            "finite": finite,
            "learned": learned,
            "loss_is_scaled": torch.full_like(norm, self.scaler is not None),
        }
        return TakenStep(learned, tuple(values), torch.stack([value.detach().float() for value in values.values()]))

    def _forward_and_backward(self, batch: StereoBatch) -> tuple[list[Tensor], Tensor, Tensor]:
        """Give the weights their gradients. Return the loss of each output, the disparity, and the teacher's share of
        the loss.
        """
        regression = self.network.regression
        truth = truth_of(batch.disparity, batch.valid, self.network.max_disparity, self.loss, regression)
        counts = self.processes.mean_of(torch.stack([truth.pixels, truth.positions]))
        truth = truth._replace(pixels=counts[0], positions=counts[1])
        half = HALF_TYPES.get(self.precision)
        size = len(batch.left) // self.accumulation
        losses: list[list[Tensor]] = []
        disparities: list[Tensor] = []
        pull = torch.zeros((), device=batch.left.device)
        for number in range(self.accumulation):
            part = slice(number * size, (number + 1) * size)
            with nullcontext() if number == self.accumulation - 1 else _no_sync(self.module):
                with nullcontext() if half is None else torch.autocast(batch.left.device.type, half):
                    output: StereoOutput = self.module(batch.left[part], batch.right[part])
                predictions = [prediction.float() for prediction in output.predictions]
                losses.append(output_losses(predictions, truth.of(part), self.loss, regression))
                if self.teacher is not None:
                    assert batch.clean is not None
                    target = self.teacher.predict(batch.clean[:, part], half)
                    pulls = [one / self.accumulation for one in self.teacher.losses(predictions, target, self.loss)]
                    losses[-1] = [one + other for one, other in zip(losses[-1], pulls, strict=True)]
                    pull += sum_of(pulls).detach()
                loss = sum_of(losses[-1])
                (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            losses[-1] = [loss.detach() for loss in losses[-1]]
            disparities.append(output.disparity.detach())
        return [sum_of(of_output) for of_output in zip(*losses, strict=True)], torch.cat(disparities), pull

    def _change_weights(self, learned: Tensor) -> None:
        """Let the optimizer take its step where `learned`, bool [], says so."""
        if self.optimizer.defaults.get("fused"):  # looks at it on the device, as it does for torch.amp.GradScaler
            self.optimizer.found_inf = (~learned).float()  # type: ignore[attr-defined]
            self.optimizer.step()
        elif learned.item():
            self.optimizer.step()
        if self.scaler is not None:
            self.scaler.update()


def build_step(
    network: StereoNetwork,
    state: RunState,
    config: Config,
    processes: Processes,
    device: torch.device,
    teacher: Teacher | None = None,
) -> TrainingStep:
    """Return the step of a run, with the network wrapped for several processes and compiled, where that is wanted."""
    settings = config.training
    module = distribute(network, processes, device, settings.sync_batch_norm)
    return TrainingStep(
        network,
        cast(nn.Module, torch.compile(module, dynamic=False)) if settings.compile else module,
        state.optimizer,
        config.loss,
        config.optimizer.gradient_clip,
        accumulation=settings.accumulation,
        precision=settings.precision,
        scaler=state.scaler,
        freeze_batch_norm=settings.freeze_batch_norm,
        processes=processes,
        teacher=teacher,
    )


def _no_sync(module: nn.Module) -> AbstractContextManager[None]:
    """Let processes not exchange the gradients of a backward pass that others follow."""
    no_sync = getattr(module, "no_sync", None)
    return nullcontext() if no_sync is None else no_sync()


def compiled_graphs() -> int:
    """Return how many graphs torch.compile has made in this process."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


def freeze_batch_norm(module: nn.Module) -> None:
    """Let batch normalization use its running statistics, and leave them as they are; its weights are trained."""
    for child in module.modules():
        if isinstance(child, _BatchNorm):
            child.eval()


def distribute(
    network: StereoNetwork, processes: Processes, device: torch.device, sync_batch_norm: bool = True
) -> nn.Module:
    """Return the network wrapped for training in several processes; itself where there is one.

    sync_batch_norm: Batch normalization, within the network, takes its statistics over the shares of all processes.
    """
    if processes.size == 1:
        return network
    on_cuda = device.type == "cuda"
    module: nn.Module = network
    if sync_batch_norm and on_cuda:
        module = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    elif sync_batch_norm:
        share_batch_norm(network)
    # Of 1×1×1 kernels, which are laid out with the channels last and without alike.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    return nn.parallel.DistributedDataParallel(module, device_ids=[device.index] if on_cuda else None)
