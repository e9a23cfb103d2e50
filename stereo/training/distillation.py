"""Distillation: a fixed teacher predicts the clean views, and the student, on the perturbed ones, learns that too.

Clean are the views as they were before augmentation changed how they look: they have moved (crop, scale, flips,
misalignment) as the student's have, so that the teacher's disparity is that of the student's pixels.

Source: DKT-Stereo (Zhang et al., "Robust Synthetic-to-Real Transfer for Stereo Matching", CVPR 2024), without its
second teacher, the moving average: a frozen teacher sees the clean views, the student the augmented ones, and the loss
is that against the ground truth plus that against the teacher. That a pixel weighs as much as the teacher's estimate
can be relied on follows "Consistency-aware Self-Training for Iterative-based Stereo Matching" (arXiv 2503.23747), which
measures that otherwise: here it is the network's own confidence.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stereo.checkpoint import load_checkpoint
from stereo.config import Config, DistillationConfig, LossConfig
from stereo.data.batch import StereoBatch
from stereo.errors import CheckpointError, TrainingError
from stereo.model.network import StereoNetwork
from stereo.model.regression import SupervisedOutput
from stereo.training.losses import weights_of_outputs


class Target(NamedTuple):
    """What the teacher says of some samples."""

    disparity: Tensor  # float32 [B, H, W], px
    confidence: Tensor  # float32 [B, H, W], 0 … 1


class Teacher:
    """A network that is never trained.

    name: its file or name, for messages. sha256: of its file.
    """

    def __init__(self, network: StereoNetwork, weight: float, name: str = "", sha256: str = "") -> None:
        self.network = network.eval().requires_grad_(False)
        self.weight = weight
        self.name, self.sha256 = name, sha256

    @torch.no_grad()
    def predict(self, clean: Tensor, half: torch.dtype | None = None) -> Target:
        """Return what the teacher says.

        Args:
            clean: [2, B, 3, H, W], the left and the right views, RGB in 0 … 1, on the teacher's device.
            half: The type of its forward pass where that is not in float32.
        """
        with torch.autocast(clean.device.type, half, enabled=half is not None):
            output = self.network(clean[0], clean[1], with_confidence=True)
        assert output.confidence is not None
        return Target(output.disparity.float(), output.confidence.float())

    def losses(self, predictions: Sequence[SupervisedOutput], target: Target, config: LossConfig) -> list[Tensor]:
        """Return, of each supervised output of the student, the loss against the teacher times its weights: scalars.

        It is the mean over all pixels, known or not, of the smooth-L1 (Huber at 1 px) times the teacher's confidence.
        """
        weights = weights_of_outputs(predictions, config)
        return [
            self.weight * weight * (target.confidence * _smooth_l1(prediction.disparity, target.disparity)).mean()
            for prediction, weight in zip(predictions, weights, strict=True)
        ]

    def try_on(self, batch: StereoBatch) -> None:
        """Raise TrainingError unless the teacher takes such a batch, and says something finite of its first sample."""
        assert batch.clean is not None
        height, width = batch.clean.shape[-2:]
        least = self.network.min_size
        if min(height, width) < least:
            raise TrainingError(
                f"training.distillation.teacher {self.name} takes {least} px or more on each side, and the samples are "
                f"{width}×{height} (width × height); set data.augmentation.crop_height and crop_width to that or more"
            )
        clean = batch.clean[:, :1].to(self.network.image_mean.device).float() / 255
        if not all(part.isfinite().all() for part in self.predict(clean)):
            raise TrainingError(
                f"training.distillation.teacher {self.name} predicts disparities that are not finite: its weights are "
                "broken; name another checkpoint"
            )


def load_teacher(settings: DistillationConfig, max_disparity: int, device: torch.device) -> Teacher | None:
    """Return the teacher that the settings name, on the device; None where they name none.

    Args:
        max_disparity: Of the student, px.

    Raises: CheckpointError where it cannot be read; TrainingError where it searches another range, or is not the file
        that was expected.
    """
    if settings.teacher is None:
        return None
    try:
        loaded = load_checkpoint(settings.teacher, device)
    except CheckpointError as error:
        raise CheckpointError(f"training.distillation.teacher: {error}") from None
    sha256 = hashlib.sha256(loaded.path.read_bytes()).hexdigest()
    if settings.teacher_sha256 not in (None, sha256):
        raise TrainingError(
            f"training.distillation.teacher {settings.teacher} has the SHA-256 {sha256}, expected teacher_sha256 "
            f"{settings.teacher_sha256}; name that file, or set training.distillation.teacher_sha256=null"
        )
    if loaded.network.max_disparity != max_disparity:
        raise TrainingError(
            f"training.distillation.teacher {settings.teacher} has a max_disparity of {loaded.network.max_disparity}, "
            f"but model.max_disparity is {max_disparity}; set that to {loaded.network.max_disparity}, or name another "
            "teacher"
        )
    return Teacher(loaded.network, settings.weight, settings.teacher, sha256)


def with_teacher_recorded(config: Config, teacher: Teacher | None) -> Config:
    """Return the configuration with the SHA-256 of its teacher, which resuming compares like all other settings."""
    if teacher is None:
        return config
    distillation = replace(config.training.distillation, teacher_sha256=teacher.sha256)
    return replace(config, training=replace(config.training, distillation=distillation))


def _smooth_l1(prediction: Tensor, target: Tensor) -> Tensor:
    return F.smooth_l1_loss(prediction, target, reduction="none")
