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
    7.881789684295654,
    6.358025550842285,
    5.969876289367676,
    5.418041229248047,
    5.93325662612915,
    5.201537132263184,
    4.386526107788086,
    3.9937970638275146,
    4.347557067871094,
    3.5701942443847656,
    3.720492362976074,
    3.5684194564819336,
    4.5591230392456055,
    2.959773063659668,
    4.1817426681518555,
    4.9276604652404785,
    4.45660924911499,
    3.150641679763794,
    4.291163921356201,
    3.576820135116577,
    4.384678363800049,
    4.565253257751465,
    3.5381269454956055,
    2.974215030670166,
    3.540327548980713,
    3.7737698554992676,
    4.050888538360596,
    3.978390693664551,
    3.6928184032440186,
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
