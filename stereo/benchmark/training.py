"""What the trainer costs beside a bare loop, and a checkpoint beside the steps between two of them."""

import copy
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from stereo.config import Config
from stereo.data.batch import StereoBatch
from stereo.data.loader import build_loader, iterate
from stereo.device import peak_memory_mb, select_device
from stereo.model.network import StereoNetwork
from stereo.training.losses import stereo_loss
from stereo.training.optimizer import build_optimizer
from stereo.training.step import HALF_TYPES, TrainingStep
from stereo.training.trainer import Trainer

# The interval of checkpoints that their cost is stated for, steps.
INTERVAL = 100
# Steps before those that are timed: memory is still being taken, and forms of convolutions chosen.
_WARM_UP = 1
# How often a checkpoint is written.
_SAVES = 5


def overhead_lines(config: Config, steps: int, rounds: int, folder: Path) -> Iterator[str]:
    """Train so many steps with the trainer and in a bare loop, in turn, and yield what each of them costs.

    Args:
        folder: Where the runs lie, on the disk that checkpoints are written to.
    """
    ours, bare = [], []
    for number in range(rounds):
        bare.append(_bare_seconds(config, steps))
        trainer = _trained(config, steps, folder / str(number))
        ours.append(trainer.seconds(steps))
    shares = [one / other - 1 for one, other in zip(ours, bare, strict=True)]
    seconds = statistics.median(ours)
    clock = "CPU time" if trainer.device.type == "cpu" else "time"
    yield f"a step: {seconds:.3f} s of {clock}, of a bare loop {statistics.median(bare):.3f} s"
    yield f"overhead of the trainer: {_percent(shares)} (median of {rounds} rounds, least and greatest)"
    yield f"most memory of the process: {peak_memory_mb(trainer.device):,.0f} MiB"
    saves = [_save_seconds(trainer) for _ in range(_SAVES)]
    size = trainer.folder.last.stat().st_size
    yield f"a checkpoint: {size / 1e6:.1f} MB, {statistics.median(saves):.3f} s with its way to the disk"
    yield f"a checkpoint every {INTERVAL} steps: {_percent([save / seconds / INTERVAL for save in saves])} of the time"


class _WatchedTrainer(Trainer):
    """Takes note of when each step begins."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.begun: list[float] = []

    def _take(self, take_step: TrainingStep, batch: StereoBatch) -> float:
        self.begun.append(_now(self.device))
        return super()._take(take_step, batch)

    def seconds(self, steps: int) -> float:
        """Return the seconds of a step, with all that comes between it and the next one."""
        return (self.begun[_WARM_UP + steps] - self.begun[_WARM_UP]) / steps


def _trained(config: Config, steps: int, folder: Path) -> _WatchedTrainer:
    """Return a trainer after its steps, and one more, which ends with a validation and a checkpoint."""
    config = copy.deepcopy(config)
    settings = config.training
    settings.output, settings.steps, settings.log_interval = str(folder), _WARM_UP + steps + 1, steps
    settings.validation_interval = settings.checkpoint_interval = settings.steps
    trainer = _WatchedTrainer(config)
    trainer.prepare(None)
    trainer.run()
    trainer.folder.release()
    return trainer


def _bare_seconds(config: Config, steps: int) -> float:
    """Return the seconds of a step of the shortest loop that trains the network."""
    device = select_device(config.training.device)
    torch.manual_seed(config.training.seed)
    network = StereoNetwork(config.model).with_fast_layout(device, config.training.channels_last).train()
    optimizer = build_optimizer(network, config.optimizer)
    half = HALF_TYPES.get(config.training.precision)
    begun = []
    for batch in iterate(build_loader(config.data, config.training.seed, 0, _WARM_UP + steps + 1)):
        begun.append(_now(device))
        if len(begun) > _WARM_UP + steps:
            break
        batch = batch.to(device)
        optimizer.zero_grad()
        with torch.autocast(device.type, half, enabled=half is not None):
            output = network(batch.left, batch.right)
        predictions = [prediction.float() for prediction in output.predictions]
        loss = stereo_loss(
            predictions, batch.disparity, batch.valid, network.max_disparity, config.loss, network.regression
        )
        loss.backward()
        if config.optimizer.gradient_clip > 0:
            nn.utils.clip_grad_norm_(network.parameters(), config.optimizer.gradient_clip)
        optimizer.step()
    return (begun[-1] - begun[_WARM_UP]) / steps


def _save_seconds(trainer: Trainer) -> float:
    start = time.perf_counter()
    trainer.folder.save(trainer.network, trainer.config, trainer.state, needed=True)
    return time.perf_counter() - start


def _now(device: torch.device) -> float:
    """Return the CPU time of this process, which other work on the machine does not change; with a GPU, the time."""
    if device.type == "cpu":
        return time.process_time()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _percent(shares: list[float]) -> str:
    return f"{100 * statistics.median(shares):.1f} % ({100 * min(shares):.1f} … {100 * max(shares):.1f})"
