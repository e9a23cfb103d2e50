"""Scores the weights of a run at intervals, and keeps the best of them."""

from collections.abc import Mapping
from typing import cast

import torch

from stereo.checkpoint import read_checkpoint
from stereo.config import Config
from stereo.data.datasets import StereoDataset
from stereo.errors import CheckpointError, NotFiniteError, StereoError, TrainingError
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights
from stereo.processes import Processes
from stereo.training.folder import RunFolder
from stereo.training.logbook import Logbook
from stereo.training.state import RunState
from stereo.training.validation import Validator


class Scoring:
    """Scores what is kept as the best, the network or the moving average of its weights.

    Beside that it scores, for whoever watches, further data sets, and the network where there is an average.
    """

    def __init__(
        self,
        config: Config,
        network: StereoNetwork,
        state: RunState,
        folder: RunFolder,
        logbook: Logbook,
        processes: Processes,
        device: torch.device,
        validation_set: StereoDataset,
        further_sets: Mapping[str, StereoDataset],
    ) -> None:
        self.config, self.state, self.folder = config, state, folder
        self.logbook, self.processes = logbook, processes
        self.scored = network if state.average is None else cast(StereoNetwork, state.average.module)
        self.validator = Validator(self.scored, device, validation_set, processes)
        self.watched = {
            name: Validator(self.scored, device, dataset, processes) for name, dataset in further_sets.items()
        }
        if state.average is not None:
            self.watched["raw weights"] = Validator(network, device, validation_set, processes)

    def try_one(self) -> None:
        """Predict one pair of each set. Raises: StereoError, where validation would fail after hours of training."""
        for validator in (self.validator, *self.watched.values()):
            validator.try_one()

    def score_start(self) -> None:
        """Score the weights that the run begins from, so that no worse ones are kept as the best.

        Before them, where a run is resumed, the best ones that it had.
        """
        stale = self.state.stale
        self.state.forget_best()
        resumed = self.folder.resumed_from
        best = None if resumed is None else resumed.with_name(self.folder.best.name)
        if best is not None and best.exists():
            start = {name: value.clone() for name, value in self.scored.state_dict().items()}
            try:
                content = read_checkpoint(best)
                load_weights(self.scored, content["network"], best)
                self.logbook.say(f"scoring the best weights so far, {best}")
                self._score_best(int(content["step"]))
            except CheckpointError as error:
                self.logbook.say(f"the best weights so far are left out: {error}")
            self.scored.load_state_dict(start)
        self.logbook.say("scoring the weights that the run begins from")
        self.score(self.state.step)
        self.state.stale = stale

    def score(self, step: int) -> None:
        """Score the weights of step `step`, and keep them where they are the best.

        Raises: TrainingError where a prediction is not finite.
        """
        with self.logbook.paused():
            self._score_best(step)
            for name, validator in self.watched.items():
                try:
                    self.logbook.validation(step, validator.score(with_panels=name != "raw weights"), False, name)
                except StereoError as error:  # it decides nothing
                    self.logbook.say(f"warning: step {step}: validation on {name} has no score: {error}")

    def _score_best(self, step: int) -> None:
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
