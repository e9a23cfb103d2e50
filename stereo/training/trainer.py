"""Training: one configuration in, a run folder with checkpoints, logs and the resolved configuration out."""

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch.utils.data import DataLoader

from stereo.checkpoint import read_checkpoint
from stereo.config import Config
from stereo.data.datasets import build_dataset, describe
from stereo.data.loader import StereoBatch, build_loader, iterate
from stereo.data.training_data import TrainingData
from stereo.device import select_device
from stereo.errors import CheckpointError, NotFiniteError, StereoError, TrainingError
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights
from stereo.processes import Processes, join_processes
from stereo.signals import noticed_signals
from stereo.training.average import average_of
from stereo.training.changes import listed
from stereo.training.first_samples import check_training_data, check_validation_data
from stereo.training.folder import RunFolder
from stereo.training.logbook import Logbook
from stereo.training.optimizer import build_optimizer, set_learning_rate
from stereo.training.resuming import take_up
from stereo.training.schedule import learning_rate
from stereo.training.signals import Interrupted
from stereo.training.start import check_precision, load_initial_weights
from stereo.training.state import RunState
from stereo.training.step import TrainingStep, distribute
from stereo.training.validation import Validator

# A run whose first so many steps had no pixel to learn from ends.
_BLANK_STEPS = 100


def train(config: Config, resume: str | None = None, allow_change: Sequence[str] = ()) -> Path:
    """Run the experiment to its last step and return the path of its best checkpoint.

    Where no validation gave a score there is no best one: then the log says so, and the path is that of the last.
    Under `torchrun` each process trains its share of the batch.

    Args:
        resume: None begins anew; `auto` goes on from the run folder's newest whole checkpoint if there is one; a path,
            from there.
        allow_change: Settings that a resumed run may change although that makes another experiment of it.

    Raises: StereoError for whatever the user can mend; Interrupted after a signal that asks to stop.
    """
    with join_processes(config.training.device) as processes:
        trainer = Trainer(config, processes)
        try:
            trainer.prepare(resume, allow_change)
            trainer.run()
            return trainer.result()
        finally:
            trainer.folder.release()


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
        check_precision(config, device)
        self.folder = RunFolder(Path(config.training.output), config.training.keep_last, self.logbook.say)
        self._started = time.monotonic()
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
        self.scores_start = False

    # ------------------------------------------------------------------------------------------------ before the run

    def prepare(self, resume: str | None, allow_change: Sequence[str] = ()) -> None:
        """Take up the state to resume from, and make the run folder unless nothing is left to do.

        Raises: TrainingError where the folder holds another run, or the checkpoint does not fit this configuration.
        """
        found = self.folder.newest() if resume == "auto" else None
        if found is None:
            source = None if resume in (None, "auto") else Path(str(resume))
            self.folder.require_unused(self.config, source)
            found = None if source is None else (source, read_checkpoint(source))
        if found is not None:
            self._resume(*found, allow_change)
        else:
            # This run may make weights worse that had a training before, so they are scored first.
            self.scores_start = load_initial_weights(self.network, self.config.training)
            self.scored.load_state_dict(self.network.state_dict())
        if self._is_done():
            return
        self._loader()  # which may refuse, before anything is written
        if self.processes.is_main:
            self.folder.take()
            for line in [line for dataset in self.training_data.sets for line in describe(dataset)]:
                self.logbook.say(f"training on {line}")
            for line in self.remarks:
                self.logbook.say(f"warning: {line}")
            self.folder.write_settings(self.config, self.state.changes)

    def _resume(self, path: Path, content: dict[str, Any], allow_change: Sequence[str]) -> None:
        changes = take_up(path, content, self.config, allow_change, self.network, self.state)
        self.folder.resumed_from = path
        # The best score so far means something where it is of the same data, and where its weights are at hand.
        here = path.resolve().parent == self.folder.path.resolve()
        self.scores_start = changes.validation or not here or not self.folder.best.exists()
        if path.resolve() == self.folder.last.resolve():
            self.folder.saved_step = self.state.step
        self.logbook.say(f"resumed from {path} at step {self.state.step}")
        for what, lines in (
            ("changed since then", changes.taken),
            ("changed from here on, as --allow-change says", changes.allowed),
            ("settings that this version does not have", changes.gone),
        ):
            if lines:
                self.logbook.say(f"{what}: {listed(lines)}")

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
        return self.state.step >= self.config.training.steps or self._is_stale()

    def _is_stale(self) -> bool:
        """Return whether the validations have been without a better score for too long."""
        return 0 < self.config.training.patience <= self.state.stale

    # --------------------------------------------------------------------------------------------------------- the run

    def run(self) -> None:
        """Train from the current step to the last, to the end of the time, or until the score gets no better.

        Raises: TrainingError where the run diverged, or found nothing to learn from; Interrupted.
        """
        settings, state = self.config.training, self.state
        if self._is_done():
            why = f"; {state.stale} validations without a better score" if self._is_stale() else ""
            self.logbook.say(
                f"{self.folder.path}: already at step {state.step} of {settings.steps}{why}; nothing to do"
            )
            return
        take_step = TrainingStep(
            self.network,
            distribute(self.network, self.processes, self.device),
            state.optimizer,
            self.config.loss,
            self.config.optimizer.gradient_clip,
            bf16=settings.precision == "bf16",
            processes=self.processes,
        )
        with noticed_signals() as signals, self.logbook.opened(self.folder.path, state.step, settings.steps):
            if self.scores_start:
                self._score_start()
            if self.folder.resumed_from is not None and self.folder.saved_step is None:
                self._save(needed=True)  # so that `--resume auto` goes on from here, whatever ends this process
            for batch in self._batches():
                rate = self._take(take_step, batch)
                last = state.step >= settings.steps
                if state.step % settings.log_interval == 0 or last:
                    self.logbook.report(state.step, rate)
                self._check_learned(last)
                if state.step % settings.validation_interval == 0 or last:
                    self._validate(state.step)
                done = self._is_done()
                stop = self.processes.any(bool(signals), self.device)
                ends = done or stop or self._is_time_over()
                if state.step % settings.checkpoint_interval == 0 or ends:
                    self._save(needed=ends)
                if stop and not done:
                    raise Interrupted(self.folder.last, (signals or [signal.SIGTERM])[0])
                if ends:
                    break
        self._say_end()

    def _batches(self) -> Iterator[StereoBatch]:
        """Yield the batches of the steps to come. Where one cannot be had, save what was trained before."""
        try:
            yield from iterate(self._loader())
        except StereoError as error:
            if self.state.step and self.folder.saved_step != self.state.step:
                self._save(needed=True)
            raise type(error)(f"step {self.state.step + 1}: {error}{self.folder.good_state()}") from None

    def _take(self, take_step: TrainingStep, batch: StereoBatch) -> float:
        """Take one step and return its learning rate. Raises: TrainingError after too many that had to be skipped."""
        state, most = self.state, self.config.training.max_skipped_steps
        rate = learning_rate(state.step, self.config.training.steps, self.config.optimizer)
        set_learning_rate(state.optimizer, rate)
        result = take_step(batch.to(self.device))
        if self.average is not None and result.learned:
            self.average.update_parameters(self.network)
        state.take_step(result.fault, result.learned)
        self.logbook.count(result)
        if result.fault:
            names = ", ".join(name for share in self.processes.gather(batch.names) for name in share)
            self.logbook.say(
                f"warning: step {state.step} is skipped, {state.skipped} so far: {result.fault}; its samples: {names}"
            )
            if state.skipped_in_row >= most:
                self._save(needed=True)
                raise TrainingError(
                    f"step {state.step}: {result.fault}; so it was in {most} steps in a row "
                    f"(training.max_skipped_steps){self.folder.good_state()}"
                )
        return rate

    def _check_learned(self, last: bool) -> None:
        """Raise TrainingError where no step of the run has changed the weights."""
        state = self.state
        if state.learned or not (last or state.step >= _BLANK_STEPS):
            return
        if state.skipped:
            raise TrainingError(
                f"step {state.step}: no step changed the weights, {state.skipped} were skipped; lower "
                "optimizer.learning_rate, or check the data set's ground truth"
            )
        raise TrainingError(
            f"step {state.step}: no sample so far has a pixel to learn from: ground truth that is known, more than "
            f"0 and less than model.max_disparity={self.config.model.max_disparity} px; look at the data with "
            "scripts/show_dataset.py"
        )

    def _is_time_over(self) -> bool:
        hours = self.config.training.max_hours
        return hours is not None and self.processes.any(time.monotonic() - self._started > hours * 3600, self.device)

    def _say_end(self) -> None:
        state, settings, folder = self.state, self.config.training, self.folder
        if not self._is_done():
            self.logbook.say(
                f"the time is over (training.max_hours={settings.max_hours}) at step {state.step} of {settings.steps}; "
                f"the state is in {folder.last}; go on with --resume auto"
            )
            return
        early = f" early, after {state.stale} validations without a better score" if self._is_stale() else ""
        self.logbook.say(
            f"done{early}; best weights: {folder.best}"
            if folder.best.exists()
            else f"done{early}; no best weights, because no validation gave a score; the last ones: {folder.last}"
        )

    def result(self) -> Path:
        """Return the path of the best checkpoint, or where there is none, of the last."""
        found = [
            path for path in (self.folder.best, self.folder.last, self.folder.resumed_from) if path and path.exists()
        ]
        return found[0]

    def _score_start(self) -> None:
        """Score the weights that the run begins from, so that no worse ones are kept as the best.

        Before them, where a run is resumed, the best ones that it had.
        """
        stale = self.state.stale
        self.state.forget_best()
        best = None if self.folder.resumed_from is None else self.folder.resumed_from.with_name(self.folder.best.name)
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
        self.state.stale = stale

    def _validate(self, step: int) -> None:
        """Score the weights of step `step`, or their average, and keep them where they are the best.

        Raises: TrainingError where a prediction is not finite.
        """
        try:
            scores = self.validator.score()
        except NotFiniteError:
            raise TrainingError(
                f"step {step}: the run diverged: in validation the network gives values that are not finite; lower "
                f"optimizer.learning_rate{self.folder.good_state()}"
            ) from None
        before = self.state.best_epe, self.state.best_step, self.state.stale
        better = self.state.take_best(scores.values["epe"], step)
        if self.processes.is_main:
            if better and not self.folder.save_best(self.scored, self.config, step):
                self.state.best_epe, self.state.best_step, self.state.stale = before
                better = False
            self.logbook.validation(step, scores, better)
        self.processes.barrier()

    def _save(self, needed: bool) -> None:
        if self.processes.is_main:
            self.folder.save(self.network, self.config, self.state, needed)
