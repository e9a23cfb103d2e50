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
    8.044220924377441,
    6.748473167419434,
    6.5869832038879395,
    5.548951148986816,
    4.939815998077393,
    5.117639541625977,
    5.299542427062988,
    4.463590145111084,
    3.8981034755706787,
    4.20015811920166,
    3.449324131011963,
    3.353806972503662,
    3.6343295574188232,
    3.6142513751983643,
    4.635388374328613,
    4.185015678405762,
    4.178433418273926,
    3.5534520149230957,
    4.676771640777588,
    3.6211514472961426,
    3.7580199241638184,
    4.421408653259277,
    3.2865476608276367,
    3.595740795135498,
    2.969301223754883,
    2.998516082763672,
    3.5361485481262207,
    2.8941617012023926,
    3.5068600177764893,
    2.7274928092956543,
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
