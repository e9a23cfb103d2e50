"""Training: one configuration in, a run folder with checkpoints, logs and the resolved configuration out."""

import shlex
import signal
from pathlib import Path
from typing import cast

import torch
from torch.utils.data import DataLoader

from stereo.checkpoint import read_checkpoint, save_checkpoint
from stereo.config import Config, config_to_dict, config_to_yaml
from stereo.data.datasets import build_dataset, describe
from stereo.data.loader import StereoBatch, build_loader, iterate
from stereo.data.training_data import TrainingData
from stereo.device import select_device
from stereo.errors import CheckpointError, ConfigError, TrainingError
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights
from stereo.output import atomic_output, make_output_folder
from stereo.processes import Processes, join_processes
from stereo.signals import noticed_signals
from stereo.training.average import average_of
from stereo.training.changes import compare_settings, listed
from stereo.training.first_samples import check_training_data, check_validation_data
from stereo.training.logbook import Logbook
from stereo.training.optimizer import build_optimizer, set_learning_rate
from stereo.training.schedule import learning_rate
from stereo.training.signals import Interrupted
from stereo.training.start import load_initial_weights
from stereo.training.state import RunState
from stereo.training.step import TrainingStep, distribute
from stereo.training.validation import Validator


def train(config: Config, resume: str | None = None) -> Path:
    """Run the experiment to its last step and return the path of its best checkpoint.

    Where no validation gave a score there is no best one: then the log says so, and the path is that of the last.
    Under `torchrun` each process trains its share of the batch.

    Args:
        resume: None begins anew; `auto` goes on from the run folder's last.pt if there is one; a path, from there.

    Raises: StereoError for whatever the user can mend; Interrupted after SIGINT or SIGTERM.
    """
    with join_processes(config.training.device) as processes:
        trainer = Trainer(config, processes)
        trainer.prepare(resume)
        trainer.run()
        return trainer.result()


class Trainer:
    """One run. Call `prepare`, then `run`, then `result`."""

    def __init__(self, config: Config, processes: Processes | None = None) -> None:
        self.config = config
        self.processes = processes or Processes()
        self.logbook = Logbook(self.processes.is_main)
        device = select_device(config.training.device)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", self.processes.local_rank)
        self.device = device
        _check_precision(config, device)
        self.folder = Path(config.training.output)
        self.last, self.best = self.folder / "last.pt", self.folder / "best.pt"
        torch.manual_seed(config.training.seed)
        # Before anything is written: data that cannot be used must not leave a run folder behind.
        validation_set = build_dataset(config.data.validation)
        self.training_data = TrainingData(config.data)
        self.remarks = check_validation_data(validation_set)
        check_training_data(self.training_data, config.data.augmentation, config.model.min_size, StereoNetwork.stride)
        self.network = StereoNetwork(config.model).with_fast_layout(device)
        self.average = average_of(self.network, config.optimizer.average_decay)
        # What is validated and kept as the best.
        self.scored = self.network if self.average is None else cast(StereoNetwork, self.average.module)
        self.state = RunState(
            build_optimizer(self.network, config.optimizer),
            self.average,
            [len(dataset) for dataset in self.training_data.sets],
        )
        self.validator = Validator(self.scored, device, validation_set, self.processes)
        self.resumed_from: Path | None = None
        self.scores_start = False

    # ------------------------------------------------------------------------------------------------ before the run

    def prepare(self, resume: str | None) -> None:
        """Take up the state to resume from, and make the run folder unless nothing is left to do.

        Raises: TrainingError where the folder holds another run, or the checkpoint does not fit this configuration.
        """
        if resume == "auto":
            source = self.last if self.last.exists() else None
        else:
            source = None if resume is None else Path(resume)
            self._check_folder(source)
        if source is not None:
            self._resume(source)
        else:
            # This run may make weights worse that had a training before, so they are scored first.
            self.scores_start = load_initial_weights(self.network, self.config.training)
            self.scored.load_state_dict(self.network.state_dict())
        if self._is_done():
            return
        self._loader()  # which may refuse, before anything is written
        if self.processes.is_main:
            make_output_folder(self.folder)
            for line in [line for dataset in self.training_data.sets for line in describe(dataset)]:
                self.logbook.say(f"training on {line}")
            for line in self.remarks:
                self.logbook.say(f"warning: {line}")
            with atomic_output(self.folder / "config.yaml") as path:
                path.write_text(config_to_yaml(self.config), encoding="utf-8")

    def _check_folder(self, source: Path | None) -> None:
        found = [path for path in (self.last, self.best) if path.exists()]
        if not found or (source is not None and source.resolve() == self.last.resolve()):
            return
        begin = "begin another" if source is None else f"take {source} up elsewhere"
        raise TrainingError(
            f"{self.folder}: already holds a run ({found[0].name}); go on with it by --resume auto, or {begin} with "
            "training.output=FOLDER"
        )

    def _resume(self, path: Path) -> None:
        content = read_checkpoint(path)
        if content.get("run_state") is None:
            raise TrainingError(
                f"{path}: holds weights alone, so a run cannot be resumed from it; to begin a new run from these "
                f"weights use {_as_start(path)}"
            )
        changes = compare_settings(content["config"], config_to_dict(self.config))
        if changes.refused:
            raise TrainingError(
                f"{path}: this run began with other settings: {listed(changes.refused)}; resume it with its own, or "
                f"begin a new run from its weights with {_as_start(path)} training.output=FOLDER"
            )
        load_weights(self.network, content["network"], path)
        try:
            self.state.load_state_dict({"step": content["step"], **content["run_state"]})
        except TrainingError as error:
            raise TrainingError(
                f"{path}: {error}; or begin a new run from these weights with {_as_start(path)} training.output=FOLDER"
            ) from None
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise TrainingError(
                f"{path}: the state of the run cannot be read ({error!r}); to begin a new run from these weights use "
                f"{_as_start(path)}"
            ) from None
        self.resumed_from = path
        # The best score so far means something where it is of the same data, and where its weights are at hand.
        here = path.resolve().parent == self.folder.resolve()
        self.scores_start = changes.validation or not here or not self.best.exists()
        self.logbook.say(f"resumed from {path} at step {self.state.step}")
        if changes.taken:
            self.logbook.say(f"changed since then: {listed(changes.taken)}")
        if changes.gone:
            self.logbook.say(f"settings that this version does not have: {listed(changes.gone)}")

    def _loader(self) -> DataLoader[StereoBatch]:
        """Return the batches from the current step to the last."""
        return build_loader(
            self.config.data,
            self.config.training.seed,
            self.state.step,
            self.config.training.steps,
            self.processes.rank,
            self.processes.size,
            self.training_data,
        )

    def _is_done(self) -> bool:
        return self.state.step >= self.config.training.steps

    # --------------------------------------------------------------------------------------------------------- the run

    def run(self) -> None:
        """Train from the current step to the last. Raises: TrainingError (loss or gradient not finite); Interrupted."""
        settings, state = self.config.training, self.state
        if self._is_done():
            self.logbook.say(f"{self.folder}: already at step {state.step} of {settings.steps}; nothing to do")
            return
        take_step = TrainingStep(
            self.network,
            distribute(self.network, self.processes, self.device),
            state.optimizer,
            self.config.loss,
            self.config.optimizer.gradient_clip,
            bf16=settings.precision == "bf16",
        )
        with noticed_signals() as signals, self.logbook.opened(self.folder, state.step, settings.steps):
            if self.scores_start:
                self._score_start()
            if self.resumed_from is not None and not self.last.exists():
                self._save(self.last)  # so that `--resume auto` goes on from here, whatever ends this process
            for batch in iterate(self._loader()):
                rate = learning_rate(state.step, settings.steps, self.config.optimizer)
                set_learning_rate(state.optimizer, rate)
                try:
                    result = take_step(batch.to(self.device))
                except TrainingError as error:
                    raise TrainingError(f"step {state.step + 1}: {error}{self._last_good_state()}") from None
                if self.average is not None:
                    self.average.update_parameters(self.network)
                state.step += 1
                done = self._is_done()
                self.logbook.count(result)
                if state.step % settings.log_interval == 0 or done:
                    self.logbook.report(state.step, rate)
                if state.step % settings.validation_interval == 0 or done:
                    self._validate(state.step)
                stop = self.processes.any(bool(signals), self.device)
                if state.step % settings.checkpoint_interval == 0 or done or stop:
                    self._save(self.last)
                if stop and not done:
                    raise Interrupted(self.last, (signals or [signal.SIGTERM])[0])
        self.logbook.say(
            f"done; best weights: {self.best}"
            if self.best.exists()
            else f"done; no best weights, because no validation gave a score; the last ones: {self.last}"
        )

    def result(self) -> Path:
        """Return the path of the best checkpoint, or where there is none, of the last."""
        found = [path for path in (self.best, self.last, self.resumed_from) if path is not None and path.exists()]
        return found[0]

    def _score_start(self) -> None:
        """Score the weights that the run begins from, so that no worse ones are kept as the best.

        Before them, where a run is resumed, the best ones that it had.
        """
        self.state.forget_best()
        best = None if self.resumed_from is None else self.resumed_from.with_name("best.pt")
        if best is not None and best.exists():
            start = {name: value.clone() for name, value in self.scored.state_dict().items()}
            try:
                content = read_checkpoint(best)
                load_weights(self.scored, content["network"], best)
                self.logbook.say(f"scoring the best weights so far, {best}")
                self._validate(int(content["step"]))
            except CheckpointError as error:
                self.logbook.say(f"the best weights so far are left out: {error}")
            self.scored.load_state_dict(start)
        self.logbook.say("scoring the weights that the run begins from")
        self._validate(self.state.step)

    def _validate(self, step: int) -> None:
        """Score the weights of step `step`, or their average, and keep them where they are the best."""
        scores = self.validator.score()
        better = self.state.take_best(scores.values["epe"], step)
        if self.processes.is_main:
            if better:
                save_checkpoint(self.best, self.scored, self.config, step)
            self.logbook.validation(step, scores, better)
        self.processes.barrier()

    def _save(self, path: Path) -> None:
        if self.processes.is_main:
            save_checkpoint(path, self.network, self.config, self.state.step, self.state.state_dict())

    def _last_good_state(self) -> str:
        """Return the end of a message: where the last good state is, if it is anywhere."""
        path = self.last if self.last.exists() else self.resumed_from
        return "" if path is None else f"; the last good state is in {path}"


def _as_start(path: Path) -> str:
    """Return the setting that begins a run from these weights, as a shell takes it."""
    return shlex.quote(f"training.initial_checkpoint={path}")


def _check_precision(config: Config, device: torch.device) -> None:
    # oneDNN 3.12 (PyTorch 2.13): the bf16 gradient of a 3×3×3 convolution's weights, at a depth of exactly 2, takes in
    # memory that nobody wrote. That is the volume's depth at 1/16 for 32 disparities, and for no other number.
    if device.type == "cpu" and config.training.precision == "bf16" and config.model.max_disparity == 32:
        raise ConfigError(
            "training.precision=bf16 with model.max_disparity=32 gives wrong gradients on a CPU (a fault of oneDNN "
            "3.12); set training.precision=fp32, or model.max_disparity=48 or more"
        )
