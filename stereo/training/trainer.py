"""Training: one configuration in, a run folder with checkpoints, logs and the resolved configuration out."""

import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.amp.grad_scaler import GradScaler
from torch.utils.data import DataLoader

from stereo.checkpoint import read_checkpoint
from stereo.config import Config
from stereo.data.batch import StereoBatch
from stereo.data.datasets import build_dataset, describe
from stereo.data.loader import build_loader, iterate
from stereo.data.training_data import TrainingData
from stereo.device import select_device
from stereo.errors import ConfigError, StereoError, TrainingError
from stereo.model.network import StereoNetwork
from stereo.processes import LOST, LostProcessError, Processes, is_lost, join_processes
from stereo.signals import noticed_signals
from stereo.training.average import average_of
from stereo.training.distillation import load_teacher, with_teacher_recorded
from stereo.training.first_samples import check_training_data, check_validation_data, first_batch
from stereo.training.folder import RunFolder
from stereo.training.logbook import Logbook
from stereo.training.memory import check_memory
from stereo.training.optimizer import build_optimizer, set_learning_rate
from stereo.training.outcomes import Outcomes
from stereo.training.resuming import take_up
from stereo.training.schedule import learning_rate
from stereo.training.scoring import Scoring
from stereo.training.signals import Interrupted
from stereo.training.start import check_precision, load_initial_weights, set_tf32
from stereo.training.state import RunState
from stereo.training.step import TrainingStep, build_step
from stereo.training.summary import describe_done, describe_end, describe_run, named_sets


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
            return trainer.folder.weights()
        except RuntimeError as error:
            if is_lost(error):
                raise LostProcessError(f"{LOST}{trainer.folder.good_state()}; go on with --resume auto") from None
            raise
        finally:
            trainer.folder.release()


class Trainer:
    """One run. Call `prepare`, then `run`."""

    def __init__(self, config: Config, processes: Processes | None = None) -> None:
        self.config = config
        self.processes = processes or Processes()
        device = select_device(config.training.device)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", self.processes.local_rank)
        self.device = device
        check_precision(config, device)
        set_tf32(config.training.tf32)
        self.logbook = Logbook(self.processes.is_main, config.data.batch_size, device)
        self.folder = RunFolder(Path(config.training.output), config.training.keep_last, self.logbook.say)
        self._started = time.monotonic()
        torch.manual_seed(config.training.seed)
        # Before anything is written: data that cannot be used must not leave a run folder behind.
        validation_set = build_dataset(config.data.validation)
        further_sets = named_sets(config.data.also_validate)
        self.training_data = TrainingData(config.data)
        self.remarks = check_validation_data(validation_set)
        for name, dataset in further_sets.items():
            self.remarks += check_validation_data(dataset, f"data.also_validate ({name})")
        check_training_data(self.training_data, config.data.augmentation, config.model.min_size, StereoNetwork.stride)
        self.network = StereoNetwork(config.model).with_fast_layout(device, config.training.channels_last)
        # After the network, whose weights are drawn as without a teacher.
        self.teacher = load_teacher(config.training.distillation, config.model.max_disparity, device)
        config = self.config = with_teacher_recorded(config, self.teacher)
        self.average = average_of(self.network, config.optimizer.average_decay)
        self.state = RunState(
            build_optimizer(self.network, config.optimizer),
            self.average,
            [len(dataset) for dataset in self.training_data.sets],
            GradScaler(device.type) if config.training.precision == "fp16" else None,
        )
        self.scoring = Scoring(
            config,
            self.network,
            self.state,
            self.folder,
            self.logbook,
            self.processes,
            device,
            validation_set,
            further_sets,
        )
        self.outcomes = Outcomes(self.state, self.logbook, self.processes, config.training.max_skipped_steps)
        self.scores_start = False

    # ------------------------------------------------------------------------------------------------ before the run

    def prepare(self, resume: str | None, allow_change: Sequence[str] = ()) -> None:
        """Take up the state to resume from, and make the run folder unless nothing is left to do.

        What would fail hours later is tried first: a batch, the memory of a step, a validation pair.

        Raises: TrainingError where the folder holds another run, or the checkpoint does not fit this configuration.
        """
        found = self.folder.newest() if resume == "auto" else None
        if found is None:
            source = None if resume in (None, "auto") else Path(str(resume))
            self.folder.require_unused(self.config, source)
            found = None if source is None else (source, read_checkpoint(source))
        report: list[str] = []
        if found is not None:
            self._resume(*found, allow_change)
        else:
            # This run may make weights worse that had a training before, so they are scored first.
            self.scores_start, report = load_initial_weights(self.network, self.config.training)
            self.scoring.scored.load_state_dict(self.network.state_dict())
        if self.state.is_done(self.config.training):
            return
        self.remarks += self._try_first()
        if self.processes.is_main:
            self.folder.take()
            for dataset in self.training_data.sets:
                self.logbook.say("training on " + "; ".join(line.strip() for line in describe(dataset)))
            for line in [*report, *(f"warning: {line}" for line in self.remarks)]:
                self.logbook.say(line)
            self.folder.write_settings(self.config, self.state.changes)

    def _resume(self, path: Path, content: dict[str, Any], allow_change: Sequence[str]) -> None:
        changes = take_up(path, content, self.config, allow_change, self.network, self.state)
        self.folder.resumed_from = path
        # The best score so far means something where it is of the same data, and where its weights are at hand.
        here = path.resolve().parent == self.folder.path.resolve()
        self.scores_start = changes.validation or not here or not self.folder.best.exists()
        if path.resolve() == self.folder.last.resolve():
            self.folder.saved_step = self.state.step
        for line in (f"resumed from {path} at step {self.state.step}", *changes.told()):
            self.logbook.say(line)

    def _try_first(self) -> list[str]:
        """Load the first batch and predict a validation pair. Return a line where memory may not suffice."""
        settings, batch = self.config.training, first_batch(self._loader())
        count, height, width = batch.disparity.shape
        if count % settings.accumulation:
            raise ConfigError(
                f"training.accumulation is {settings.accumulation}, which does not divide a batch of {count} in each "
                f"of {self.processes.size} processes (data.batch_size {self.config.data.batch_size}); change one of "
                "them"
            )
        if self.teacher is not None:
            self.teacher.try_on(batch)
        self.scoring.try_one()
        shape = count // settings.accumulation, height, width
        return check_memory(self.network, shape, settings.precision, self.average is not None, self.device)

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
            with_clean=self.teacher is not None,
        )

    # --------------------------------------------------------------------------------------------------------- the run

    def run(self) -> None:
        """Train from the current step to the last, to the end of the time, or until the score gets no better.

        Raises: TrainingError where the run diverged, or found nothing to learn from; Interrupted.
        """
        settings, state = self.config.training, self.state
        if state.is_done(settings):
            self.logbook.say(describe_done(state, settings, self.folder))
            return
        take_step = build_step(self.network, state, self.config, self.processes, self.device, self.teacher)
        about = describe_run(self.config, self.network)
        with (
            noticed_signals() as signals,
            self.logbook.opened(self.folder.path, state.step, settings.steps, about),
        ):
            if self.scores_start:
                self.scoring.score_start()
            if self.folder.resumed_from is not None and self.folder.saved_step is None:
                self._save(needed=True)  # so that `--resume auto` goes on from here, whatever ends this process
            for batch in self._batches():
                rate = self._take(take_step, batch)
                if self._ends_after_step(rate, signals):
                    break
        self.logbook.say(describe_end(state, settings, self.folder))

    def _batches(self) -> Iterator[StereoBatch]:
        """Yield the batches of the steps to come. Where one cannot be had, save what was trained before."""
        try:
            yield from self.logbook.timed(iterate(self._loader()), self.config.data.workers)
        except StereoError as error:
            if self.state.step and self.folder.saved_step != self.state.step:
                self._read_outcomes(False)
                self._save(needed=True)
            raise type(error)(f"step {self.state.step + 1}: {error}{self.folder.good_state()}") from None

    def _take(self, take_step: TrainingStep, batch: StereoBatch) -> float:
        """Take one step, without waiting for a GPU, and return its learning rate."""
        state = self.state
        rate = learning_rate(state.step, self.config.training.steps, self.config.optimizer)
        set_learning_rate(state.optimizer, rate)
        taken = take_step(batch.to(self.device))
        if self.average is not None:
            self.average.update_parameters(self.network, taken.learned)
        state.step += 1
        self.outcomes.add(state.step, batch.names, taken)
        self.logbook.count()
        return rate

    def _ends_after_step(self, rate: float, signals: Sequence[int]) -> bool:
        """Report, score and save where it is time to, and return whether the run ends here.

        Args:
            rate: The learning rate of the step.
            signals: Those that this process has received so far.

        Raises: Interrupted after a signal; TrainingError as :meth:`run`.
        """
        settings, state = self.config.training, self.state
        last = state.step >= settings.steps
        logs, scores, saves = (
            last or state.step % interval == 0
            for interval in (settings.log_interval, settings.validation_interval, settings.checkpoint_interval)
        )
        if logs or scores or self.device.type == "cpu":  # where nothing is waited for
            self._read_outcomes(last)
        if logs:
            self.logbook.report(state.step, rate)
        if scores:
            self.scoring.score(state.step)
        done = state.is_done(settings)
        stop = self.processes.any(bool(signals))
        ends = done or stop or self._is_time_over()
        if saves or ends:
            self._read_outcomes(last)
            self._save(needed=ends)
        if stop and not done:
            raise Interrupted(self.folder.last, (signals or [signal.SIGTERM])[0])
        return ends

    def _read_outcomes(self, last: bool) -> None:
        """Take note of what came of the steps. Raises: TrainingError after too many that were skipped, or useless."""
        try:
            self.outcomes.read()
        except TrainingError as error:
            self._save(needed=True)
            raise TrainingError(f"{error}{self.folder.good_state()}") from None
        self.outcomes.check_learned(last, self.config.model.max_disparity)

    def _is_time_over(self) -> bool:
        hours = self.config.training.max_hours
        return hours is not None and self.processes.any(time.monotonic() - self._started > hours * 3600)

    def _save(self, needed: bool) -> None:
        if self.processes.is_main:
            with self.logbook.paused():
                self.folder.save(self.network, self.config, self.state, needed)
