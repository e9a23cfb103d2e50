"""What a run is, apart from its settings and its weights: this is saved, and restored when the run is resumed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from stereo.errors import TrainingError


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
    samples: how many each training set has, on which the order of the draws depends; empty where an older checkpoint
        does not say.
    """

    def __init__(self, optimizer: Optimizer, average: AveragedModel | None = None, samples: Sequence[int] = ()) -> None:
        self.optimizer = optimizer
        self.average = average
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

    def take_step(self, fault: str, learned: bool) -> None:
        """Count a step: what was wrong with it, if anything, and whether it changed the weights."""
        self.step += 1
        self.learned += learned
        self.skipped += bool(fault)
        self.skipped_in_row = self.skipped_in_row + 1 if fault else 0

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
            "optimizer": self.optimizer.state_dict(),
            **({} if self.average is None else {"average": self.average.state_dict()}),
        }

    def load_state_dict(self, values: Mapping[str, Any], other_data: bool = False) -> None:
        """Take over what `state_dict` returned; what it does not know (the schedule, which once had a state) is left.

        Args:
            other_data: The training sets may have other numbers of samples.

        Raises: TrainingError where the training sets had other numbers of samples; KeyError, TypeError, ValueError or
            RuntimeError where that is something else.
        """
        samples = list(values.get("samples", []))
        if samples and self.samples and samples != self.samples and not other_data:
            raise TrainingError(
                f"the training sets had {_listed(samples)} samples and have {_listed(self.samples)} now, so that "
                "another order would be drawn; restore the data, or the list that chooses from it (names, skip_list)"
            )
        # The moments alone: rate and weight decay are the configuration's.
        own = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": values["optimizer"]["state"], "param_groups": own})
        _check_moments(self.optimizer)
        self.step = int(values["step"])
        self.best_epe = float(values["best_epe"])
        best_step = values.get("best_step")
        self.best_step = None if best_step is None else int(best_step)
        # Older checkpoints do not say the rest.
        self.stale = int(values.get("stale", 0))
        self.learned = int(values.get("learned", self.step))
        self.skipped, self.skipped_in_row = int(values.get("skipped", 0)), int(values.get("skipped_in_row", 0))
        self.changes = [str(line) for line in values.get("changes", [])]
        if self.average is not None and "average" in values:
            self.average.load_state_dict(values["average"])


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
