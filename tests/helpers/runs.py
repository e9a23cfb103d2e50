"""What tests read of a training run: its weights and its log."""

from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stereo.checkpoint import read_checkpoint
from stereo.training.validation import Scores


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The network's weights in a checkpoint."""
    return read_checkpoint(path)["network"]


def same_weights(first: Path, second: Path) -> bool:
    """Whether two checkpoints hold the same weights, to the last bit."""
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def scalars(folder: Path, tag: str) -> dict[int, float]:
    """The points of one curve in a run's TensorBoard log, by step."""
    log = EventAccumulator(str(folder))
    log.Reload()
    return {event.step: event.value for event in log.Scalars(tag)}


def constant_scores(epe: float) -> Scores:
    """The scores of a validation with this error, whatever the measure."""
    return Scores(dict.fromkeys(("epe", "bad_1", "bad_2", "bad_3", "d1"), epe), 2, (), [])
