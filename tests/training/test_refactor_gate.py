"""The refactor gate: 30 steps of a small training with a fixed seed give the losses that they gave before.

A change that is not meant to change numbers leaves them as they are, to the last bit on one machine and one thread.
Machines round differently, and training amplifies that, so the test leaves room for it. A change that is meant to takes
them anew, in a commit of its own: PYTHONPATH=tests python tests/training/test_refactor_gate.py
"""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny_config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stereo.config import AugmentationConfig
from stereo.training.trainer import train

STEPS = 30
LOSSES = [
    7.418369770050049,
    7.88178825378418,
    6.350597381591797,
    6.1230621337890625,
    5.32093620300293,
    5.800426483154297,
    5.241299629211426,
    4.36814546585083,
    4.077105522155762,
    4.396139144897461,
    3.6842265129089355,
    3.7674665451049805,
    3.459855794906616,
    4.477508544921875,
    2.8710570335388184,
    4.209355354309082,
    4.77446174621582,
    4.4341535568237305,
    3.099055290222168,
    4.14125394821167,
    3.468231678009033,
    4.316336631774902,
    4.489506721496582,
    3.585355758666992,
    2.8847315311431885,
    3.5954365730285645,
    3.7484586238861084,
    4.099327087402344,
    3.9632134437561035,
    3.672903060913086,
]


def losses(folder: Path) -> list[float]:
    """The loss of each step, from the run's own log."""
    config = tiny_config(folder / "run", steps=STEPS)
    config.data.augmentation = AugmentationConfig(
        crop_height=48,
        crop_width=64,
        scale_probability=0.3,
        stretch_probability=0.5,
        horizontal_flip_probability=0.3,
        misalignment_probability=0.5,
    )
    config.training.log_interval = 1
    config.training.validation_interval = STEPS
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(config)
    finally:
        torch.set_num_threads(threads)
    log = EventAccumulator(str(folder / "run"))
    log.Reload()
    return [event.value for event in log.Scalars("training/loss")]


def test_a_training_with_a_fixed_seed_gives_the_losses_that_it_gave_before(tmp_path: Path) -> None:
    found = losses(tmp_path)
    assert found[0] == pytest.approx(LOSSES[0], rel=1e-5)
    np.testing.assert_allclose(found, LOSSES, rtol=2e-3)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(",\n".join(repr(value) for value in losses(Path(temporary))))
