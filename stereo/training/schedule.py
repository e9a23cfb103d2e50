"""The learning rate: a function of the step, so that a run is resumed, and extended, without any state."""

import math
from collections.abc import Callable

from stereo.config import OptimizerConfig


def learning_rate(step: int, steps: int, config: OptimizerConfig) -> float:
    """Return the learning rate of step `step` (from 0) of `steps`: a linear warm-up, then the schedule."""
    warmup = _warmup_steps(steps, config)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return config.learning_rate * SCHEDULES[config.schedule](progress, config)


def _warmup_steps(steps: int, config: OptimizerConfig) -> int:
    if config.warmup_steps is not None:
        return config.warmup_steps
    return max(1, round(config.warmup_fraction * steps)) if config.schedule == "one_cycle" else 0


def _annealed(progress: float, config: OptimizerConfig) -> float:
    """Half a cosine down to a thousandth. Source: Loshchilov & Hutter, "SGDR", ICLR 2017, eq. 5, without restarts.

    With a warm-up before it this is one cycle: after Smith & Topin, arXiv 1708.07120.
    """
    return 0.001 + 0.999 * (1 + math.cos(math.pi * progress)) / 2


def _multi_step(progress: float, config: OptimizerConfig) -> float:
    """Source: PSMNet (Chang & Chen, CVPR 2018), section 4.2: for KITTI a tenth of the rate after 200 of 300 epochs."""
    return config.milestone_factor ** sum(progress >= milestone for milestone in config.milestones)


# The rate as a share of optimizer.learning_rate, by optimizer.schedule, from the share of the steps after the warm-up
# that are done, 0 … 1.
SCHEDULES: dict[str, Callable[[float, OptimizerConfig], float]] = {
    "one_cycle": _annealed,
    "cosine": _annealed,
    "multi_step": _multi_step,
    "constant": lambda progress, config: 1.0,
}
