"""The learning rate: a function of the step, so that a run is resumed, and extended, without any state."""

import math
from collections.abc import Callable

from stereo.config import OptimizerConfig


def learning_rate(step: int, steps: int, config: OptimizerConfig) -> float:
    """Return the learning rate of step `step` (from 0) of `steps`."""
    return config.learning_rate * SCHEDULES[config.schedule](step, steps, config)


def _one_cycle(step: int, steps: int, config: OptimizerConfig) -> float:
    """Linear warm-up, then cosine. Source: after Smith & Topin, arXiv 1708.07120, with cosine annealing."""
    warmup = max(1, round(config.warmup_fraction * steps))
    return (step + 1) / warmup if step < warmup else _annealed(step - warmup, steps - warmup)


def _cosine(step: int, steps: int, config: OptimizerConfig) -> float:
    return _annealed(step, steps)


def _constant(step: int, steps: int, config: OptimizerConfig) -> float:
    return 1.0


def _annealed(step: int, steps: int) -> float:
    progress = min(1.0, step / max(1, steps))
    return 0.001 + 0.999 * (1 + math.cos(math.pi * progress)) / 2


# The rate as a share of optimizer.learning_rate, by optimizer.schedule.
SCHEDULES: dict[str, Callable[[int, int, OptimizerConfig], float]] = {
    "one_cycle": _one_cycle,
    "cosine": _cosine,
    "constant": _constant,
}
