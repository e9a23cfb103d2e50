"""What a run is, apart from its settings and its weights: this is saved, and restored when the run is resumed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from stereo.config import TrainingConfig
from stereo.data.training_data import ORDER_VERSION
from stereo.errors import TrainingError
from stereo.training.average import MovingAverage


class RunState:
    """How far a run has come.

    step: optimizer steps taken so far.
    best_epe: the least validation EPE so far, px; infinity where there is none. The weights that gave it lie in the run
        folder's best.pt.
    best_step: the step of those weights; None where there are none, or where an older checkpoint does not say.
    stale: validations since the best one.
    learned: steps that changed the weights.
    skipped, skipped_in_row: steps whose loss or gradient was not finite, in all and since the last one that was.
    changes: in words, each with its step, the settings that were changed while the run went on.
    average: of the weights, where there is one.
    scaler: of the loss, where precision is fp16.
    samples: how many each training set has, on which the order of the draws depends; empty where an older checkpoint
        does not say.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        average: MovingAverage | None = None,
        samples: Sequence[int] = (),
        scaler: GradScaler | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.average = average
        self.scaler = scaler
        self.samples = list(samples)
        self.step = 0
        self.best_epe = math.inf
        self.best_step: int | None = None
        self.stale = 0
        self.learned = self.skipped = self.skipped_in_row = 0
        self.changes: list[str] = []

    def take_best(self, epe: float, step: int) -> bool:
        """Return whether this validation EPE is the best so far, and remember it if so. NaN is never the best."""
        better = epe < self.best_epe
        if better:
            self.best_epe, self.best_step, self.stale = epe, step, 0
        elif math.isfinite(epe):
            self.stale += 1
        return better

    def forget_best(self) -> None:
        """Begin anew to look for the best weights."""
        self.best_epe, self.best_step = math.inf, None

    def count(self, fault: str, learned: bool) -> None:
        """Count what came of a step: what was wrong with it, if anything, and whether it changed the weights."""
        self.learned += learned
        self.skipped += bool(fault)
        self.skipped_in_row = self.skipped_in_row + 1 if fault else 0

    def is_done(self, settings: TrainingConfig) -> bool:
        """Return whether nothing is left to train."""
        return self.step >= settings.steps or self.is_stale(settings)

    def is_stale(self, settings: TrainingConfig) -> bool:
        """Return whether the validations have been without a better score for too long."""
        return 0 < settings.patience <= self.stale

    def state_dict(self) -> dict[str, Any]:
        """Return plain values and tensors."""
        return {
            "step": self.step,
            "best_epe": self.best_epe,
            "best_step": self.best_step,
            "stale": self.stale,
            "learned": self.learned,
            "skipped": self.skipped,
            "skipped_in_row": self.skipped_in_row,
            "changes": self.changes,
            "samples": self.samples,
            "order": ORDER_VERSION,
            "optimizer": self.optimizer.state_dict(),
            **({} if self.average is None else {"average": self.average.state_dict()}),
            **({} if self.scaler is None else {"scaler": self.scaler.state_dict()}),
        }

    def load_state_dict(self, values: Mapping[str, Any], other_data: bool = False) -> None:
        """Take over what `state_dict` returned; what it does not know (the schedule, which once had a state) is left.

        Args:
            other_data: The training sets may have other numbers of samples, drawn in another order.

        Raises: TrainingError where the training sets had other numbers of samples, or another order; AttributeError,
            KeyError, TypeError, ValueError or RuntimeError where that is something else.
        """
        # Older checkpoints say neither.
        samples, order = list(values.get("samples", [])) or self.samples, int(values.get("order", 1))
        # The moments alone: rate and weight decay are the configuration's.
        own = self.optimizer.state_dict()["param_groups"]
        moments = _by_name(values["optimizer"], own)
        if not other_data:
            self._require_same_draws(samples, order)
        self.optimizer.load_state_dict({"state": moments, "param_groups": own})
        _check_moments(self.optimizer)
        self.step = int(values["step"])
        self.best_epe = float(values["best_epe"])
        best_step = values.get("best_step")
        self.best_step = None if best_step is None else int(best_step)
        # Older checkpoints do not say the rest.
        self.stale = int(values.get("stale", 0))
        self.learned = int(values.get("learned", self.step))
        self.skipped, self.skipped_in_row = int(values.get("skipped", 0)), int(values.get("skipped_in_row", 0))
        self.changes = [str(line) for line in values.get("changes", [])] + self._changed_draws(samples, order)
        if self.average is not None and "average" in values:
            self.average.load_state_dict(values["average"])
        if self.scaler is not None and "scaler" in values:
            self.scaler.load_state_dict(values["scaler"])

    def _require_same_draws(self, samples: Sequence[int], order: int) -> None:
        """Raise TrainingError where sets of so many samples, or that version of the order, give other draws."""
        if samples != self.samples:
            raise TrainingError(
                f"the training sets had {_listed(samples)} samples and have {_listed(self.samples)} now, so that "
                "another order would be drawn; restore the data, or the list that chooses from it (names, skip_list), "
                "or, if that may be, use --allow-change data"
            )
        if order != ORDER_VERSION:
            raise TrainingError(
                f"the run drew its samples in the order of version {order}, and this code has version {ORDER_VERSION}: "
                "of the pass under way some would come twice and others not at all; if that may be, use --allow-change "
                "data"
            )

    def _changed_draws(self, samples: Sequence[int], order: int) -> list[str]:
        """Return what changes of the draws from this step on, as lines for `changes`."""
        lines = []
        if samples != self.samples:
            now = _listed(self.samples)
            lines.append(f"from step {self.step}: the training sets have {now} samples, had {_listed(samples)}")
        if order != ORDER_VERSION:
            lines.append(f"from step {self.step}: the order of samples is version {ORDER_VERSION}, was {order}")
        return lines


def _by_name(stored: Mapping[str, Any], own: Sequence[Mapping[str, Any]]) -> dict[int, Any]:
    """Return the moments of an optimizer's state by the number that each weight has in `own` groups.

    The numbers follow the groups, which other settings of the optimizer may arrange differently. Older checkpoints have
    no names; their groups are arranged as the network is.
    """
    if not all("param_names" in group for group in stored.get("param_groups", [{}])):
        return dict(stored["state"])
    moments = {
        name: stored["state"][number]
        for group in stored["param_groups"]
        for name, number in zip(group["param_names"], group["params"], strict=True)
        if number in stored["state"]
    }
    return {
        number: moments[name]
        for group in own
        for name, number in zip(group["param_names"], group["params"], strict=True)
        if name in moments
    }


def _check_moments(optimizer: Optimizer) -> None:
    """Raise ValueError where the moments of AdamW are not those of its weights: its next step would fail."""
    for group in optimizer.param_groups:
        for weight in group["params"]:
            moments = optimizer.state[weight]
            for name in ("step", "exp_avg", "exp_avg_sq") if moments else ():
                value = moments.get(name)
                shape = torch.Size([]) if name == "step" else weight.shape
                if not isinstance(value, torch.Tensor) or value.shape != shape or not value.is_floating_point():
                    raise ValueError(f"a {name} is not one of its weight")


def _listed(samples: Sequence[int]) -> str:
    return " + ".join(f"{count:,}" for count in samples)
