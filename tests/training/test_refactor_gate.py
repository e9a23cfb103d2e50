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
    7.620327949523926,
    6.486248970031738,
    6.7777204513549805,
    6.270627498626709,
    5.602151870727539,
    4.734254360198975,
    5.044057846069336,
    4.524414539337158,
    3.5391464233398438,
    3.5678977966308594,
    4.090134620666504,
    4.538183212280273,
    3.2423362731933594,
    4.183086395263672,
    3.40602445602417,
    4.185283184051514,
    4.7417497634887695,
    5.2196855545043945,
    3.2289228439331055,
    2.842918872833252,
    3.462264060974121,
    4.422194480895996,
    3.345754623413086,
    3.0416088104248047,
    3.767211675643921,
    4.37156343460083,
    3.6115400791168213,
    2.9806127548217773,
    3.4345641136169434,
    3.2064216136932373,
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
