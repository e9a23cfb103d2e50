"""Training: one configuration in, a run folder with checkpoints, logs and the resolved configuration out."""

import math
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from stereo.checkpoint import model_of, read_checkpoint, save_checkpoint
from stereo.config import Config, OptimizerConfig, config_to_yaml
from stereo.data.datasets import StereoDataset, TrainingData, build_dataset, describe
from stereo.data.loader import StereoBatch, build_loader, iterate
from stereo.data.sample import Image
from stereo.device import select_device
from stereo.errors import ConfigError, TrainingError
from stereo.evaluation import metrics
from stereo.evaluation.evaluator import evaluate
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork, StereoOutput
from stereo.model.weights import load_weights
from stereo.output import atomic_output, make_output_folder
from stereo.processes import World, distribute, joined_world
from stereo.training.losses import stereo_loss
from stereo.visualize import evaluation_panel

# Validation pairs whose pictures go to TensorBoard.
PANELS = 2


class Interrupted(Exception):
    """A signal asked the run to stop; the checkpoint to resume from is written."""

    def __init__(self, checkpoint: Path, signal_number: int) -> None:
        super().__init__(str(checkpoint))
        self.checkpoint = checkpoint
        self.signal_number = signal_number


def train(config: Config, resume: str | None = None) -> Path:
    """Run the experiment to its last step and return the path of its best checkpoint.

    Under `torchrun` each process trains its share of the batch.

    Args:
        resume: None begins anew; `auto` goes on from the run folder's last.pt if there is one; a path, from there.

    Raises: StereoError for whatever the user can mend; Interrupted after SIGINT or SIGTERM.
    """
    with joined_world() as world:
        trainer = Trainer(config, world)
        trainer.prepare(resume)
        trainer.run()
        return trainer.folder / "best.pt"


class Trainer:
    """One run. Call `prepare`, then `run`."""

    def __init__(self, config: Config, world: World | None = None) -> None:
        self.config = config
        self.world = world or World()
        device = select_device(config.training.device)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", self.world.local_rank)
        self.device = device
        _check_precision(config, device)
        self.folder = Path(config.training.output)
        self.step = 0
        self.best_epe = math.inf
        torch.manual_seed(config.training.seed)
        # Before anything is written: a data set that is not there must not leave a run folder behind.
        self.validation_set: StereoDataset = build_dataset(config.data.validation)
        self.training_data = TrainingData(config.data)
        self.network = StereoNetwork(config.model).with_fast_layout(device)
        if config.training.initial_checkpoint is not None:
            path = Path(config.training.initial_checkpoint)
            load_weights(self.network, read_checkpoint(path)["network"], path, fresh_attention=True)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=config.optimizer.learning_rate,
            weight_decay=config.optimizer.weight_decay,
        )
        self.scheduler = LambdaLR(
            self.optimizer, lambda step: learning_rate_factor(step, config.training.steps, config.optimizer)
        )
        self.validator = Predictor(self.network, device)

    # ------------------------------------------------------------------------------------------------ before the run

    def prepare(self, resume: str | None) -> None:
        """Make the run folder and take up the state to resume from.

        Raises: TrainingError where the folder holds another run, or the checkpoint does not fit this configuration.
        """
        last = self.folder / "last.pt"
        if resume is None and last.exists():
            raise TrainingError(
                f"{self.folder}: already holds a run; go on with it by --resume auto, or begin another with "
                "training.output=FOLDER"
            )
        if resume is not None and (resume != "auto" or last.exists()):
            self._resume(last if resume == "auto" else Path(resume))
        if self.world.is_main:
            make_output_folder(self.folder)
            for line in [line for dataset in self.training_data.sets for line in describe(dataset)]:
                self._say(f"training on {line}")
            with atomic_output(self.folder / "config.yaml") as path:
                path.write_text(config_to_yaml(self.config), encoding="utf-8")

    def _resume(self, path: Path) -> None:
        content = read_checkpoint(path)
        state = content["run_state"]
        if state is None:
            raise TrainingError(
                f"{path}: holds weights alone, so a run cannot be resumed from it; to begin a new run from these "
                f"weights use training.initial_checkpoint={path}"
            )
        if model_of(content, path) != self.config.model:
            raise TrainingError(
                f"{path}: was trained with another network (the model section differs from the configuration's); "
                "resume with the run folder's own config.yaml"
            )
        load_weights(self.network, content["network"], path)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.best_epe = state["best_epe"]
        self.step = int(content["step"])
        self._say(f"resumed from {path} at step {self.step}")

    # --------------------------------------------------------------------------------------------------------- the run

    def run(self) -> None:
        """Train from the current step to the last. Raises: TrainingError (loss or gradient not finite); Interrupted."""
        settings = self.config.training
        if self.step >= settings.steps:
            self._say(f"{self.folder}: already at step {self.step} of {settings.steps}; nothing to do")
            return
        loader = build_loader(
            self.config.data,
            settings.seed,
            self.step,
            settings.steps,
            self.world.rank,
            self.world.size,
            self.training_data,
        )
        module = distribute(self.network, self.world, self.device)
        running = _RunningMean()
        with _noticed_signals() as signals, self._writer() as writer, self._progress_bar() as bar:
            started, first_step = time.monotonic(), self.step
            for batch in iterate(loader):
                loss, epe = self._train_step(module, batch.to(self.device))
                self.step += 1
                running.add(loss=loss, epe=epe)
                bar.update()
                if self.step % settings.log_interval == 0 or self.step == settings.steps:
                    seconds = (time.monotonic() - started) / (self.step - first_step)
                    self._log(writer, bar, running, seconds)
                done = self.step == settings.steps
                if self.step % settings.validation_interval == 0 or done:
                    self._validate(writer)
                stop = self.world.any(bool(signals), self.device)
                if self.step % settings.checkpoint_interval == 0 or done or stop:
                    self._save("last.pt")
                if stop and not done:
                    raise Interrupted(self.folder / "last.pt", (signals or [signal.SIGTERM])[0])

    def _train_step(self, module: nn.Module, batch: StereoBatch) -> tuple[float, float]:
        """One optimiser step; its loss and its EPE in px."""
        module.train()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.training.precision == "bf16"):
            output: StereoOutput = module(batch.left, batch.right)
        predictions = [type(item)(item.disparity.float(), item.cost.float()) for item in output.predictions]
        loss = stereo_loss(predictions, batch.disparity, batch.valid, self.config.model.max_disparity, self.config.loss)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step + 1}; the last good state is in {self.folder / 'last.pt'}: "
                "lower optimizer.learning_rate or optimizer.gradient_clip, or check the data set's ground truth"
            )
        loss.backward()
        self._clip_gradient()
        self.optimizer.step()
        self.scheduler.step()
        return value, self._training_epe(output.disparity.detach(), batch)

    def _clip_gradient(self) -> None:
        """Raises: TrainingError for a gradient that is not finite: a step along it would leave no weight behind."""
        gradients = {name: item.grad for name, item in self.network.named_parameters() if item.grad is not None}
        norm = nn.utils.get_total_norm(gradients.values())
        if not math.isfinite(norm.item()):
            names = [name for name, gradient in gradients.items() if not math.isfinite(gradient.norm().item())]
            shown = ", ".join(names[:4]) + (f" … ({len(names)} in all)" if len(names) > 4 else "")
            raise TrainingError(
                f"the gradient is not finite at step {self.step + 1}, of {shown}; the last good state is in "
                f"{self.folder / 'last.pt'}: lower optimizer.learning_rate, or train with training.precision=fp32"
            )
        if self.config.optimizer.gradient_clip > 0:
            nn.utils.clip_grads_with_norm_(self.network.parameters(), self.config.optimizer.gradient_clip, norm)

    def _training_epe(self, disparity: Tensor, batch: StereoBatch) -> float:
        mask = batch.valid & (batch.disparity > 0) & (batch.disparity < self.config.model.max_disparity)
        return float(metrics.epe(disparity, batch.disparity, mask))

    def _validate(self, writer: SummaryWriter | None) -> None:
        """Score the validation set, each process its share; keep the best weights."""
        self.network.eval()
        result = evaluate(self.validator, self.validation_set, data="validation", progress=False, world=self.world)
        if self.world.is_main:
            better = result.epe < self.best_epe
            if better:
                self.best_epe = result.epe
                self._save("best.pt", with_run_state=False)
            self._say(
                f"step {self.step}: validation EPE {result.epe:.3f} px, bad-2 {result.bad_2:.2f} %, "
                f"D1 {result.d1:.2f} % over {result.images} pairs{' (best so far)' if better else ''}"
            )
            if writer is not None:
                for name in ("epe", "bad_1", "bad_2", "bad_3", "d1"):
                    writer.add_scalar(f"validation/{name}", getattr(result, name), self.step)
                for index in range(min(PANELS, len(self.validation_set))):
                    writer.add_image(f"validation/{index}", self._panel(index), self.step, dataformats="HWC")
        self.world.barrier()

    def _panel(self, index: int) -> Image:
        sample = self.validation_set[index]
        truth = sample.require_truth("validation")
        prediction = self.validator.predict(sample.left, sample.right)
        return evaluation_panel(sample.left, prediction, truth.disparity, truth.valid, sample.name)

    # ------------------------------------------------------------------------------------------------- logs and files

    def _save(self, name: str, with_run_state: bool = True) -> None:
        if not self.world.is_main:
            return
        state = {
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "best_epe": self.best_epe,
        }
        save_checkpoint(self.folder / name, self.network, self.config, self.step, state if with_run_state else None)

    def _log(self, writer: SummaryWriter | None, bar: "tqdm[Any]", running: "_RunningMean", seconds: float) -> None:
        means = running.take()
        rate = self.scheduler.get_last_lr()[0]
        if writer is not None:
            for name, value in means.items():
                writer.add_scalar(f"training/{name}", value, self.step)
            writer.add_scalar("training/learning_rate", rate, self.step)
            writer.add_scalar("training/seconds_per_step", seconds, self.step)
        bar.set_postfix_str(f"EPE {means['epe']:.2f} px, loss {means['loss']:.3f}")
        if bar.disable:  # no terminal: a line in the log instead of a bar
            left = seconds * (self.config.training.steps - self.step)
            self._say(
                f"step {self.step}/{self.config.training.steps}: EPE {means['epe']:.3f} px, loss {means['loss']:.4f}, "
                f"{seconds:.2f} s/step, {tqdm.format_interval(left)} left"
            )

    def _writer(self) -> AbstractContextManager[SummaryWriter | None]:
        return SummaryWriter(str(self.folder), purge_step=self.step) if self.world.is_main else nullcontext()

    def _progress_bar(self) -> "tqdm[Any]":
        hidden = not self.world.is_main or not sys.stderr.isatty()
        return tqdm(total=self.config.training.steps, initial=self.step, unit="step", disable=hidden)

    def _say(self, message: str) -> None:
        if self.world.is_main:
            tqdm.write(message)
            sys.stdout.flush()


def _check_precision(config: Config, device: torch.device) -> None:
    # oneDNN 3.12 (PyTorch 2.13): the bf16 gradient of a 3×3×3 convolution's weights, at a depth of exactly 2, takes in
    # memory that nobody wrote. That is the volume's depth at 1/16 for 32 disparities, and for no other number.
    if device.type == "cpu" and config.training.precision == "bf16" and config.model.max_disparity == 32:
        raise ConfigError(
            "training.precision=bf16 with model.max_disparity=32 gives wrong gradients on a CPU (a fault of oneDNN "
            "3.12); set training.precision=fp32, or model.max_disparity=48 or more"
        )


def learning_rate_factor(step: int, steps: int, config: OptimizerConfig) -> float:
    """The learning rate at `step` of `steps`, as a share of the configured one: a pure function, so that a run can be
    resumed, and extended, without any state.

    Source: one_cycle after Smith & Topin, arXiv 1708.07120, with cosine annealing.
    """
    if config.schedule == "constant":
        return 1.0
    warmup = max(1, round(config.warmup_fraction * steps)) if config.schedule == "one_cycle" else 0
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return 0.001 + 0.999 * (1 + math.cos(math.pi * progress)) / 2


class _RunningMean:
    """Means of the finite values since they were last taken (a batch without a valid pixel has no EPE)."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.values.setdefault(name, [])
            if math.isfinite(value):
                self.values[name].append(value)

    def take(self) -> dict[str, float]:
        means = {name: statistics.fmean(values) if values else math.nan for name, values in self.values.items()}
        self.values = {}
        return means


@contextmanager
def _noticed_signals() -> Iterator[list[int]]:
    """The SIGINT and SIGTERM received within the block, which may thus finish its step; a second one kills as usual."""
    received: list[int] = []
    previous: dict[int, Any] = {}

    def notice(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, previous[number])

    if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
        previous = {number: signal.signal(number, notice) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
