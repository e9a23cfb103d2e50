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
    5.241094589233398,
    4.371710300445557,
    4.050572395324707,
    4.413332939147949,
    3.542570114135742,
    3.804976224899292,
    3.3968327045440674,
    4.626920700073242,
    2.9531896114349365,
    4.298518657684326,
    4.836652755737305,
    4.436363220214844,
    3.1096560955047607,
    4.2102203369140625,
    3.546987771987915,
    4.332277297973633,
    4.57957649230957,
    3.527392864227295,
    2.9773876667022705,
    3.5785107612609863,
    3.7642650604248047,
    4.234679222106934,
    4.023740291595459,
    3.7002832889556885,
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
